"""The controls beside the ranking: budget, strategy, weights and limits, all of them URL parameters."""

from __future__ import annotations

import streamlit as st

from pages._ui import frame, widgets
from pages._ui.select_words import column_name, lacking_words
from pages._ui.words import plain, t
from studio.records import Snapshot
from studio.selection import STRATEGIES
from studio.selection.recipe import LIMITED, WEIGHTED, Recipe
from studio.workflows.select_scores import ScoreState

NO_LIMIT, TAU = 100, 0.9


def show(snapshot: Snapshot, state: ScoreState) -> Recipe:
    """Draw the controls; what they say is the recipe."""
    budget = st.number_input(
        t("select.budget.label"), 1, 1_000_000, 100, 10, key="budget", bind="query-params", help=t("select.budget.help")
    )
    names = [s.name for s in STRATEGIES if _usable(s.needs, state)]
    titles = {name: t(f"strategy.{name}.title") for name in names}
    strategy = frame.url_select(st, t("select.strategy.label"), names, "strategy", format_func=titles.__getitem__)
    st.caption(t(f"strategy.{strategy}.help"))
    weights = widgets.read_weights(state.available)
    if strategy in WEIGHTED:
        weights = widgets.weight_sliders(state.available, lacking_words(state))
    limits = _spread(state) | _limits(snapshot, state, int(budget)) if strategy in LIMITED else {}
    if strategy not in LIMITED:
        st.caption(t("select.limits.only_weighted"))
    seed = st.number_input(t("select.limits.seed"), 0, 2**31 - 1, 0, 1, key="seed", bind="query-params")
    return Recipe(strategy=strategy, weights=weights, budget=int(budget), seed=int(seed), **limits)


def _usable(needs: tuple[str, ...], state: ScoreState) -> bool:
    """Strategies whose needs this snapshot can meet."""
    lacks = {
        "embeddings": state.around.vectors_path is None,
        "knn": state.around.k is None,
        "clusters": state.around.map_id is None,
        "scores": not state.available,
        "unit": not state.views["difficulty"].sets,
        "probs": not any(item.measure == "margin" for item in state.views["difficulty"].sets),
    }
    return not any(lacks.get(need, False) for need in needs)


def _limits(snapshot: Snapshot, state: ScoreState, budget: int) -> dict[str, object]:
    caps: dict[str, int] = {}
    tau = None
    with st.expander(t("select.limits.title"), icon=":material/block:"):
        if state.around.map_id is not None:
            share = st.slider(
                t("select.limits.cluster"), 1, NO_LIMIT, NO_LIMIT, 1, key="cap_cluster", bind="query-params",
                help=t("select.limits.cluster_help"),
            )  # fmt: skip
            if share < NO_LIMIT:
                caps["cluster"] = _count(share, budget)
        if snapshot.group_columns:
            shown = {"": t("select.limits.group_none")} | {c: plain(column_name(c)) for c in snapshot.group_columns}
            column = frame.url_select(
                st, t("select.limits.group"), list(shown), "cap_column", format_func=shown.__getitem__
            )
            if column:
                share = st.slider(
                    t("select.limits.group_share"), 1, NO_LIMIT, NO_LIMIT, 1, key="cap_group", bind="query-params"
                )
                if share < NO_LIMIT:
                    caps[column] = _count(share, budget)
        if state.around.k is not None and st.checkbox(
            t("select.limits.near"),
            key="apart",
            bind="query-params",
            help=t("select.limits.near_help", k=state.around.k),
        ):
            tau = st.slider(t("select.limits.tau"), 0.5, 0.99, TAU, 0.01, key="tau", bind="query-params")
        half = st.checkbox(t("select.limits.missing"), key="half", bind="query-params")
    return {"caps": caps, "tau": tau, "missing": "half" if half else "leave_out"}


def _spread(state: ScoreState) -> dict[str, float]:
    """Quotas for clusters, on until a person turns them off: the best scores alone come from few clusters (0126)."""
    if state.around.map_id is None:
        return {}
    if not st.checkbox(
        t("select.limits.even"), True, key="even", bind="query-params", help=t("select.limits.even_help")
    ):
        return {}
    even = st.slider(
        t("select.limits.evenness"), 0.0, 1.0, 0.5, 0.1, key="evenness", bind="query-params",
        label_visibility="collapsed",
    )  # fmt: skip
    return {"alpha": 1.0 - even}


def _count(percent: int, budget: int) -> int:
    """Examples that a share of the budget comes to, at least one."""
    return max(1, budget * percent // 100)
