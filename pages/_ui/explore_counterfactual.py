"""Swapped groups on Explore: swap the terms of two groups, see what the model, the scores and the selection do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from pages._ui import explore_audits_run, frame, runs_words
from pages._ui.words import plain, t
from studio import words
from studio.access.roles import may
from studio.lexicons.pairs import builtin_pairs
from studio.records import Snapshot
from studio.statistics import ALPHA
from studio.workflows import counterfactual, runs
from studio.workflows.studio import Studio

_POLL_S = 1.0
TINY = 0.001  # a p below it is not written out


def render(studio: Studio, snapshot: Snapshot) -> None:
    """The section; for a language without pairs one line."""
    st.subheader(t("counterfactual.title"), anchor=False)
    choices = {":".join(contrast): contrast for contrast in counterfactual.options(snapshot)}
    if not choices:
        st.caption(t("counterfactual.none_language"))
        return
    st.caption(t("counterfactual.about", pairs=len(builtin_pairs(snapshot.language))))
    place = st.columns([3, 1], vertical_alignment="bottom")
    with place[0]:
        chosen = frame.url_select(
            st, t("counterfactual.choose"), list(choices), "cf", format_func=lambda key: _contrast(choices[key])
        )
    contrast = choices[chosen]
    view = counterfactual.live(studio, snapshot.snapshot_id)
    if view is not None:
        with st.container(border=True):
            _progress(studio, view.run_id)
        return
    found = counterfactual.outcome(studio, snapshot_id=snapshot.snapshot_id, contrast=contrast)
    if may(frame.current_user().role, "analyst"):
        label = t("counterfactual.again") if found else t("counterfactual.start")
        if place[1].button(label, icon=":material/swap_horiz:", key="counterfactual.start", width="stretch"):
            with frame.show_errors():
                counterfactual.start(studio, frame.current_user(), snapshot_id=snapshot.snapshot_id, contrast=contrast)
                st.rerun()
    ended = counterfactual.ended_badly(studio, snapshot.snapshot_id)
    if ended is not None:
        explore_audits_run.show_ended(studio, ended, t("counterfactual.failed"))
    if found is not None:
        _outcome(found)


@st.fragment(run_every=_POLL_S)
def _progress(studio: Studio, run_id: str) -> None:
    view = runs.view(studio, run_id)
    if not view.is_live:
        st.rerun(scope="app")
    st.progress(view.share, text=runs_words.progress(view))


def _outcome(found: counterfactual.Outcome) -> None:
    content = found.content
    if found.is_stale:
        st.info(t("counterfactual.stale"), icon=":material/update:")
    if not content["n_pairs"]:
        st.info(t("counterfactual.no_pairs", read=content["n_read"]), icon=":material/info:")
        return
    st.caption(t("counterfactual.read", pairs=content["n_pairs"], read=content["n_read"], texts=content["n_texts"],
                 both=content["n_both"]))  # fmt: skip
    _flips(content)
    chosen = content["selection"]
    if chosen:
        st.markdown(t("counterfactual.selection_stay", n=chosen["n"], stay=chosen["stay"], leave=chosen["leave"],
                      selected=chosen["n_selected"]))  # fmt: skip
    else:
        st.caption(t("counterfactual.no_selection"))
    _changes(content)
    _pairs(content)


def _flips(content: Mapping[str, Any]) -> None:
    if not content["flips"]:
        st.caption(t("counterfactual.no_model"))
        return
    whole, *parts = content["flips"]
    st.markdown(t("counterfactual.flips", **_numbers(whole)))
    for part in parts:
        if part["n"]:
            names = {"group": _named("group", part["group"]), "other": _named("group", part["other_group"])}
            st.caption(t("counterfactual.flips_direction", **_numbers(part), **names))
    _against(content)


def _against(content: Mapping[str, Any]) -> None:
    """The same texts with an ordinary word swapped: what of the flips is more than any swap does."""
    whole = next(iter(content.get("flips_beyond", ())), None)  # an outcome of an earlier version has none
    if whole is None:
        return
    if not whole["n"]:
        st.caption(t("counterfactual.plain_none"))
        return
    clear = "more" if whole["low"] > 0 else "less" if whole["high"] < 0 else "same"
    numbers = {name: whole[name] for name in ("n", "swap", "control")}
    points = {name: 100 * whole[key] for name, key in (("points", "difference"), ("low", "low"), ("high", "high"))}
    p = t("counterfactual.p_tiny") if whole["p"] < TINY else t("counterfactual.p", p=whole["p"])
    st.markdown(t(f"counterfactual.plain_{clear}", **numbers, **points))
    st.caption(t("counterfactual.plain_about", p=p, one=whole["only_swap"], other=whole["only_control"]))


def _numbers(part: Mapping[str, Any]) -> dict[str, Any]:
    return {name: part[name] for name in ("n", "flips", "share", "low", "high")}


def _changes(content: Mapping[str, Any]) -> None:
    rows = pd.DataFrame(content["changes"])
    if rows.empty:
        return
    rows["direction"] = [
        f"{_plainly('group', row.group)} → {_plainly('group', row.other_group)}" for row in rows.itertuples()
    ]
    rows["name"] = [_measure(row.what, row.name_) for row in rows.rename(columns={"name": "name_"}).itertuples()]
    rows["what"] = [t(f"counterfactual.what.{what}") for what in rows["what"]]
    rows = rows.assign(size=-(rows["q"].fillna(1) < ALPHA).astype(int)).sort_values("size", kind="stable")
    with st.expander(t("counterfactual.changes"), icon=":material/swap_vert:"):
        st.caption(t("counterfactual.changes_about"))
        columns = ["direction", "what", "name", "n", "change", "low", "high", "q"]
        columns += [name for name in ("control", "beyond", "beyond_low", "beyond_high", "beyond_q") if name in rows]
        titles = {name: t(f"counterfactual.column.{name}") for name in columns}
        numbers = {name: st.column_config.NumberColumn(titles[name], format="%.3g") for name in columns[4:]}
        for name in ("q", "beyond_q"):
            numbers[name] = st.column_config.NumberColumn(t(f"counterfactual.column.{name}"), format="%.3f")
        st.dataframe(rows[columns], hide_index=True, column_config=titles | numbers)


def _pairs(content: Mapping[str, Any]) -> None:
    rows = pd.DataFrame(content["examples"])
    with st.expander(t("counterfactual.pairs"), icon=":material/compare:"):
        st.caption(t("counterfactual.pairs_about"))
        columns = [
            name
            for name in ("before", "after", "plain", "label", "new_label", "p", "new_p", "example_id")
            if name in rows
        ]
        titles: dict[str, Any] = {name: t(f"counterfactual.column.{name}") for name in columns}
        for name in ("before", "after", "plain"):
            titles[name] = st.column_config.TextColumn(titles[name], width="large")
        for name in ("p", "new_p"):
            if name in rows:
                titles[name] = st.column_config.NumberColumn(titles[name], format="percent")
        st.dataframe(rows[columns], hide_index=True, column_config=titles, row_height=56)


# --- names ------------------------------------------------------------------------------------------------------------
def _contrast(contrast: counterfactual.Contrast) -> str:
    axis, group, other = contrast
    return t("counterfactual.contrast", axis=_plainly("axis", axis), group=_plainly("group", group),
             other=_plainly("group", other))  # fmt: skip


def _plainly(kind: str, name: str) -> str:
    """A group of our own table in the page's language; Chinese names of the Chinese table stand for themselves."""
    key = f"counterfactual.{kind}.{name}"
    return t(key) if words.has(key) else name


def _named(kind: str, name: str) -> str:
    return plain(_plainly(kind, name))


def _measure(what: str, name: str) -> str:
    if what == "label":
        return name
    key = f"measure.{name}.title"
    return t(key) if words.has(key) else t("counterfactual.what.length")
