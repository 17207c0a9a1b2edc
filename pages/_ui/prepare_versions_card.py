"""The dataset card: what people write, what Winnow fills in, and the file."""

from __future__ import annotations

import streamlit as st

from pages._ui import frame
from pages._ui.words import plain, t
from studio import words
from studio.records import Snapshot
from studio.reports.card import LICENCES, CardFields
from studio.store import snapshots
from studio.workflows import versions
from studio.workflows.studio import Studio

_SAVED = "card.saved"
_OWN_WORDS = "own"


def show(opened: Studio, snapshot: Snapshot) -> None:
    """Draw this part of the page."""
    st.caption(t("versions.card_about"))
    if st.session_state.pop(_SAVED, False):
        st.success(t("versions.card_saved"), icon=":material/check:")
    places = st.columns([2, 3], gap="large")
    with places[0]:
        _write(opened, snapshot)
    with places[1]:
        _file(opened, snapshot)


def _write(opened: Studio, snapshot: Snapshot) -> None:
    fields, inherited = versions.card_fields(opened, snapshot.snapshot_id)
    st.subheader(t("versions.card_yours"), anchor=False)
    if inherited is not None:
        origin = snapshots.require(opened.store, inherited)
        st.caption(t("versions.card_inherited", name=plain(origin.name, 60)))
    with st.form("card.form", border=False):
        licence = _licence(fields)
        texts = {
            name: st.text_area(t(f"versions.card_{name}"), getattr(fields, name), height=120, max_chars=20_000,
                               help=t(f"versions.card_{name}_help"))
            for name in ("description", "limits", "personal_data")
        }  # fmt: skip
        if st.form_submit_button(t("versions.card_save"), type="primary", icon=":material/save:"):
            with frame.show_errors():
                versions.save_card(opened, frame.current_user(), snapshot_id=snapshot.snapshot_id, licence=licence,
                                   **texts)  # fmt: skip
                st.session_state[_SAVED] = True
                st.rerun()
    earlier = versions.card_versions(opened, snapshot.snapshot_id)
    if earlier:
        with st.expander(t("versions.card_history", n=len(earlier)), icon=":material/history:", key="card_history"):
            for one in earlier[:20]:
                st.caption(f"{one['created_at']:%Y-%m-%d %H:%M} · {plain(one['created_by'], 60)}")
                st.text(
                    "\n".join(f"{t(f'versions.card_{name}')}: {value}" for name, value in one["body"].items() if value)
                )


def _licence(fields: CardFields) -> str:
    known = fields.licence if fields.licence in LICENCES else _OWN_WORDS if fields.licence else ""
    names = {"": t("versions.card_licence_none"), **{name: name for name in LICENCES}}
    names[_OWN_WORDS] = t("versions.card_own_words")
    place = list(names).index(known)
    chosen = st.selectbox(t("versions.card_licence"), list(names), place, format_func=names.__getitem__,
                          help=t("versions.card_licence_help"))  # fmt: skip
    own = st.text_input(t("versions.card_licence_own"), fields.licence if known == _OWN_WORDS else "", max_chars=200)
    return own if chosen == _OWN_WORDS or (own and not chosen) else chosen


def _file(opened: Studio, snapshot: Snapshot) -> None:
    st.subheader(t("versions.card_file"), anchor=False)
    names = {"en": "English", "zh": "中文"}
    t("versions.part")  # chooses the language of this thread
    place = st.columns([2, 2], vertical_alignment="bottom")
    listed = [words.language(), *(lang for lang in names if lang != words.language())]
    lang = place[0].segmented_control(t("versions.card_language"), listed, default=listed[0], required=True,
                                      format_func=names.__getitem__, key=f"card.lang.{listed[0]}")  # fmt: skip
    text = versions.card_text(opened, snapshot.snapshot_id, lang=lang)
    place[1].download_button(t("versions.card_download"), text, "README.md", "text/markdown", width="stretch",
                             icon=":material/download:", on_click="ignore")  # fmt: skip
    st.code(text, language=None, wrap_lines=True, height=640)
