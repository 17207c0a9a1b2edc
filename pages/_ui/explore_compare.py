"""Compare, a view of Explore: two sets of examples side by side for every diversity measure, beside random draws."""

from __future__ import annotations

from datetime import UTC
from typing import Any

import pandas as pd
import streamlit as st

from pages._ui import frame
from pages._ui.explore_diversity import watch, without
from pages._ui.words import t
from studio.access.roles import may
from studio.diversity import DIVERSITY, by_name
from studio.diversity.record import GROUPS
from studio.figures.diversity import band_image
from studio.records import Snapshot
from studio.statistics import ALPHA
from studio.workflows import diversity as acts
from studio.workflows import diversity_sides
from studio.workflows.diversity import Compared
from studio.workflows.diversity_sides import Side
from studio.workflows.studio import Studio

OTHER_SPACE = "other_space"
ROW_PX = 36


def render(studio: Studio, snapshot: Snapshot) -> None:
    """The whole view: choose two sets, start, watch, read."""
    st.caption(t("diversity.compare.intro"))
    sides = {side.key: side for side in diversity_sides.listed(studio, snapshot)}
    if len(sides) < 2:
        _nothing()
        return
    a, b, given = _choose(sides)
    if a.key == b.key:
        st.info(t("diversity.compare.same"), icon=":material/info:")
        return
    with frame.show_errors():
        found = acts.compared(studio, **given)
        if found is not None:
            _basis(found, a, b)
            _table(found)
            return
        live = acts.at_work(studio, **given)
        if live is not None:
            watch(studio, live.run_id)
            return
        _start(studio, a, b, given)


def _nothing() -> None:
    st.info(t("diversity.compare.nothing"), icon=":material/compare_arrows:")
    places = st.container(horizontal=True)
    if places.button(t("diversity.compare.to_select"), type="primary", icon=":material/tune:", key="compare.select"):
        frame.go("select")
    if places.button(t("diversity.compare.to_map"), icon=":material/scatter_plot:", key="compare.map"):
        frame.go("explore", view="map")


def _choose(sides: dict[str, Side]) -> tuple[Side, Side, dict[str, Any]]:
    """Both sets, the number of draws and the seed, all in the URL."""
    keys = list(sides)

    def named(key: str) -> str:
        return t(f"diversity.compare.{sides[key].kind}", name=sides[key].name[:60], n=sides[key].n)

    places = st.columns([5, 5, 2, 2], vertical_alignment="bottom")
    a = frame.url_select(places[0], t("diversity.compare.a"), keys, "ca", format_func=named)
    b = frame.url_select(places[1], t("diversity.compare.b"), [*keys[1:], keys[0]], "cb", format_func=named)
    draws = frame.url_select(places[2], t("diversity.compare.draws"), [str(n) for n in acts.DRAWS], "cd",
                             format_func=str, help=t("diversity.compare.draws_help"))  # fmt: skip
    seed = places[3].number_input(t("diversity.compare.seed"), 0, 999_999, acts.SEED, key="cs", bind="query-params")
    return sides[a], sides[b], {"a": a, "b": b, "draws": int(draws), "seed": int(seed)}


def _start(studio: Studio, a: Side, b: Side, given: dict[str, Any]) -> None:
    ended = acts.last_ended(studio, snapshot_id=a.snapshot_id, what="compare")
    if ended is not None and ended.status.state in ("failed", "crashed"):
        st.warning(t("diversity.compare.failed"), icon=":material/report:")
        if st.button(t("explore.to_runs"), icon=":material/pending_actions:", key="compare.runs"):
            frame.go("runs", run=ended.run_id)
    if not may(frame.current_user().role, "analyst"):
        st.info(t("diversity.compare.analyst"), icon=":material/lock:")
        return
    if st.button(t("diversity.compare.start"), type="primary", icon=":material/compare_arrows:", key="compare.start"):
        title = t("diversity.compare_title", a=a.name, b=b.name)
        acts.compare(studio, frame.current_user(), title=title, **given)
        st.rerun()


def _basis(found: Compared, a: Side, b: Side) -> None:
    """What the numbers rest on, and how many of them chance alone would put outside."""
    st.caption(
        t(
            "diversity.compare.basis",
            n_a=found.size_a,
            n_b=found.size_b,
            draws=found.draws,
            size=found.size,
            pool=found.size_pool,
            seed=found.seed,
            when=f"{found.computed_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC",
        )
    )
    rows = [row for row in found.table.to_dict("records") if row["n_draws"] and row[found.judged] == row[found.judged]]
    outside = sum(acts.is_outside(row, found.judged) for row in rows)
    passing = sum(row["q"] < ALPHA for row in rows)
    st.markdown(
        t("diversity.compare.outside", n=outside, all=len(rows), chance=f"{ALPHA * len(rows):.1f}", n_q=passing)
    )
    judged = b if found.judged == "b" else a
    if judged.kind == "slice":
        st.caption(t("diversity.compare.looked"))
    if judged.kind == "selection":
        st.caption(t("diversity.compare.chosen"))
    if OTHER_SPACE in set(found.table["reason_b"]):
        st.caption(t("diversity.compare.others_space"))


def _table(found: Compared) -> None:
    by_measure = {row["name"]: row for row in found.table.to_dict("records")}
    for group in GROUPS:
        named = [one.name for one in DIVERSITY if one.group == group and one.name in by_measure]
        shown = [name for name in named if by_measure[name]["n_draws"]]
        st.markdown(f"**{t(f'diversity.group.{group}')}**")
        if shown:
            _group(found, [by_measure[name] for name in shown], group)
        reasons = {name: _reason(by_measure[name], found.judged) for name in named if name not in shown}
        for reason in dict.fromkeys(reasons.values()):
            names = [t(f"diversity.name.{name}") for name, own in reasons.items() if own == reason]
            st.caption(without(names, reason))
    _notes(found)


def _reason(row: dict[str, Any], judged: str) -> str:
    return row[f"reason_{judged}"] or row["reason_a"] or row["reason_b"] or "no_examples"


def _group(found: Compared, rows: list[dict[str, Any]], group: str) -> None:
    table = pd.DataFrame(
        [
            {
                "measure": t(f"diversity.name.{row['name']}"),
                "a": _shown(row, "a", found),
                "b": _shown(row, "b", found),
                "band": band_image(row["low"], row["middle"], row["high"], row[found.judged], row["draws"]),
                "says": acts.sentence(row, found.judged),
                "q": f"{row['q']:.2g}" if row["q"] == row["q"] else "–",
                "unit": _unit(row, found),
                "direction": t(f"diversity.direction.{by_name(row['name']).direction}"),
            }
            for row in rows
        ]
    )
    config = {
        "measure": st.column_config.TextColumn(t("diversity.compare.head_number"), width=215, pinned=True),
        "a": st.column_config.TextColumn(t("diversity.compare.head_a"), width=68, alignment="right"),
        "b": st.column_config.TextColumn(t("diversity.compare.head_b"), width=68, alignment="right"),
        "band": st.column_config.ImageColumn(t("diversity.compare.head_band"), width=185),
        "says": st.column_config.TextColumn(t("diversity.compare.head_says"), width=395),
        "q": st.column_config.TextColumn("q", width=56, alignment="right", help=t("diversity.compare.q_help")),
        "unit": st.column_config.TextColumn(t("diversity.compare.head_unit"), width=190),
        "direction": st.column_config.TextColumn(t("diversity.compare.head_direction"), width=170),
    }
    st.dataframe(table, hide_index=True, column_config=config, key=f"compare.{group}", row_height=ROW_PX,
                 height=ROW_PX * (len(table) + 1) + 3)  # fmt: skip


def _shown(row: dict[str, Any], side: str, found: Compared) -> str:
    """A value; with a star where it may not be compared with the other one because the sizes differ."""
    text = acts.number(row["name"], row[side])
    is_other = side != found.judged and by_name(row["name"]).by_size and row["n_a"] != row["n_b"]
    return f"{text} *" if is_other and text != "–" else text


def _unit(row: dict[str, Any], found: Compared) -> str:
    unit = t(f"diversity.unit.{by_name(row['name']).unit}")
    if row["n_draw"] < found.size:
        return f"{unit} · {t('diversity.compare.sampled_one', n=row['n_draw'])}"
    return unit


def _notes(found: Compared) -> None:
    rows = found.table.to_dict("records")
    if any(row["n_draw"] < found.size for row in rows):
        st.caption(t("diversity.compare.sampled"))
    if any(row["n_a"] != row["n_b"] for row in rows):
        st.caption(f"\\* {t('diversity.compare.by_size')}")
    n_tests = sum(row["p"] == row["p"] for row in rows)
    if 2 / (1 + found.draws) * n_tests > ALPHA:
        st.caption(t("diversity.compare.too_coarse", draws=found.draws))
    st.caption(t("diversity.compare.not_independent"))
    with st.expander(t("diversity.compare.meaning"), icon=":material/help:"):
        for row in rows:
            st.markdown(f"**{t('diversity.name.' + row['name'])}** – {t('diversity.help.' + row['name'])}")
    csv = found.table.drop(columns=["values_a", "values_b", "draws"]).to_csv(index=False)
    st.download_button(t("diversity.compare.download"), csv, "diversity.csv", "text/csv",
                       icon=":material/download:", on_click="ignore", key="compare.csv")  # fmt: skip
