"""Freeze the choice under a name, and the selections frozen so far."""

from __future__ import annotations

import uuid

import streamlit as st

from pages._ui import frame
from pages._ui.select_words import strategy_title
from pages._ui.words import plain, t
from studio.access.roles import may
from studio.records import Snapshot
from studio.workflows import select
from studio.workflows.select import Choice
from studio.workflows.select_scores import Targets

_ID, _DONE = "select.freeze_id", "select.frozen"


def show(snapshot: Snapshot, choice: Choice, targets: Targets | None) -> None:
    """The form, and after freezing the way to the annotation desk."""
    st.subheader(t("select.freeze.title"), anchor=False)
    if not may(frame.current_user().role, "analyst"):
        st.caption(t("select.freeze.read_only"))
        return
    form_id = st.session_state.setdefault(_ID, uuid.uuid4().hex)  # made before the click: a double click is one act
    with st.form("freeze_form", border=True, clear_on_submit=True):
        name = st.text_input(
            t("select.freeze.name"), max_chars=select.MAX_NAME, placeholder=t("select.freeze.name_hint")
        )
        control = st.checkbox(t("select.freeze.control"), help=t("select.freeze.control_help"))
        if st.form_submit_button(t("select.freeze.button"), type="primary", icon=":material/ac_unit:"):
            with frame.show_errors():
                done = select.freeze(
                    frame.studio(), frame.current_user(), snapshot_id=snapshot.snapshot_id, name=name,
                    recipe=choice.recipe, targets=targets, selection_id=form_id, with_control=control,
                )  # fmt: skip
                st.session_state[_DONE] = done
                st.session_state.pop(_ID, None)
                st.rerun(scope="app")
    _done(snapshot)


def _done(snapshot: Snapshot) -> None:
    listed = {item.selection_id: item for item in select.list_frozen(frame.studio(), snapshot.snapshot_id)}
    found = listed.get(st.session_state.get(_DONE, ""))
    if found is None:
        return
    st.success(t("select.freeze.done", name=plain(found.name), n=found.n), icon=":material/ac_unit:")
    if st.button(t("select.freeze.next"), type="primary", icon=":material/edit_note:", key="to_annotate"):
        frame.go("annotate", sel=found.selection_id)


def listing(snapshot: Snapshot) -> None:
    """The frozen selections of this snapshot, newest first."""
    found = select.list_frozen(frame.studio(), snapshot.snapshot_id)
    if not found:
        return
    with st.expander(f"{t('select.freeze.list')} · {len(found):,}", icon=":material/inventory_2:"):
        st.dataframe(
            {
                t("select.freeze.name"): [item.name for item in found],
                t("select.freeze.n"): [item.n for item in found],
                t("select.freeze.strategy"): [strategy_title(item.strategy) for item in found],
                t("select.freeze.arm"): [t(f"select.freeze.arm_{item.arm}") for item in found],
                t("select.freeze.created"): [item.created_at[:19].replace("T", " ") for item in found],
                t("select.freeze.by"): [item.created_by for item in found],
                t("select.freeze.recipe"): [item.recipe_hash[:12] for item in found],
            },
            hide_index=True,
            width="stretch",
        )
