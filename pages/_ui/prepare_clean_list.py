"""The list itself: suggested lists, adding, ordering, switching off, undo, saving, opening, down- and upload."""

from __future__ import annotations

import json

import streamlit as st

from pages._ui import frame
from pages._ui import prepare_clean_state as state
from pages._ui.prepare_clean_words import step_name
from pages._ui.words import plain, t
from studio.access.roles import may
from studio.corpus.cleaning import GROUPS, STEPS
from studio.corpus.cleaning.recipe import MOST_STEPS, SUGGESTED, Recipe, recipe_from_file, recipe_from_json, suggested
from studio.records import Snapshot
from studio.workflows import clean
from studio.workflows.clean import Report
from studio.workflows.studio import Studio

_ADD = "clean_add"
SUGGESTED_ORDER: tuple[str, ...] = ("all", *(name for name in SUGGESTED if name != "all"))


def show(snapshot: Snapshot, recipe: Recipe, report: Report | None) -> None:
    """Draw the list, or what to start from where it is empty."""
    if recipe.plans:
        with st.container(border=True, gap="xsmall"):
            _whole(recipe, report)
            for line in range(len(recipe.plans)):
                _line(recipe, line, report)
    else:
        _suggestions(snapshot)
    _add(recipe)


def _whole(recipe: Recipe, report: Report | None) -> None:
    title = t("clean.whole")
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        with st.container(width="stretch"):
            if state.place(recipe) is None:
                st.button(f"**{title}**", key="clean_whole", icon=":material/arrow_right:", type="tertiary")
            else:
                st.button(title, key="clean_whole", icon=":material/filter_alt:", type="tertiary",
                          on_click=state.look_at, args=(None,))  # fmt: skip
        if report:
            st.caption(f"{report.n_before:,} → {report.n_after:,}", width="content")


def _suggestions(snapshot: Snapshot) -> None:
    st.info(t("clean.empty"), icon=":material/playlist_add:")
    for number, name in enumerate(SUGGESTED_ORDER):
        with st.container(border=True, gap="xsmall"):
            st.button(t(f"clean.suggest.{name}"), key=f"clean_suggest_{name}", on_click=_use, width="stretch",
                      args=(name, snapshot.language), type="primary" if number == 0 else "secondary")  # fmt: skip
            st.caption(t("clean.joint").join(step_name(step) for step in SUGGESTED[name]))


def _use(name: str, language: str) -> None:
    state.change(suggested(name, language))
    state.look_at(None)


def tools(opened: Studio, recipe: Recipe) -> None:
    """Undo, redo, empty, and the lists that were saved."""
    st.button("", key="clean_undo", icon=":material/undo:", help=t("clean.undo"), on_click=state.undo,
              disabled=not state.can_undo())  # fmt: skip
    st.button("", key="clean_redo", icon=":material/redo:", help=t("clean.redo"), on_click=state.redo,
              disabled=not state.can_redo())  # fmt: skip
    st.button("", key="clean_clear", icon=":material/delete_sweep:", help=t("clean.clear"), on_click=state.change,
              args=(Recipe(),), disabled=not recipe.plans)  # fmt: skip
    with st.popover(t("clean.more"), icon=":material/folder_open:"):
        _save(opened, recipe)
        _open(opened)
        _files(recipe)


def _save(opened: Studio, recipe: Recipe) -> None:
    if not recipe.plans or not may(frame.current_user().role, "analyst"):
        return
    with st.form("clean_save", border=False, clear_on_submit=True):
        name = st.text_input(t("clean.save_name"), max_chars=120)
        if st.form_submit_button(t("clean.save"), icon=":material/bookmark_add:"):
            with frame.show_errors():
                clean.save_recipe(opened, frame.current_user(), name=name, recipe=recipe)
                st.success(t("clean.saved", name=plain(name)), icon=":material/bookmark_added:")


def _open(opened: Studio) -> None:
    saved = {item.recipe_id: item for item in clean.saved_recipes(opened)}
    if not saved:
        return
    names = {key: f"{item.name} · {item.created_at[:10]}" for key, item in saved.items()}
    chosen = st.selectbox(t("clean.open_saved"), list(saved), index=None, placeholder=t("clean.open_saved_hint"),
                          format_func=lambda key: names.get(key, key), key="clean_saved")  # fmt: skip
    if chosen and st.button(t("clean.open"), key="clean_open", icon=":material/folder_open:"):
        with frame.show_errors():
            state.change(recipe_from_json(saved[chosen].body))
            st.rerun()


def _files(recipe: Recipe) -> None:
    if recipe.plans:
        st.download_button(t("clean.download"), json.dumps(recipe.to_json(), ensure_ascii=False, indent=1),
                           "cleaning.json", "application/json", icon=":material/download:", on_click="ignore",
                           key="clean_download")  # fmt: skip
    given = st.file_uploader(t("clean.upload"), type=["json"], key="clean_upload", max_upload_size=8)
    if given is not None and st.button(t("clean.use_upload"), key="clean_use_upload", icon=":material/upload:"):
        with frame.show_errors():
            state.change(recipe_from_file(given.getvalue()))
            st.rerun()


def _line(recipe: Recipe, line: int, report: Report | None) -> None:
    plan, key = recipe.plans[line], f"clean_on_{line}"
    title = plain(f"{line + 1}. {step_name(plan.name)}")
    is_looked_at = state.place(recipe) == line
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", key=f"clean_line_{line}"):
        st.session_state[key] = plan.on
        st.checkbox(t("clean.on"), key=key, label_visibility="collapsed", on_change=state.switch, args=(line, key))
        with st.container(width="stretch"):
            st.button(f"**{title}**" if is_looked_at else title, key=f"clean_pick_{line}", on_click=state.look_at,
                      args=(line,), type="tertiary",
                      icon=":material/arrow_right:" if is_looked_at else None)  # fmt: skip
        st.caption(_caption(report, recipe, line), width="content")
        for name, icon, by, off in (("up", "arrow_upward", -1, line == 0),
                                    ("down", "arrow_downward", 1, line == len(recipe.plans) - 1)):  # fmt: skip
            st.button("", key=f"clean_{name}_{line}", icon=f":material/{icon}:", help=t(f"clean.{name}"),
                      type="tertiary", disabled=off, on_click=state.move, args=(line, by))  # fmt: skip
        st.button("", key=f"clean_remove_{line}", icon=":material/close:", help=t("clean.remove"), type="tertiary",
                  on_click=state.remove, args=(line,))  # fmt: skip


def _caption(report: Report | None, recipe: Recipe, line: int) -> str:
    plan = recipe.plans[line]
    if not plan.on:
        return t("clean.off")
    step = report.at(line) if report else None
    if step is None:
        return t(f"clean.shelf.{plan.step.group}")
    counts = (("−", step.n_dropped), (":material/edit: ", step.n_changed), (":material/flag: ", step.n_flagged))
    parts = [f"{mark}{n:,}" for mark, n in counts if n]
    if step.squeezed:
        parts.append(f":orange[:material/warning: {len(step.squeezed)}]")
    return " · ".join(parts) or "–"


def _add(recipe: Recipe) -> None:
    if len(recipe.plans) >= MOST_STEPS:
        return
    order = [step.name for group in GROUPS for step in STEPS if step.group == group]
    shelf = {step.name: step.group for step in STEPS}
    names = {name: f"{t(f'clean.shelf.{shelf[name]}')} · {step_name(name)}" for name in order}
    st.selectbox(t("clean.add"), order, index=None, placeholder=t("clean.add_hint"), key=_ADD, on_change=_added,
                 format_func=lambda name: names.get(name, name))  # fmt: skip


def _added() -> None:
    name = st.session_state.get(_ADD)
    st.session_state[_ADD] = None
    if name:
        state.add(name)
