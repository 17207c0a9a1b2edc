"""What each view is made of: how values become scores, the measures' weights, and where on the scale to aim."""

from __future__ import annotations

from typing import Any

import streamlit as st

from pages._ui import frame
from pages._ui.select_several import several
from pages._ui.words import plain, t
from studio.measures import DEFAULT_MEASURES
from studio.records import VIEWS, Snapshot
from studio.selection.recipe import Recipe
from studio.selection.unit_scores import MODES
from studio.words import measures
from studio.workflows import select_matrix
from studio.workflows.select_scores import ScoreState

MOST_WEIGHT, CENTRE = 5, 0.7  # the centre is that of the project's selection notes: hard, but not the noisiest


def show(snapshot: Snapshot, state: ScoreState) -> dict[str, Any]:
    """The expander; what it says as fields of a recipe: scale, inner, bands."""
    with st.expander(t("choose.inner.title"), icon=":material/stacked_bar_chart:"):
        scales = {mode: t(f"choose.scale.{mode}") for mode in MODES}
        scale = frame.url_select(
            st, t("choose.scale.label"), MODES, "scale", format_func=scales.__getitem__, help=t("choose.scale.help")
        )
        inner = {}
        for view in state.available:
            inner |= _weights(view, [item.measure for item in state.views[view].sets])
        _alike(snapshot, state, inner)
        bands = _bands(state)
    return {"scale": scale, "inner": inner, "bands": bands}


def _weights(view: str, names: list[str]) -> dict[str, float]:
    """Measure -> weight of the measures chosen for one view; nothing chosen means the usual ones."""
    titles = {name: measures.title(name) for name in names}
    usual = [name for name in names if name in DEFAULT_MEASURES[view]] or names[:1]
    if len(names) == 1:
        return {}
    hint = t("choose.inner.usual", measures=t("choose.inner.and").join(titles[name] for name in usual))
    chosen = several(t(f"select.view.{view}"), f"in_{view}", titles, placeholder=hint)
    if len(chosen) == 1:
        return {chosen[0]: 1.0}
    return {
        name: float(st.slider(t("choose.inner.weight", measure=plain(titles[name])), 1, MOST_WEIGHT, 1, 1,
                              key=f"m_{name}", bind="query-params"))
        for name in chosen
    }  # fmt: skip


def _alike(snapshot: Snapshot, state: ScoreState, inner: dict[str, float]) -> None:
    pool = select_matrix.load(frame.studio(), snapshot.snapshot_id, state, Recipe(inner=inner))
    for a, b, rho in select_matrix.alike_measures(frame.studio(), snapshot.snapshot_id, state, pool):
        names = {"a": plain(measures.title(a)), "b": plain(measures.title(b))}
        st.warning(t("choose.inner.alike", rho=rho, **names), icon=":material/join:")


def _bands(state: ScoreState) -> dict[str, float]:
    titles = {view: t(f"select.view.{view}") for view in VIEWS if view in state.available}
    titles |= {item.measure: measures.title(item.measure) for item in state.sets}
    chosen = several(t("choose.band.label"), "aim", titles, placeholder=t("choose.band.none"),
                     help_text=t("choose.band.help"))  # fmt: skip
    return {
        name: st.slider(t("choose.band.centre", name=plain(titles[name])), 0.0, 1.0, CENTRE, 0.05, key=f"aim_{name}",
                        bind="query-params")
        for name in chosen
    }  # fmt: skip
