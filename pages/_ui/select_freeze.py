"""Freeze the choice under a name, and the selections frozen so far."""

from __future__ import annotations

import uuid
from typing import Any

import streamlit as st

from pages._ui import frame
from pages._ui.select_words import strategy_title
from pages._ui.words import plain, t
from studio.access.roles import may
from studio.errors import StudioError
from studio.records import Snapshot
from studio.workflows import select
from studio.workflows.select import Choice
from studio.workflows.select_scores import Targets

_ID, _DONE, _PROBLEM = "select.freeze_id", "select.frozen", "select.freeze_problem"
_NAME, _CONTROL = "freeze_name", "freeze_control"
_LEAVE = "select.leave"


def leave_if_asked() -> None:
    """Go where a press asked to go.

    The press is kept by its callback: the run that answers it may be broken off by the end of work in the background,
    and the run after it then finds the way.
    """
    asked = st.session_state.pop(_LEAVE, None)
    if asked is not None:
        page, values = asked
        frame.go(page, **values)


def _leave(page: str, values: dict[str, str]) -> None:
    st.session_state[_LEAVE] = (page, values)


def show(snapshot: Snapshot, choice: Choice, targets: Targets | None) -> None:
    """The form, and after freezing the way to the annotation desk."""
    st.subheader(t("select.freeze.title"), anchor=False)
    if not may(frame.current_user().role, "analyst"):
        st.caption(t("select.freeze.read_only"))
        return
    form_id = st.session_state.setdefault(_ID, uuid.uuid4().hex)  # made before the click: a double click is one act
    act = {"snapshot_id": snapshot.snapshot_id, "recipe": choice.recipe, "targets": targets, "selection_id": form_id}
    # A new form for every act: a press meant for the one before finds its button gone.
    with st.form(f"freeze_{form_id}", border=True):
        st.text_input(
            t("select.freeze.name"),
            placeholder=t("select.freeze.name_hint"),
            key=f"{_NAME}_{form_id}",
        )
        st.checkbox(t("select.freeze.control"), help=t("select.freeze.control_help"), key=f"{_CONTROL}_{form_id}")
        st.form_submit_button(
            t("select.freeze.button"), type="primary", icon=":material/ac_unit:", on_click=_freeze, args=(act,)
        )
    problem = st.session_state.pop(_PROBLEM, None)
    if problem is not None:
        frame.show_error(problem)
    _done(snapshot)


def _freeze(act: dict[str, Any]) -> None:
    """The button's callback. In the page's own flow a second press would break the first one off before it froze."""
    form_id = act["selection_id"]
    if form_id != st.session_state.get(_ID):
        return  # Enter and a click: the first has frozen it, and this one was sent before the answer came
    name = st.session_state.get(f"{_NAME}_{form_id}") or ""
    control = bool(st.session_state.get(f"{_CONTROL}_{form_id}"))
    try:
        done = select.freeze(frame.studio(), frame.current_user(), name=name, with_control=control, **act)
    except StudioError as error:
        st.session_state[_PROBLEM] = error
        return
    st.session_state[_DONE] = done
    st.session_state.pop(_ID, None)


def _done(snapshot: Snapshot) -> None:
    listed = {item.selection_id: item for item in select.list_frozen(frame.studio(), snapshot.snapshot_id)}
    found = listed.get(st.session_state.get(_DONE, ""))
    if found is None:
        return
    st.success(t("select.freeze.done", name=plain(found.name), n=found.n), icon=":material/ac_unit:")
    places = st.container(horizontal=True)
    places.button(t("select.freeze.next"), type="primary", icon=":material/edit_note:", key="to_annotate",
                  on_click=_leave, args=("annotate", {"sel": found.selection_id}))  # fmt: skip
    places.button(t("review.propose.from_select"), icon=":material/rate_review:", key="to_review",
                  on_click=_leave, args=("review", {"propose": found.selection_id}))  # fmt: skip


def listing(snapshot: Snapshot) -> None:
    """The frozen selections of this snapshot, newest first; drawn by the part of the page that freezes.

    From elsewhere the page would have to be drawn a second time, and a press between the two draws would be lost.
    """
    found = select.list_frozen(frame.studio(), snapshot.snapshot_id)
    if not found:
        return
    with st.expander(f"{t('select.freeze.list')} · {len(found):,}", icon=":material/inventory_2:", key="frozen_list"):
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
        st.button(t("review.propose.one"), icon=":material/rate_review:", key="to_propose",
                  on_click=_leave, args=("review", {"propose": found[0].selection_id}))  # fmt: skip
