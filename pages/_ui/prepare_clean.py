"""The visible, ordered, reversible list of cleaning steps."""

from __future__ import annotations

import streamlit as st

from pages._ui import (
    frame,
    prepare_clean_left,
    prepare_clean_list,
    prepare_clean_run,
    prepare_clean_step,
    prepare_clean_whole,
)
from pages._ui import prepare_clean_state as state
from pages._ui.words import t
from studio.access.roles import may
from studio.corpus.cleaning.recipe import Recipe
from studio.records import Snapshot
from studio.workflows import clean
from studio.workflows.clean import Report
from studio.workflows.runs import RunView
from studio.workflows.studio import Studio


def show(opened: Studio, snapshot: Snapshot) -> None:
    """Draw this part of the page."""
    lineage = snapshot.manifest.get("lineage") or {}
    if lineage.get("method") == clean.KIND:
        names = {
            "left": t("clean.left.view_left", n=f"{lineage['counts']['n_dropped']:,}"),
            "steps": t("clean.left.view_steps"),
        }
        view = frame.url_select(st, t("clean.left.view"), list(names), "view", format_func=names.__getitem__,
                                widget="pills", required=True, label_visibility="collapsed")  # fmt: skip
        if view == "left":
            prepare_clean_left.show(opened, snapshot)
            return
    _steps(opened, snapshot)


def _steps(opened: Studio, snapshot: Snapshot) -> None:
    st.caption(t("clean.intro"))
    recipe = state.current()
    if not state.is_whole():
        st.warning(t("clean.link_cut"), icon=":material/link_off:")
    view = clean.preview_of(opened, snapshot.snapshot_id, recipe) if recipe.active else None
    report: Report | None = None
    with frame.show_errors():
        report = clean.read_report(opened, view) if view and view.status.state == "done" and not view.is_live else None
    with st.container(horizontal=True, vertical_alignment="center", key="clean_bar"):
        prepare_clean_list.tools(opened, recipe)
        _acts(opened, snapshot, recipe, view, report)
    left, right = st.columns([9, 11], gap="large")
    with left:
        prepare_clean_list.show(snapshot, recipe, report)
    with right:
        _detail(opened, snapshot, recipe, view, report)


def _acts(opened: Studio, snapshot: Snapshot, recipe: Recipe, view: RunView | None, report: Report | None) -> None:
    """Preview, then make the version; what is at work shows its progress instead."""
    if not recipe.active or not may(frame.current_user().role, "analyst"):
        return
    made = clean.applied_by(opened, snapshot.snapshot_id, recipe)
    live = next((one for one in (view, made) if one is not None and one.is_live), None)
    if live is not None:
        prepare_clean_run.progress(opened, live.run_id)
        return
    if made is not None and _ended(opened, made):
        return
    if report is None:
        key = "clean.preview_again" if view else "clean.preview"
        if st.button(t(key), key="clean_preview", type="primary", icon=":material/visibility:",
                     help=t("clean.preview_help")):  # fmt: skip
            _start(opened, snapshot, recipe, preview=True)
    elif report.is_idle:
        st.caption(t("clean.apply_nothing"))
        return
    label = t("clean.apply_n", n=f"{report.n_after:,}") if report else t("clean.apply")
    if st.button(label, key="clean_apply", type="primary" if report else "secondary", icon=":material/check:",
                 help=None if report else t("clean.apply_first"), disabled=report is None):  # fmt: skip
        _start(opened, snapshot, recipe, preview=False)


def _start(opened: Studio, snapshot: Snapshot, recipe: Recipe, *, preview: bool) -> None:
    with frame.show_errors():
        clean.start(opened, frame.current_user(), snapshot_id=snapshot.snapshot_id, recipe=recipe, preview=preview)
        st.rerun()


def _ended(opened: Studio, made: RunView) -> bool:
    """How the run that was to make a version ended; False when it may be tried again."""
    if made.status.state != "done" or made.trouble:
        prepare_clean_run.show_end(opened, made)
        return False
    found = clean.outcome(opened, made.run_id)
    if found.is_same:
        st.info(t("clean.applied_same"), icon=":material/info:")
    elif found.snapshot is None:
        return False
    else:
        made_one = found.snapshot
        prepare_clean_run.version_ready(opened, made_one.name, made_one.snapshot_id, made_one.n_examples,
                                        key="clean_open_made", text="clean.applied")  # fmt: skip
    return True


def _detail(opened: Studio, snapshot: Snapshot, recipe: Recipe, view: RunView | None, report: Report | None) -> None:
    line = state.place(recipe)
    if view is not None and report is None and not view.is_live:
        prepare_clean_run.show_end(opened, view)
    if line is not None:
        prepare_clean_step.show(opened, snapshot, recipe, line, report)
    elif report is not None:
        prepare_clean_whole.show(report)
    elif recipe.plans and view is None:
        st.info(t("clean.not_yet"), icon=":material/visibility:")
