"""Each score by itself: how it lies, what it goes together with, which groups it prefers, examples from its ends."""

from __future__ import annotations

from datetime import datetime

import streamlit as st

from pages._ui import explore_audits_findings as findings_ui
from pages._ui import frame, select_more, select_rate, select_words
from pages._ui.widgets import example_card
from pages._ui.words import literal, plain, t
from studio.audits.scores import DELTA
from studio.figures import audits_scores as group_figures
from studio.figures import measures as figures
from studio.records import SCORER, Snapshot
from studio.selection import spreads
from studio.selection.combine import CORRELATED
from studio.words import measures as measure_words
from studio.workflows import select_measures
from studio.workflows.select_measures import LENGTH, Listed, Look, Together
from studio.workflows.select_scores import ScoreState, Targets

_CUT = 280
_FIRST = 5  # groups a score prefers that stand open; a corpus of thirty kinds has dozens
_PLOT = {"displayModeBar": False}


def show(snapshot: Snapshot, state: ScoreState, targets: Targets | None) -> None:
    """The chooser, then everything about the chosen score, the map of all of them last."""
    listed = select_measures.listed(frame.studio(), snapshot.snapshot_id, state)
    if not listed:
        st.info(t("measures.none"), icon=":material/hourglass_empty:")
        select_more.show(snapshot, state, targets)
        return
    named = {one.key: one for one in listed}
    chosen = named[frame.url_select(st, t("measures.which"), list(named), "measure",
                                    format_func=lambda key: _title(named[key]))]  # fmt: skip
    select_more.show(snapshot, state, targets)
    look = _look(snapshot.snapshot_id, chosen.key, chosen.item.context_hash, chosen.item.created_at, snapshot, chosen)
    both = _together(snapshot.snapshot_id, _mark(state), chosen.key, snapshot, state, chosen)
    _about(chosen, state)
    left, right = st.columns([6, 5], gap="large")
    with left:
        _distribution(chosen, look)
    with right:
        _notes(chosen, both, named)
        _groups(chosen, look)
    if select_rate.is_head(chosen.item.measure):
        st.subheader(t("rated.head"), anchor=False)
        select_rate.agreement(chosen.item)
    _examples(snapshot, chosen, look)
    _heat(both, named)


def _mark(state: ScoreState) -> str:
    return ",".join(f"{item.measure}:{item.context_hash}:{item.created_at}" for item in state.sets)


@st.cache_resource(show_spinner=False, max_entries=40)
def _look(snapshot_id: str, key: str, context: str, made: str, _snapshot: Snapshot, _chosen: Listed) -> Look:
    """Numbers and ids only: what a removal took is not kept here."""
    return select_measures.look(frame.studio(), _snapshot, _chosen.item)


@st.cache_resource(show_spinner=False, max_entries=10)
def _together(
    snapshot_id: str, mark: str, key: str, _snapshot: Snapshot, _state: ScoreState, _chosen: Listed
) -> Together:
    return select_measures.together(frame.studio(), _snapshot, _state, _chosen)


# --- names ------------------------------------------------------------------------------------------------------------
def _title(one: Listed) -> str:
    """A score as the chooser names it; plain text, options show every character as it is."""
    view = t(f"select.view.{one.view}") if one.view else t("measures.scorer")
    title = t("measures.of_view", view=view, title=measure_words.title(one.item.measure))
    return title if "@" not in one.key else t("measures.older", title=title, time=_time(one))


def _name(key: str, named: dict[str, Listed]) -> str:
    """A short name for pictures and sentences."""
    return t("measures.length") if key == LENGTH else measure_words.title(key.partition("@")[0])


def _time(one: Listed) -> str:
    return f"{datetime.fromisoformat(one.item.created_at):%Y-%m-%d %H:%M}"


def _unit(one: Listed) -> str:
    return t(measure_words.unit_key(one.item.measure))


# --- parts ------------------------------------------------------------------------------------------------------------
def _about(chosen: Listed, state: ScoreState) -> None:
    name = chosen.item.measure
    if name.startswith(SCORER):
        st.caption(t("measures.about", help=t("measure.scorer.help"), what=plain(_title(chosen)), time=_time(chosen)))
        return
    st.caption(t("measures.about", help=t(f"measure.{name}.help"), what=select_words.context_text(chosen.item),
                 time=_time(chosen)))  # fmt: skip
    if not chosen.in_use:
        st.info(t("measures.not_in_use"), icon=":material/history:")
        return
    for measure, key, values in state.views[chosen.view].stale:
        if measure == name:
            safe = {key_: plain(value) if isinstance(value, str) else value for key_, value in values.items()}
            st.warning(t("measures.stale", why=t(key, **safe)), icon=":material/history:")


def _distribution(chosen: Listed, look: Look) -> None:
    spread = look.spread
    st.subheader(t("measures.distribution"), anchor=False)
    if not spread.n:
        st.info(t("measures.all_undefined", n=f"{spread.n_undefined:,}"), icon=":material/info:")
        return
    st.plotly_chart(
        figures.distribution(spread.edges, spread.counts, spread.points, median=spread.median, unit=_unit(chosen),
                             axis=t("measures.examples_axis"), median_word=t("measures.median")),
        width="stretch", config=_PLOT, key="measures_distribution",
    )  # fmt: skip
    lines = [t("measures.counts", n=f"{spread.n:,}", undefined=f"{spread.n_undefined:,}", low=_number(spread.low),
               median=_number(spread.median), high=_number(spread.high), unit=plain(_unit(chosen)))]  # fmt: skip
    if look.n_flagged:
        lines.append(t("measures.flagged", n=f"{look.n_flagged:,}"))
    if spread.n_below or spread.n_above:
        lines.append(t("measures.gathered", below=f"{spread.n_below:,}", above=f"{spread.n_above:,}"))
    st.caption(" ".join(lines))


def _number(value: float) -> str:
    """As many decimals for all values of a score, so that they can be compared down a column."""
    return f"{value:,.3f}" if abs(value) < 100 else f"{value:,.0f}"


def _notes(chosen: Listed, both: Together, named: dict[str, Listed]) -> None:
    """What else moves with this score: warnings first, then the strongest ones, then the length."""
    st.subheader(t("measures.together"), anchor=False)
    others = [(key, one) for key, one in both.of(chosen.key) if one.rho == one.rho]
    strong = [(key, one) for key, one in others if one.is_strong]
    for key, one in strong:
        st.warning(t("measures.twins", name=plain(_name(key, named)), rho=f"{one.rho:.2f}", n=f"{one.n:,}",
                     bound=CORRELATED), icon=":material/link:")  # fmt: skip
    if others and not strong:
        key, one = others[0]
        st.markdown(t("measures.strongest", name=plain(_name(key, named)), rho=f"{one.rho:.2f}", n=f"{one.n:,}"))
    elif not others:
        st.markdown(t("measures.alone"))
    length = both.with_length(chosen.key)
    if length is not None and length.rho == length.rho:
        values = {"rho": f"{length.rho:.2f}", "low": f"{length.low:.2f}", "high": f"{length.high:.2f}",
                  "n": f"{length.n:,}"}  # fmt: skip
        if length.is_strong:
            side = "longer" if length.rho > 0 else "shorter"
            st.warning(t(f"measures.length_{side}", **values), icon=":material/straighten:")
        else:
            st.markdown(t("measures.length_calm", **values))
    else:
        st.markdown(t("measures.length_unknown"))


def _groups(chosen: Listed, look: Look) -> None:
    st.subheader(t("measures.groups"), anchor=False)
    if look.groups is None:
        st.caption(t("measures.no_groups"))
        return
    for note in look.groups.notes:
        st.caption(t(note))
    shown = look.groups.findings
    alarms = [finding for finding in shown if finding.alarm]
    for finding in shown:
        if not finding.alarm:
            findings_ui.line(finding, key="measures_group_all", to_map=False)
    for place, finding in enumerate(alarms[:_FIRST]):
        findings_ui.line(finding, key=f"measures_group_{place}", to_map=False)
    if len(alarms) > _FIRST:
        with st.expander(t("measures.groups_more", n=len(alarms) - _FIRST), key="measures_groups_more"):
            for place, finding in enumerate(alarms[_FIRST:], _FIRST):
                findings_ui.line(finding, key=f"measures_group_{place}", to_map=False)
    if any(finding.alarm for finding in shown):
        st.caption(t("measures.groups_limits"))
    if len(look.groups.table):
        with st.expander(t("measures.groups_picture")):
            st.plotly_chart(group_figures.deltas(look.groups.table, DELTA), width="stretch", config=_PLOT,
                            key="measures_groups")  # fmt: skip


def _examples(snapshot: Snapshot, chosen: Listed, look: Look) -> None:
    if not look.best:
        return
    st.subheader(t("measures.examples"), anchor=False)
    texts = select_measures.texts(frame.studio(), snapshot.snapshot_id, (*look.best, *look.middle, *look.worst))
    known = dict(zip(texts["example_id"].tolist(), texts["text"].tolist(), strict=True))
    unit = _unit(chosen)
    for place, part in zip(st.columns(3, gap="medium"), ("best", "middle", "worst"), strict=True):
        with place:
            st.markdown(f"**{t(f'measures.{part}')}**")
            for number in getattr(look, part):
                fact = {t("measures.example", id=f"{number}"): f"{_number(look.values[number])} {plain(unit)}"}
                example_card(literal(known.get(number, ""), _CUT), fact)
    st.caption(t("measures.examples_note", seed=select_measures.SEED))


def _heat(both: Together, named: dict[str, Listed]) -> None:
    if len(both.names) < 2:
        return
    st.subheader(t("measures.heat"), anchor=False)
    pairs = [pair for pair in spreads.strong(both.ties) if LENGTH not in pair[:2]]
    if pairs:
        st.warning(t("measures.twin_pairs", n=len(pairs), bound=CORRELATED, pairs="; ".join(
            f"{plain(_name(a, named))} – {plain(_name(b, named))} ({one.rho:.2f})" for a, b, one in pairs[:6])),
            icon=":material/link:")  # fmt: skip
    rho, n = spreads.grid(both.names, both.ties)
    st.plotly_chart(
        figures.heat_map([_name(key, named) for key in both.names], rho, n, bound=CORRELATED,
                         words=(t("measures.rho"), t("measures.examples_word"))),
        width="stretch", config=_PLOT, key="measures_heat",
    )  # fmt: skip
    key = "measures.heat_sample" if both.is_sample else "measures.heat_all"
    st.caption(t(key, n=f"{both.n_rows:,}", all=f"{both.n_all:,}", seed=select_measures.SEED, bound=CORRELATED))
