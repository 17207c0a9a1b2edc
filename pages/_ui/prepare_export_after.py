"""An export as it runs, what it left, and the earlier ones."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import streamlit as st

from pages._ui import frame
from pages._ui.upload_files import size_text
from pages._ui.words import plain, t
from studio.errors import StudioError
from studio.records import Snapshot
from studio.settings import MIB
from studio.workflows import export_files, runs
from studio.workflows.export_files import Export
from studio.workflows.runs import RunView
from studio.workflows.studio import Studio

_RUN_PARAM = "run"
_POLL_S = 0.5
_MOST_DOWNLOAD_BYTES = 200 * MIB  # ours: Streamlit holds a download in the server's memory while it is fetched
_DELETED = "export.deleted"


def follow(run_id: str) -> None:
    """Show this run instead of the choices."""
    st.query_params[_RUN_PARAM] = run_id
    st.rerun()


def _forget() -> None:
    st.query_params.pop(_RUN_PARAM, None)


def reasons(left_out: Mapping[str, int]) -> str:
    """Why examples are left out, with counts, the most frequent first."""
    ordered = sorted(left_out.items(), key=lambda item: -item[1])
    return " · ".join(f"{t(f'export.left.{code}')} ({n:,})" for code, n in ordered)


# --- the run ----------------------------------------------------------------------------------------------------------
def show_run(opened: Studio) -> bool:
    """The run in the URL: its progress, its end; False when there is none."""
    run_id = st.query_params.get(_RUN_PARAM)
    if not run_id:
        return False
    try:
        view = runs.view(opened, run_id)
    except StudioError:
        view = None
    if view is None or view.spec.kind != "export":
        _forget()
        return False
    if view.is_live:
        _poll(opened, run_id)
    elif view.status.state == "done" and view.trouble is None:
        with frame.show_errors():
            _show_done(opened, export_files.outcome(opened, run_id))
        st.button(t("export.another"), icon=":material/arrow_back:", on_click=_forget, key="export.another")
    else:
        _show_failed(opened, view)
    return True


def show_live(opened: Studio, snapshot: Snapshot) -> None:
    """The way back to an export of this version that is at work, for who left or refreshed the page."""
    view = runs.live(opened, kind="export", snapshot_id=snapshot.snapshot_id)
    if view is None:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.info(t("export.at_work"), icon=":material/hourglass_top:")
        if st.button(t("export.follow"), key="export.follow", icon=":material/arrow_forward:"):
            follow(view.run_id)


@st.fragment(run_every=_POLL_S)
def _poll(opened: Studio, run_id: str) -> None:
    view = runs.view(opened, run_id)
    if not view.is_live:
        st.rerun(scope="app")
    with st.container(border=True):
        st.progress(view.share, text=_progress(view))
        if not view.status.is_final and st.button(t("export.cancel"), key="export.cancel", icon=":material/cancel:"):
            with frame.show_errors():
                runs.cancel(opened, frame.current_user(), run_id=run_id)


def _progress(view: RunView) -> str:
    status = view.status
    if status.state == "queued":
        return t("export.queued")
    if not status.total:
        return t("export.starting")
    if status.state == "done" or status.step >= status.total:
        return t("export.storing")
    return t("export.writing", done=status.step, total=status.total)


def _show_failed(opened: Studio, view: RunView) -> None:
    if view.status.state == "cancelled":
        st.info(t("export.cancelled"), icon=":material/info:")
    else:
        trouble = view.trouble or runs.detail(opened, view.run_id).failure
        if trouble.get("what"):
            frame.show_error(StudioError(str(trouble["what"]), got=trouble.get("got"), fix=str(trouble.get("fix", ""))))
        else:
            st.error(t("export.failed"), icon=":material/error:")
    st.button(t("export.again"), icon=":material/arrow_back:", on_click=_forget, key="export.again")


def _show_done(opened: Studio, export: Export) -> None:
    st.success(t("export.done", n=export.manifest["n"]), icon=":material/check_circle:")
    left_out = export.manifest["left_out"]
    if left_out:
        st.warning(t("export.done_left", n=sum(left_out.values()), why=reasons(left_out)), icon=":material/filter_alt:")
    _download(export, primary=True)
    st.caption(t("export.path"))
    st.code(str(export.path), language=None, wrap_lines=True)
    if export.sha256:
        st.caption(t("export.sha", name=plain(export.name, 120)))
        st.code(export.sha256, language=None, wrap_lines=True)
    st.dataframe(
        [
            {
                t("export.card.file"): item["path"],
                t("export.card.n"): export.manifest["records"].get(item["path"].split("/")[0]),
                t("export.col_size"): size_text(item["bytes"]),
                "sha256": item["sha256"],
            }
            for item in export.manifest["files"]
        ],
        hide_index=True,
    )


def _download(export: Export, *, primary: bool = False) -> None:
    """Hand the zip, or the one data file of a folder, to the browser where it is small enough."""
    single = [item for item in export.data_files if item["path"] in export.manifest["records"]]
    if export.is_zip:
        path, size, label = export.path, export.n_bytes, t("export.download", size=size_text(export.n_bytes))
    elif len(single) == 1:
        path, size = export.path / single[0]["path"], int(single[0]["bytes"])
        label = t("export.download_file", name=plain(single[0]["path"]), size=size_text(size))
    else:
        return
    if size > _MOST_DOWNLOAD_BYTES:
        st.info(t("export.too_large"), icon=":material/folder:")
        return
    name = path.name if export.is_zip else f"{export.name}{path.suffix}"
    st.download_button(label, data=path.read_bytes, file_name=name, icon=":material/download:", on_click="ignore",
                       type="primary" if primary else "secondary", key=f"export.get.{export.name}")  # fmt: skip


# --- earlier ones -----------------------------------------------------------------------------------------------------
def show_earlier(opened: Studio, snapshot: Snapshot) -> None:
    """The exports of this version with size, download and delete."""
    st.subheader(t("export.earlier"), anchor=False)
    if freed := st.session_state.pop(_DELETED, None):
        st.success(t("export.deleted", size=freed), icon=":material/delete:")
    found = export_files.listed(opened, snapshot.snapshot_id)
    if not found:
        st.caption(t("export.earlier_none"))
        return
    st.dataframe([_row(export) for export in found], hide_index=True)
    st.caption(t("export.total_size", n=len(found), size=size_text(sum(export.n_bytes for export in found))))
    names = {"": t("export.pick_none")} | {export.name: export.name for export in found}
    chosen = st.selectbox(t("export.pick"), list(names), format_func=names.__getitem__, key="export.picked")
    export = next((item for item in found if item.name == chosen), None)
    if export is None:
        return
    with st.container(horizontal=True):
        _download(export)
        st.button(t("export.delete", size=size_text(export.n_bytes)), icon=":material/delete:", key="export.delete",
                  on_click=_delete, args=(opened, export))  # fmt: skip
    st.code(str(export.path), language=None, wrap_lines=True)


def _delete(opened: Studio, export: Export) -> None:
    with frame.show_errors():
        freed = export_files.delete(opened, frame.current_user(), name=export.name)
        st.session_state[_DELETED] = size_text(freed)
        st.session_state["export.picked"] = ""


def _row(export: Export) -> dict[str, object]:
    plan = export.manifest["plan"]
    what = plan["what"].partition(":")[0]
    named = (export.manifest.get("selection") or {}).get("name", "")
    return {
        t("export.col_name"): export.name,
        t("export.col_what"): " ".join(part for part in (t(f"export.what_kind.{what}"), named) if part),
        t("export.col_format"): t(f"export.format.{plan['format']}.title"),
        t("export.col_n"): export.manifest["n"],
        t("export.col_size"): size_text(export.n_bytes),
        t("export.col_by"): export.manifest.get("created_by", ""),
        t("export.col_when"): datetime.fromtimestamp(export.path.stat().st_mtime).strftime("%Y-%m-%d %H:%M"),
    }
