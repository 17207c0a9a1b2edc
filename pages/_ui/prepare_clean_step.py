"""One step of the list: its settings, and what it does by the last preview."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from pages._ui import frame, prepare_clean_view
from pages._ui import prepare_clean_state as state
from pages._ui.prepare_clean_groups import groups
from pages._ui.prepare_clean_words import did, reason_name, setting_name, step_name
from pages._ui.words import t
from studio.corpus.cleaning.recipe import Plan, Recipe
from studio.corpus.cleaning.records import Parameter
from studio.records import Snapshot
from studio.store import vectors
from studio.workflows.clean import Report, StepView
from studio.workflows.studio import Studio

_SHOWN = 12


def show(opened: Studio, snapshot: Snapshot, recipe: Recipe, line: int, report: Report | None) -> None:
    """Draw the line that is looked at."""
    plan = recipe.plans[line]
    st.subheader(step_name(plan.name), anchor=False)
    st.caption(t(f"clean.help.{plan.name}"))
    if not plan.step.advised:
        st.warning(t("clean.note.words"), icon=":material/warning:")
    if "knn" in plan.step.needs and vectors.newest(opened.store, snapshot.snapshot_id) is None:
        st.warning(t("clean.needs_map"), icon=":material/scatter_plot:")
        if st.button(t("clean.to_explore"), key="clean_to_explore", icon=":material/arrow_forward:"):
            frame.go("explore")
    step = report.at(line) if report and plan.on else None
    if step is not None:
        st.markdown(t("clean.did", n=f"{step.n_before:,}", did=did(step)))
    _settings(snapshot, plan, line, is_open=step is None)
    if not plan.on:
        st.info(t("clean.step_off"), icon=":material/toggle_off:")
        return
    if step is None:
        st.info(t("clean.not_yet"), icon=":material/visibility:")
        return
    _result(step)


def _settings(snapshot: Snapshot, plan: Plan, line: int, *, is_open: bool) -> None:
    if not plan.step.parameters:
        return
    with st.expander(t("clean.settings"), icon=":material/tune:", expanded=is_open):
        languages = ("en", "zh") if snapshot.language not in ("en", "zh") else (snapshot.language,)
        others = tuple(name for name in ("en", "zh") if name not in languages)
        own = [one for one in plan.step.parameters if not one.by_language]
        for one in own:
            if one.kind not in ("int", "float"):
                _box(plan, line, one)
        if numbers := [one for one in own if one.kind in ("int", "float")]:
            with st.container(horizontal=True, vertical_alignment="bottom"):
                for one in numbers:
                    _box(plan, line, one)
        if numbers := [one for one in plan.step.parameters if one.by_language]:
            for language in (*languages, *others):
                st.markdown(f"**{t(f'clean.p.{language}')}**")
                with st.container(horizontal=True, vertical_alignment="bottom"):
                    for one in numbers:
                        _box(plan, line, one, language)


def _box(plan: Plan, line: int, one: Parameter, language: str = "") -> None:
    """The control of one setting; the list is the truth, so its value is written into the box first."""
    key = f"clean_set_{line}_{plan.name}_{one.name}_{language}"
    title = setting_name(plan.name, one.name)
    value: Any = plan.values[one.name]
    value = value[language] if language else value
    change: Mapping[str, Any] = {"on_change": state.setting, "args": (line, one.name, key, language)}
    if one.kind == "languages":
        st.session_state[key] = value.split(",")
        st.multiselect(title, one.choices, key=key, **change)
        return
    st.session_state[key] = value
    if one.kind == "bool":
        st.checkbox(title, key=key, **change)
    elif one.kind == "choice":
        names = {choice: t(f"clean.choice.{choice}") for choice in one.choices}
        st.segmented_control(
            title, one.choices, key=key, format_func=lambda c: names.get(c, c), required=True, **change
        )
    elif one.kind == "int":
        st.number_input(title, int(one.low), int(one.high), step=int(one.step), key=key, width=190, **change)
    else:
        digits = 3 if one.step < 0.01 else 2 if one.step < 0.1 else 1
        st.number_input(title, float(one.low), float(one.high), step=float(one.step), key=key, width=190,
                        format=f"%.{digits}f", **change)  # fmt: skip


def _result(step: StepView) -> None:
    for note in step.notes:
        if note != "clean.note.words":
            st.caption(t(note))
    if step.n_left_alone:
        st.caption(t("clean.left_alone", n=f"{step.n_left_alone:,}"))
    if not step.n_touched:
        return
    _samples(step)
    groups(step.effects, step.name, key=f"clean_groups_{step.place}", leaves=step.n_dropped > 0 and not step.n_changed)


def _samples(step: StepView) -> None:
    st.subheader(t("clean.examples_title"), anchor=False)
    codes = list(step.reasons)
    chosen = ""
    if len(codes) > 1:
        names = {"": t("clean.left.all_reasons"), **{code: reason_name(code) for code in codes}}
        counts = {"": step.n_touched, **step.reasons}
        labels = {code: f"{names[code]} {counts[code]:,}" for code in names}
        chosen = frame.url_select(st, t("clean.col.reason"), ["", *codes], "why", format_func=labels.__getitem__,
                                  widget="pills", required=True, label_visibility="collapsed")  # fmt: skip
    fitting = [one for one in step.samples if not chosen or one.get("reason") == chosen]
    n = step.reasons.get(chosen, step.n_touched) if chosen else step.n_touched
    shown = fitting[:_SHOWN]
    whole = len(shown) == n
    st.caption(t("clean.examples_all", n=n) if whole else t("clean.examples_of", shown=len(shown), n=f"{n:,}"))
    with st.container(height=430 if len(shown) > 2 else "content", border=False):
        prepare_clean_view.examples(shown, key=f"clean_examples_{step.place}")
