"""Which examples may be chosen at all: conditions on them and thresholds on their measures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from pages._ui import frame
from pages._ui.select_several import several
from pages._ui.select_words import column_name
from pages._ui.words import plain, t
from studio.measures import by_name
from studio.records import Condition, Snapshot
from studio.store import slices
from studio.words import measures
from studio.workflows import select_limits
from studio.workflows.select_scores import ScoreState

ONLY, HOLD = "only", "hold"
LENGTH, SLICE, CLUSTER = "characters", "slice", "cluster"
BEST, BOUND, HALF, LONGEST = "best", "bound", 50, 1_000_000


def show(snapshot: Snapshot, state: ScoreState, columns: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """The expander; what it says as fields of a recipe: filters, best, bounds."""
    on = len(st.query_params.get_all(ONLY)) + len(st.query_params.get_all(HOLD))
    title = t("choose.filters.on", n=on) if on else t("choose.filters.title")
    with st.expander(title, icon=":material/filter_alt:", key="filters_box"):
        filters = _conditions(snapshot, columns)
        best, bounds = _thresholds(snapshot, state)
    return {"filters": filters, "best": best, "bounds": bounds}


def _conditions(snapshot: Snapshot, columns: Mapping[str, Sequence[str]]) -> tuple[Condition, ...]:
    columns = {name: own for name, own in columns.items() if name != CLUSTER}
    listed = slices.slices(frame.studio().store, snapshot.snapshot_id)
    saved = dict(zip(listed["slice_id"].tolist(), listed["name"].tolist(), strict=True))
    able = {name: column_name(name) for name in (*columns, LENGTH, *([SLICE] if saved else []))}
    chosen = several(t("choose.filters.only"), ONLY, able, placeholder=t("choose.filters.none"))
    found: list[Condition] = []
    for name in chosen:
        if name == LENGTH:
            found += _lengths()
            continue
        values = saved if name == SLICE else {key: key for key in columns[name]}
        picked = several(plain(able[name]), f"{ONLY}_{name}", values, placeholder=t("choose.filters.any"))
        if picked:
            found.append(Condition(name, "in", picked))
    return tuple(found)


def _lengths() -> list[Condition]:
    """Shortest and longest text; an empty box is no bound."""
    found = []
    for place, (key, op) in zip(st.columns(2), (("from", "ge"), ("to", "le")), strict=True):
        value = place.number_input(t(f"choose.filters.{key}"), 0, LONGEST, None, 10, key=f"only_{key}",
                                   bind="query-params", placeholder=t("choose.filters.no_bound"))  # fmt: skip
        found += [Condition(LENGTH, op, int(value))] if value is not None else []
    return found


def _thresholds(snapshot: Snapshot, state: ScoreState) -> tuple[dict[str, float], dict[str, float]]:
    titles = {item.measure: measures.title(item.measure) for item in state.sets}
    chosen = several(t("choose.filters.hold"), HOLD, titles, placeholder=t("choose.filters.none"),
                     help_text=t("choose.filters.hold_help"))  # fmt: skip
    best: dict[str, float] = {}
    bounds: dict[str, float] = {}
    ways = {BEST: t("choose.filters.best"), BOUND: t("choose.filters.bound")}
    for name in chosen:
        title = plain(titles[name])
        way = frame.url_select(st, title, tuple(ways), f"way_{name}", format_func=ways.__getitem__,
                               widget="segmented_control", required=True)  # fmt: skip
        if way == BEST:
            best[name] = float(st.slider(t("choose.filters.keep"), 1, 100, HALF, 1, key=f"best_{name}",
                                         bind="query-params"))  # fmt: skip
            continue
        value = _bound(snapshot, state, name)
        if value is not None:
            bounds[name] = value
    return best, bounds


def _bound(snapshot: Snapshot, state: ScoreState, name: str) -> float | None:
    """A raw value to reach; empty means no threshold yet."""
    side = "least" if by_name(name).prefer == "high" else "most"
    unit = t(measures.unit_key(name))
    value = st.number_input(t(f"choose.filters.{side}", unit=unit), value=None, step=0.01, format="%.4f",
                            key=f"bound_{name}", bind="query-params")  # fmt: skip
    reach = select_limits.value_range(frame.studio(), snapshot.snapshot_id, state, name)
    if reach is not None:
        st.caption(t("choose.filters.range", low=reach[0], middle=reach[1], high=reach[2]))
    return None if value is None else float(value)
