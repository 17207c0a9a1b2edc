"""Expected shares of a group from a file or from another corpus, beside the ones typed by hand."""

from __future__ import annotations

import streamlit as st

from pages._ui import frame
from pages._ui.words import plain, t
from studio.records import Snapshot
from studio.workflows import references
from studio.workflows.studio import Studio


def other_ways(studio: Studio, snapshot: Snapshot) -> None:
    """Two more ways to say which shares a group should have; both are compared with at once."""
    if not snapshot.groups:
        return
    with st.expander(t("shape.reference.title"), icon=":material/upload_file:"):
        st.caption(t("shape.reference.about"))
        group = st.selectbox(t("shape.reference.group"), list(snapshot.groups), key="ref.group")
        _from_file(studio, snapshot, group)
        _from_snapshot(studio, snapshot, group)


def _from_file(studio: Studio, snapshot: Snapshot, group: str) -> None:
    given = st.file_uploader(t("shape.reference.file"), type=["csv", "tsv", "json", "txt"], key=f"ref.file.{group}",
                             help=t("shape.reference.file_help"))  # fmt: skip
    if given is None:
        return
    with frame.show_errors():
        shares = references.shares_of_file(given.getvalue(), given.name)
        unknown = _preview(snapshot, group, shares)
        if unknown:
            st.caption(t("shape.reference.unknown", values=plain(", ".join(unknown[:8]), 200)))
        if st.button(t("shape.reference.use"), type="primary", icon=":material/check:", key="ref.use_file"):
            references.set_from_file(studio, frame.current_user(), snapshot_id=snapshot.snapshot_id, group=group,
                                     data=given.getvalue(), name=given.name)  # fmt: skip
            _saved()


def _from_snapshot(studio: Studio, snapshot: Snapshot, group: str) -> None:
    others = references.snapshots_with(studio, snapshot, group)
    if not others:
        st.caption(t("shape.reference.no_other", group=plain(group)))
        return
    titles = {other.snapshot_id: f"{other.name} · {other.n_examples:,}" for other in others}
    other_id = st.selectbox(t("shape.reference.snapshot"), list(titles), index=None, format_func=titles.__getitem__,
                            key=f"ref.other.{group}", placeholder=t("shape.reference.choose"))  # fmt: skip
    if other_id is None:
        return
    with frame.show_errors():
        _preview(snapshot, group, references.shares_of_snapshot(studio, snapshot_id=other_id, group=group))
        if st.button(t("shape.reference.use"), type="primary", icon=":material/check:", key="ref.use_other"):
            references.set_from_snapshot(studio, frame.current_user(), snapshot_id=snapshot.snapshot_id, group=group,
                                         other_id=other_id)  # fmt: skip
            _saved()


def _preview(snapshot: Snapshot, group: str, shares: dict[str, float]) -> list[str]:
    """The shares as a table; returns the values this corpus does not have."""
    known = snapshot.manifest.get("group_values", {}).get(group, {})
    st.dataframe(
        [{t("audit.reference.value"): value, t("audit.reference.expected"): 100 * share} for value, share in
         sorted(shares.items(), key=lambda item: -item[1])],
        hide_index=True, width="content",
        column_config={t("audit.reference.expected"): st.column_config.NumberColumn(format="%.2f")},
    )  # fmt: skip
    return [value for value in shares if value not in known]


def _saved() -> None:
    st.toast(t("audit.reference.saved"), icon=":material/check:")
    st.rerun()
