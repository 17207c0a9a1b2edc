"""Choosing files: the uploader, the inbox, and the list of what was chosen."""

from __future__ import annotations

import copyreg
import json
import uuid
from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import UploadedFile, UploadedFileRec

from pages._ui import frame, upload_hub
from pages._ui.words import literal, plain, t
from studio.corpus.preview import Preview
from studio.corpus.reading.form import Choices
from studio.workflows import corpora
from studio.workflows.corpora import GivenFile
from studio.workflows.studio import Studio

_FILES, _ROUND, _RUN = "upload.files", "upload.round", "upload.run"
_RUN_PARAM = "run"


def size_text(n_bytes: int) -> str:
    """Bytes as a short size."""
    for unit, factor in (("GB", 1024**3), ("MB", 1024**2), ("kB", 1024)):
        if n_bytes >= factor:
            return f"{n_bytes / factor:.1f} {unit}"
    return f"{n_bytes} B"


def _shared(file: UploadedFile) -> tuple[Any, ...]:
    """How to copy an upload without copying its bytes."""
    record = UploadedFileRec(file.file_id, file.name, file.type, file.getvalue())
    return UploadedFile, (record, file._file_urls)


# Streamlit hands every widget value out as a deep copy; of an upload that is the whole file once more.
copyreg.pickle(UploadedFile, _shared)


def _let_go(file: UploadedFile) -> None:
    """Take an upload from the server's memory; otherwise it stays there until its browser tab is closed."""
    context = get_script_run_ctx()
    if context is not None and hasattr(context.uploaded_file_mgr, "remove_file"):
        context.uploaded_file_mgr.remove_file(session_id=context.session_id, file_id=file.file_id)


def chosen(opened: Studio) -> list[GivenFile]:
    """The files chosen so far; shows the uploader, the inbox and the list.

    An upload is copied to disk at once, taken from the server's memory, and the widget made anew.
    """
    files: list[GivenFile] = st.session_state.setdefault(_FILES, [])
    turn = st.session_state.setdefault(_ROUND, 0)
    given = st.file_uploader(
        t("upload.choose"), accept_multiple_files=True, key=f"upload_{turn}", help=t("upload.choose_help")
    )
    if given:
        with frame.show_errors():
            for file in given:
                files.append(corpora.spool(opened, frame.current_user(), name=file.name, data=file,
                                           limit=opened.settings.max_upload_bytes))  # fmt: skip
                _let_go(file)
            st.session_state[_ROUND] = turn + 1
            st.session_state[_RUN] = str(uuid.uuid4())
            st.rerun()
    _inbox(opened, files)
    if (fetched := upload_hub.pick(opened)) is not None:
        files.append(fetched)
        st.session_state[_RUN] = str(uuid.uuid4())
        st.rerun()
    for number, file in enumerate(files):
        place = st.container(horizontal=True, vertical_alignment="center")
        place.text(f"{file.name}  ·  {size_text(file.n_bytes)}")
        place.button(t("upload.remove"), key=f"remove_{number}_{file.path}", icon=":material/close:", type="tertiary",
                     on_click=files.remove, args=(file,))  # fmt: skip
    return files


def _inbox(opened: Studio, files: list[GivenFile]) -> None:
    waiting = [file for file in corpora.inbox(opened) if file not in files]
    if not waiting:
        return
    by_path = {file.path: file for file in waiting}
    picked = st.multiselect(
        t("upload.inbox"),
        list(by_path),
        format_func=lambda path: f"{literal(by_path[path].name)} · {size_text(by_path[path].n_bytes)}",
        key=f"inbox_{len(files)}",
        placeholder=t("upload.inbox_pick"),
        help=t("upload.inbox_help", folder=plain(str(opened.workspace.inbox), 200)),
    )
    if picked:
        files.extend(by_path[path] for path in picked)
        st.session_state[_RUN] = str(uuid.uuid4())
        st.rerun()


def look_at(opened: Studio, file: GivenFile, header: bool | None) -> Preview | None:
    """The preview of a file under its choices, or None after showing why there is none."""
    with frame.show_errors():
        return _preview(opened, file.path, file.name, file.n_bytes, json.dumps(file.choices.to_json()), header)
    return None


@st.cache_data(show_spinner=False, max_entries=32, scope="session")
def _preview(
    _opened: Studio, path: str, name: str, n_bytes: int, choices: str, header: bool | None
) -> Preview:  # fmt: skip
    file = GivenFile(path, name, n_bytes, Choices.from_json(json.loads(choices)))
    return corpora.preview(_opened, frame.current_user(), file=file, header=header)


def run_id() -> str:
    """The id the next import gets; made when the files were chosen, so that a double click imports once."""
    return st.session_state.setdefault(_RUN, str(uuid.uuid4()))


def current_run() -> str | None:
    """The import run in the URL."""
    return st.query_params.get(_RUN_PARAM)


def show_run(started: str) -> None:
    """Put a run into the URL, so that it survives a reload, and start the page over."""
    st.query_params[_RUN_PARAM] = started
    st.rerun()


def forget_run() -> None:
    """Back to choosing, with the files still there and a fresh id."""
    st.query_params.pop(_RUN_PARAM, None)
    st.session_state[_RUN] = str(uuid.uuid4())


def start_over() -> None:
    """Back to choosing, with nothing chosen."""
    forget_run()
    st.session_state[_FILES] = []
