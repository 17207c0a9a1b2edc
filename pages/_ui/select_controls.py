"""The controls beside the ranking: budget, strategy, weights, limits and filters, all of them URL parameters."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import streamlit as st

from pages._ui import frame, select_filters, select_inner, select_limits, select_link, widgets
from pages._ui.select_words import lacking_words
from pages._ui.words import t
from studio.records import VIEWS, Snapshot
from studio.selection import offered
from studio.selection.cover import BALANCE
from studio.selection.recipe import RANKED, WEIGHTED, Recipe, recipe_hash
from studio.workflows import select_limits as limits
from studio.workflows.select_scores import ScoreState

_HASH, _ODD = "r", "select.recipe_of_link"


def show(snapshot: Snapshot, state: ScoreState, rest: AbstractContextManager[None] | None = None) -> Recipe:
    """Draw the controls; what they say is the recipe.

    Args:
        snapshot: the pool's snapshot.
        state: which scores are in use.
        rest: entered for what comes after the linked sliders; a move of one of them changes none of it.
    """
    select_link.read()
    about_link = st.container()  # above the controls, where it is seen
    budget = st.number_input(t("select.budget.label"), 1, select_link.MOST, select_link.BUDGET, 10, key="budget",
                             bind="query-params", help=t("select.budget.help"))  # fmt: skip
    names = [s.name for s in offered(state.n_labels) if _usable(s.needs, state)]
    titles = {name: t(f"strategy.{name}.title") for name in names}
    strategy = frame.url_select(st, t("select.strategy.label"), names, "strategy", format_func=titles.__getitem__)
    st.caption(t(f"strategy.{strategy}.help"))
    own = _of_strategy(strategy, state)
    weights = widgets.read_weights(state.available)
    if strategy in WEIGHTED:
        weights = widgets.weight_sliders(state.available, lacking_words(state))
    with rest or nullcontext():
        own |= select_limits.spread(state, is_on=strategy in RANKED)
        if state.available:
            own |= select_inner.show(snapshot, state)
        columns = limits.columns(frame.studio(), snapshot.snapshot_id, state)
        own |= select_limits.show(snapshot, state, columns, int(budget), strategy)
        own |= select_filters.show(snapshot, state, columns)
        seed = st.number_input(t("select.limits.seed"), 0, 2**31 - 1, 0, 1, key="seed", bind="query-params")
        recipe = Recipe(strategy=strategy, weights=weights, budget=int(budget), seed=int(seed), **own)
        with about_link:
            select_link.tell(recipe)
            _keep_hash(recipe, snapshot)
    return recipe


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


def _of_strategy(strategy: str, state: ScoreState) -> dict[str, Any]:
    """What a strategy can be told besides weights and limits."""
    if strategy == "mmr":
        balance = st.slider(t("choose.own.balance"), 0.0, 1.0, BALANCE, 0.05, key="balance", bind="query-params",
                            help=t("choose.own.balance_help"))  # fmt: skip
        return {"balance": balance}
    if strategy == "sampled":
        heat = st.slider(t("choose.own.temperature"), 0.0, 4.0, 1.0, 0.1, key="temperature", bind="query-params",
                         help=t("choose.own.temperature_help"))  # fmt: skip
        return {"temperature": heat}
    if strategy == "deita":
        return {"tau": select_limits.tau_slider()}
    if strategy == "model_score":
        views = [view for view in VIEWS if view in state.available]
        shown = {view: t(f"select.view.{view}") for view in views}
        return {"view": frame.url_select(st, t("choose.own.view"), views, "by_view", format_func=shown.__getitem__)}
    return {}


def _keep_hash(recipe: Recipe, snapshot: Snapshot) -> None:
    """The recipe's hash in the URL; a link whose hash does not fit what is read from it now says so until a change."""
    now, came = recipe_hash(recipe, snapshot.snapshot_id), st.query_params.get(_HASH)
    odd = st.session_state.setdefault(_ODD, now if came and came != now else "")  # what the first draw came to
    if odd == now:
        st.warning(t("choose.own.changed"), icon=":material/link_off:")
    if came != now:
        st.query_params[_HASH] = now
