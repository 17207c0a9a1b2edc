"""How varied the corpus is, on Explore: the four numbers most readers want, all others by kind, the way to compare."""

from __future__ import annotations

from typing import Any

import streamlit as st

from pages._ui import frame, runs_words
from pages._ui.words import plain, t
from studio.access.roles import may
from studio.diversity import DIVERSITY, by_name
from studio.diversity.record import GROUPS
from studio.records import Snapshot
from studio.workflows import diversity as acts
from studio.workflows import runs
from studio.workflows.runs import RunView
from studio.workflows.studio import Studio

MAIN = ("vendi", "distance", "topics", "repeats")  # what most readers want; the rest is folded
POLL_S = 1.0


def render(studio: Studio, snapshot: Snapshot) -> None:
    """The section for one snapshot."""
    st.subheader(t("diversity.section"), anchor=False)
    st.caption(t("diversity.intro"))
    with frame.show_errors():
        rows = _rows(studio, snapshot)
        if rows is not None:
            _main(rows)
            with st.expander(t("diversity.others"), icon=":material/more_horiz:"):
                _others(rows)
            if "no_vectors" in {row["reason"] for row in rows.values()}:
                st.caption(t("diversity.needs_vectors"))
    if st.button(t("diversity.to_compare"), icon=":material/compare_arrows:", key="diversity.to_compare"):
        frame.go("explore", view="compare")


def _rows(studio: Studio, snapshot: Snapshot) -> dict[str, Any] | None:
    """Measure name -> row; a large corpus waits for a press, then for its run."""
    given = {"snapshot_id": snapshot.snapshot_id}
    if acts.is_small(snapshot):
        with st.spinner(t("audit.waiting")):
            table = acts.measure(studio, frame.current_user(), **given)
    else:
        table = acts.kept(studio, **given)
    if table is not None:
        return {row["name"]: row for row in table.to_dict("records")}
    live = acts.live(studio, what="whole", **given)
    if live is not None:
        watch(studio, live.run_id)
        return None
    ended = acts.last_ended(studio, what="whole", **given)
    if ended is not None:
        _ended(ended)
    st.caption(t("diversity.compute_large", n=snapshot.n_examples))
    if not may(frame.current_user().role, "analyst"):
        st.info(t("diversity.compare.analyst"), icon=":material/lock:")
        return None
    if st.button(t("diversity.compute"), icon=":material/diversity_3:", key="audit.diversity"):
        title = t("diversity.run_title", name=snapshot.name)
        acts.start(studio, frame.current_user(), title=title, **given)
        st.rerun()
    return None


def _ended(view: RunView) -> None:
    st.warning(t("diversity.compare.failed"), icon=":material/report:")
    if st.button(t("explore.to_runs"), key=f"diversity.ended.{view.run_id}"):
        frame.go("runs", run=view.run_id)


@st.fragment(run_every=POLL_S)
def watch(studio: Studio, run_id: str) -> None:
    """A run at work with its progress and its end; the page is drawn anew when it is over."""
    view = runs.view(studio, run_id)
    if not view.is_live and (view.is_taken_over or view.status.state != "done"):
        st.rerun()
    place = st.columns([5, 1], vertical_alignment="center")
    place[0].progress(view.share, text=runs_words.progress(view))
    if may(frame.current_user().role, "analyst") and place[1].button(t("explore.cancel"), key=f"stop.{run_id}"):
        with frame.show_errors():  # it may have ended since the button was drawn
            runs.cancel(studio, frame.current_user(), run_id=run_id)


def _main(rows: dict[str, Any]) -> None:
    first = [name for name in MAIN if name in rows and not rows[name]["reason"]]
    with st.container(key="pairs_diversity"):
        for place, name in zip(st.columns(max(len(first), 1), gap="small"), first, strict=False):
            with place.container(border=True, height="stretch", gap="xxsmall"):
                st.metric(
                    t(f"diversity.name.{name}"),
                    acts.number(name, rows[name]["value"]),
                    help=t(f"diversity.help.{name}"),
                )
                if rows[name]["values"]:
                    st.caption(about(name, rows[name]["values"]))


def _others(rows: dict[str, Any]) -> None:
    for group in GROUPS:
        named = [one.name for one in DIVERSITY if one.group == group and one.name in rows]
        known = [name for name in named if not rows[name]["reason"]]
        st.markdown(f"**{t(f'diversity.group.{group}')}**")
        for name in known:
            place = st.columns([3, 2, 5], gap="small", vertical_alignment="center")
            place[0].markdown(t(f"diversity.name.{name}"), help=t(f"diversity.help.{name}"))
            place[1].text(with_unit(name, rows[name]["value"]))
            facts = about(name, rows[name]["values"]) if rows[name]["values"] else ""
            place[2].caption(f"{facts} {t(f'diversity.direction.{by_name(name).direction}')}")
        if "pairs" in known and rows["pairs"]["values"].get("top"):
            listed = [t("diversity.pair", words=plain(words, 40), n=n) for words, n in rows["pairs"]["values"]["top"]]
            st.caption(t("diversity.top_pairs", pairs=t("diversity.comma").join(listed)))
        for reason in dict.fromkeys(rows[name]["reason"] for name in named if rows[name]["reason"]):
            short = [t(f"diversity.name.{name}") for name in named if rows[name]["reason"] == reason]
            st.caption(without(short, reason))


def about(name: str, values: dict[str, Any]) -> str:
    """What stands beside a number, with its counts."""
    return t(f"diversity.about.{name}", **values)


def without(names: list[str], reason: str) -> str:
    """Which measures have no number here, and why."""
    return t("diversity.without", names=t("diversity.comma").join(names), reason=t(f"diversity.reason.{reason}"))


def with_unit(name: str, value: float) -> str:
    """A value and its unit; a share says by its percent sign what it is."""
    unit = by_name(name).unit
    return acts.number(name, value) if unit == "share" else f"{acts.number(name, value)} {t(f'diversity.unit.{unit}')}"
