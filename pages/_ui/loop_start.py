"""Choosing a loop, and the form that starts one."""

from __future__ import annotations

import uuid

import streamlit as st

from pages._ui import frame
from pages._ui.words import plain, t
from studio import words
from studio.access.roles import may
from studio.annotation import stopping
from studio.records import Snapshot
from studio.store import labels, loops
from studio.workflows import loop, train
from studio.workflows.loop_config import LoopConfig

LOOP_KEY = "loop"
FRESH, DRAFT = "new", "loop.draft"
ORDERS = ("margin", "entropy", "least_confidence")


def pick(snapshot: Snapshot) -> str | None:
    """The loop in the URL, else the newest; None when a new one is to be started."""
    known = {row.loop_id: row for row in loops.of_snapshot(frame.studio().store, snapshot.snapshot_id)}
    if not known:
        return None
    lines = {
        key: t("loop.choose_line", name=row.name, state=t(f"loop.state.{row.state}")) for key, row in known.items()
    } | {FRESH: t("loop.new")}
    asked = st.query_params.get(LOOP_KEY, "")
    if asked and asked not in lines:
        st.warning(t("loop.unknown"), icon=":material/link_off:")
    chosen = frame.url_select(
        st, t("loop.choose"), list(lines), LOOP_KEY, format_func=lines.__getitem__, label_visibility="collapsed"
    )
    return None if chosen == FRESH else chosen


def form(snapshot: Snapshot) -> None:
    """Everything a loop is started with; sane defaults, the rest folded away."""
    st.caption(t("loop.intro"))
    if not may(frame.current_user().role, "analyst"):
        st.stop()
    simulable = labels.has_corpus_labels(frame.studio().store, snapshot.snapshot_id)
    values = _basics(simulable)
    values |= _advanced(snapshot)
    if st.button(t("loop.start"), type="primary", icon=":material/autorenew:"):
        # The draft's id stays the same until it has started, so a double click starts one loop.
        loop_id = st.session_state.setdefault(DRAFT, str(uuid.uuid4()))
        started = None
        with frame.show_errors(), st.spinner(t("loop.start")):
            plan = train.default_plan(values.pop("base"), values.pop("method"), values["seed"]).to_json()
            name = values.pop("name")
            started = loop.start(
                frame.studio(),
                frame.current_user(),
                snapshot_id=snapshot.snapshot_id,
                config=LoopConfig(plan=plan, **values),
                name=name,
                loop_id=loop_id,
            )
        if started:
            st.session_state.pop(DRAFT, None)
            frame.go("loop", loop=started)


def word_or_name(table: str, name: str) -> str:
    """The words of a known name, else the name itself: a host may allow model folders of any name."""
    return t(f"{table}.{name}") if words.has(f"{table}.{name}") else plain(name)


def _basics(simulable: bool) -> dict:
    values: dict = {}
    left, right = st.columns(2, gap="large")
    with left:
        values["name"] = st.text_input(t("loop.name"), max_chars=80, key="loop_name")
        values["seed_labels"] = st.number_input(
            t("loop.seed_labels"), 10, 100_000, 100, 10, help=t("loop.seed_labels_help"), key="loop_b"
        )
        values["batch"] = st.number_input(t("loop.batch"), 1, 100_000, 50, 10, key="loop_k")
    with right:
        choices = ("human", "simulated") if simulable else ("human",)
        values["annotator"] = st.radio(
            t("loop.annotator"),
            choices,
            format_func={who: t(f"loop.annotator_{who}") for who in choices}.__getitem__,
            key="loop_who",
        )
        if not simulable:
            st.caption(t("loop.simulated_needs"))
        if values["annotator"] == "simulated":
            st.warning(t("loop.simulated_mark"), icon=":material/smart_toy:")
            values["error_rate"] = st.number_input(t("loop.error_rate"), 0, 50, 0, 1, key="loop_wrong") / 100
            values["compare_random"] = st.toggle(
                t("loop.compare_random"), value=True, help=t("loop.compare_random_help"), key="loop_random"
            )
        share = st.slider(
            t("loop.control_share"), 0, 50, 20, 5, help=t("loop.control_share_help"), format="%d %%", key="loop_share"
        )
        values["control_share"] = share / 100
    return values


def _advanced(snapshot: Snapshot) -> dict:
    values: dict = {}
    with st.expander(t("loop.advanced"), icon=":material/tune:"):
        left, right = st.columns(2, gap="large")
        with left:
            values["rule"] = st.selectbox(
                t("loop.rule_label"),
                stopping.CHOICES,
                format_func={name: t(f"loop.rule.{name}") for name in stopping.CHOICES}.__getitem__,
                key="loop_rule",
            )
            st.caption(t(f"loop.crosses.{values['rule']}"))
            defaults = stopping.StopSettings()
            values["epsilon"] = (
                st.number_input(
                    t("loop.epsilon"), 0.1, 20.0, 100 * defaults.epsilon, 0.1, format="%.1f", key="loop_epsilon"
                )
                / 100
            )
            values["min_validation"] = st.number_input(
                t("loop.min_validation"), 50, 100_000, defaults.min_validation, 50, key="loop_min"
            )
            values["max_rounds"] = st.number_input(
                t("loop.max_rounds_label"), 1, 100, defaults.max_rounds, 1, key="loop_max"
            )
        with right:
            bases = {name: word_or_name("train.base_name", name) for name in train.bases(frame.studio(), snapshot)}
            values["base"] = st.selectbox(t("loop.base"), list(bases), format_func=bases.__getitem__, key="loop_base")
            methods = {name: word_or_name("train.method_name", name) for name in train.methods(values["base"])}
            values["method"] = st.selectbox(
                t("loop.method"), list(methods), format_func=methods.__getitem__, key="loop_method"
            )
            values["by"] = st.selectbox(
                t("loop.by"),
                ORDERS,
                format_func={name: t(f"loop.by_{name}") for name in ORDERS}.__getitem__,
                key="loop_by",
            )
            values["seed"] = st.number_input(t("loop.seed"), 0, 2**31 - 1, 0, 1, key="loop_seed")
    return values
