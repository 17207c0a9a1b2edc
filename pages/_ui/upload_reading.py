"""How each file is read: kind, encoding with a line to judge it by, delimiter, sheet; a person may overrule each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import streamlit as st

from pages._ui import upload_files, upload_mapping
from pages._ui.words import plain, t
from studio.corpus.preview import Preview
from studio.corpus.reading.encodings import ENCODINGS, NAMES
from studio.corpus.reading.form import KINDS, UNITS, Choices
from studio.corpus.reading.odd import ODDITIES
from studio.workflows.corpora import GivenFile
from studio.workflows.studio import Studio

_CHOICES = "upload.choices"
_DELIMITERS = {",": "comma", "\t": "tab", ";": "semicolon", "|": "bar"}
_BINARY = ("parquet", "excel")
_HEADER = {"yes": True, "no": False}


@dataclass(frozen=True)
class Looked:
    """What was seen: the first file's preview and the others', the files with their choices, the header decision.

    `is_sure` is False while the encoding of a file has to be chosen by a person.
    """

    seen: Preview
    others: tuple[Preview, ...]
    files: tuple[GivenFile, ...]
    header: bool | None
    is_sure: bool


def look(opened: Studio, files: Sequence[GivenFile]) -> Looked | None:
    """The controls and the previews of all files; None after showing why one cannot be read."""
    header = _HEADER.get(st.session_state.get("header", "auto"))
    number = _which(files) if len(files) > 1 else 0
    chosen = [replace(file, choices=_stored(file)) for file in files]
    previews: list[Preview | None] = [None] * len(files)
    for i in (number, *(i for i in range(len(files)) if i != number)):
        previews[i] = upload_files.look_at(opened, chosen[i], header)
        if i == number:
            _controls(chosen[i], previews[i], header)
    if None in previews:
        return None
    found = [seen for seen in previews if seen is not None]
    return Looked(found[0], tuple(found[1:]), tuple(chosen), header, all(seen.form.guess.is_sure for seen in found))


def _which(files: Sequence[GivenFile]) -> int:
    names = [plain(file.name) for file in files]
    return st.selectbox(t("reading.file"), range(len(files)), format_func=names.__getitem__, key="reading_file")


def _stored(file: GivenFile) -> Choices:
    return st.session_state.setdefault(_CHOICES, {}).get(file.path, Choices())


def take_over(files: Sequence[GivenFile], choices: Choices) -> None:
    """Read files as a saved mapping says where nobody decided otherwise; the page starts over when that changes."""
    known = st.session_state.setdefault(_CHOICES, {})
    fresh = [file for file in files if file.path not in known]
    if choices != Choices() and fresh:
        known.update({file.path: choices for file in fresh})
        st.rerun()


def _decide(path: str, name: str, key: str) -> None:
    """Keep what a person picked; another kind forgets what belonged to the old one."""
    known = st.session_state.setdefault(_CHOICES, {})
    before: Choices = known.get(path, Choices())
    if name == "kind":
        before = Choices(encoding=before.encoding)
    known[path] = replace(before, **{name: st.session_state[key]})


def _forget(path: str) -> None:
    st.session_state.get(_CHOICES, {}).pop(path, None)
    st.session_state.pop("header", None)


def _controls(file: GivenFile, seen: Preview | None, header: bool | None) -> None:
    if seen is None:
        if file.choices != Choices() or header is not None:
            st.button(t("reading.back"), icon=":material/undo:", on_click=_forget, args=(file.path,), key="back")
        return
    form = seen.form
    with st.container(horizontal=True, vertical_alignment="bottom"):
        kinds = [form.kind] if form.kind in _BINARY else [kind for kind in KINDS if kind not in _BINARY]
        _select(file, "kind", kinds, {kind: t(f"corpus.kind.{kind}") for kind in kinds}, form.kind, width=190)
        if form.kind not in _BINARY:
            names = {encoding: NAMES[encoding] for encoding in ENCODINGS}
            names[form.encoding] = _certainty(file, seen)
            _select(file, "encoding", list(ENCODINGS), names, form.encoding if form.guess.is_sure else None, width=250)
        if form.kind in ("csv", "tsv"):
            cuts = list(dict.fromkeys((*_DELIMITERS, form.delimiter)))
            words = {cut: t(f"reading.{_DELIMITERS[cut]}") if cut in _DELIMITERS else plain(cut) for cut in cuts}
            _select(file, "delimiter", cuts, words, form.delimiter, width=150)
        if form.kind == "text":
            _select(file, "unit", list(UNITS), {unit: t(f"reading.unit_{unit}") for unit in UNITS}, form.unit,
                    width=150)  # fmt: skip
        if len(form.parts) > 1:
            word = "part_sheet" if form.kind == "excel" else "part_list"
            _select(file, "part", list(form.parts), {part: plain(part) for part in form.parts}, form.part, word=word,
                    width=190)  # fmt: skip
        if form.kind in ("csv", "tsv", "excel"):
            upload_mapping.header_choice()
    _judge(seen)


def _select(
    file: GivenFile, name: str, options: list[str], words: dict[str, str], value: str | None, *, width: int,
    word: str = "",
) -> None:  # fmt: skip
    key = f"reading_{name}_{file.path}_{value}"
    helps = {"kind": t("reading.kind_help"), "encoding": t("reading.encoding_help")}
    st.selectbox(
        t(f"reading.{word or name}"), options, index=options.index(value) if value in options else None,
        format_func=words.__getitem__, key=key, on_change=_decide, args=(file.path, name, key), width=width,
        help=helps.get(name), placeholder=t("reading.encoding_pick"), disabled=len(options) == 1,
    )  # fmt: skip


def _certainty(file: GivenFile, seen: Preview) -> str:
    name, guess = NAMES[seen.form.encoding], seen.form.guess
    if file.choices.encoding:
        return t("reading.given", encoding=name)
    if guess.confidence >= 0.995:
        return t("reading.certain", encoding=name)
    return t("reading.guessed", encoding=name, percent=round(100 * guess.confidence))


def _judge(seen: Preview) -> None:
    """The line by which a person sees whether the encoding is right, with its other readings where it may not be."""
    guess = seen.form.guess
    if not guess.is_sure:
        st.warning(t("reading.unsure"), icon=":material/help:")
        readings = ((guess.encoding, guess.sample), *guess.others)
        st.dataframe(
            [{t("reading.encoding"): NAMES[name], t("reading.line"): line} for name, line in readings],
            hide_index=True, width="stretch",
        )  # fmt: skip
    elif guess.sample and guess.encoding != "utf-8":
        st.caption(t("reading.sample", line=plain(guess.sample, 120)))


def odd_characters(seen: Preview) -> None:
    """The table of odd characters the import itself uses, with how many of the looked-at records hold each."""
    with st.expander(t("reading.odd_title"), icon=":material/rule:"):
        st.caption(t("reading.odd_intro"))
        st.dataframe(
            [
                {
                    t("reading.odd_what"): t(f"reading.odd.{oddity.name}"),
                    t("reading.odd_treatment"): t(f"reading.{oddity.treatment}"),
                    t("reading.odd_here"): seen.odd.get(oddity.name, 0) if oddity.treatment == "keep" else None,
                }
                for oddity in ODDITIES
            ],
            hide_index=True,
        )
