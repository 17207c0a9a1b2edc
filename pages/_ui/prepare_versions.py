"""The versions of a corpus: how each was made, what changed between two, and the dataset card."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from pages._ui import frame, prepare_versions_card, prepare_versions_diff
from pages._ui.prepare_versions_words import method_name, step_line
from pages._ui.words import plain, t
from studio.records import Snapshot
from studio.store.lineage import Version
from studio.workflows import versions
from studio.workflows.studio import Studio

_SHOWN = 20  # versions as cards; older ones in a table
_PARTS = ("history", "changes", "card")


def show(opened: Studio, snapshot: Snapshot) -> None:
    """Draw this part of the page."""
    names = {part: t(f"versions.part_{part}") for part in _PARTS}
    part = frame.url_select(st, t("versions.part"), list(_PARTS), "see", format_func=names.__getitem__,
                            widget="segmented_control", required=True, label_visibility="collapsed")  # fmt: skip
    known = versions.versions_of(opened, snapshot.corpus_id)
    with frame.show_errors():
        if part == "changes":
            prepare_versions_diff.show(opened, snapshot, known)
        elif part == "card":
            prepare_versions_card.show(opened, snapshot)
        else:
            _history(snapshot, known)


def _history(snapshot: Snapshot, known: list[Version]) -> None:
    st.caption(t("versions.history_about"))
    numbers = {version.snapshot.snapshot_id: version for version in known}
    for version in reversed(known[-_SHOWN:]):
        _version(version, numbers, version.snapshot.snapshot_id == snapshot.snapshot_id)
    if len(known) > _SHOWN:
        older = known[:-_SHOWN][::-1]
        st.caption(t("versions.older", n=len(older)))
        st.dataframe(
            {
                t("versions.column.number"): [version.number for version in older],
                t("versions.column.name"): [version.snapshot.name for version in older],
                t("versions.column.method"): [method_name(version.method) for version in older],
                t("versions.column.examples"): [version.snapshot.n_examples for version in older],
                t("versions.column.snapshot"): [version.snapshot.snapshot_id for version in older],
            },
            hide_index=True,
            width="stretch",
        )


def _version(version: Version, numbers: Mapping[str, Version], is_open: bool) -> None:
    snapshot, parent = version.snapshot, numbers.get(version.parent_id or "")
    with st.container(border=True):
        place = st.columns([4, 1.3], vertical_alignment="top")
        number = t("versions.number", n=version.number)
        place[0].markdown(
            f"**{plain(number)}** · {plain(snapshot.name, 80)} {t('versions.open_now') if is_open else ''}"
        )
        made = method_name(version.method)
        origin = t("versions.made_from", method=made, n=parent.number) if parent else made
        delta = t("versions.delta", n=snapshot.n_examples - parent.snapshot.n_examples) if parent else ""
        place[0].caption(
            t("versions.facts", origin=origin, n=snapshot.n_examples, delta=delta, by=plain(snapshot.created_by, 60),
              when=snapshot.created_at[:16].replace("T", " "))
        )  # fmt: skip
        for step in version.steps:
            place[0].markdown(f"- {plain(step_line(step), 240)}")
        key = snapshot.snapshot_id
        if not is_open and place[1].button(t("versions.open"), key=f"versions.open.{key}", width="stretch"):
            frame.go("prepare", s=key, part="versions", see="history")
        if parent and place[1].button(t("versions.compare"), key=f"versions.compare.{key}", width="stretch"):
            frame.go("prepare", s=key, part="versions", see="changes", base=parent.snapshot.snapshot_id)
        _files(snapshot)


def _files(snapshot: Snapshot) -> None:
    sources = snapshot.manifest.get("sources") or ()
    with st.expander(t("versions.files"), icon=":material/fingerprint:"):
        if sources:
            st.dataframe(
                {
                    t("versions.card.column.file"): [str(source.get("name", "")) for source in sources],
                    t("versions.card.column.bytes"): [source.get("bytes") for source in sources],
                    t("versions.card.column.records"): [source.get("n_records") for source in sources],
                    t("versions.card.column.sha256"): [str(source.get("sha256", "")) for source in sources],
                },
                hide_index=True,
                width="stretch",
            )
        st.text(f"{t('versions.snapshot_id')} {snapshot.snapshot_id}\n"
                f"{t('versions.content_hash')} {snapshot.manifest.get('content_sha256', '')}")  # fmt: skip
