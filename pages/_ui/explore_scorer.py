"""Scorer models on Explore: the offer to score the texts with one, how a run goes, what its scores rest on."""

from __future__ import annotations

import streamlit as st

from pages._ui import explore_audits_run, frame, runs_words
from pages._ui.words import plain, t
from studio.access.roles import may
from studio.records import Snapshot
from studio.workflows import runs, scorer
from studio.workflows.scorer import Standing
from studio.workflows.studio import Studio

_POLL_S = 1.0


def render(studio: Studio, snapshot: Snapshot) -> None:
    """A box with a line per configured scorer; nothing where the host named none."""
    found = scorer.standings(studio, snapshot.snapshot_id)
    if not found:
        return
    with st.container(border=True):
        st.markdown(f"**{t('scorer.title')}**", help=t("scorer.about"))
        for one in found:
            _line(studio, snapshot, one)


def _line(studio: Studio, snapshot: Snapshot, one: Standing) -> None:
    if one.problem is not None:
        st.markdown(t("scorer.problem", name=plain(one.name)))
        frame.show_error(one.problem)
        return
    if one.run is not None:
        _progress(studio, one.run.run_id)
        return
    if one.ended is not None:
        explore_audits_run.show_ended(studio, one.ended, t("scorer.failed"))
    can = may(frame.current_user().role, "analyst")
    place = st.columns([3, 2], vertical_alignment="center") if can and _is_open(one) else [st.container()]
    with place[0]:
        st.markdown(sentence(one, snapshot))
        if one.scored is not None:
            _rests_on(one)
    if len(place) > 1:
        label = t("scorer.again" if one.scored else "scorer.start", name=plain(one.name, 40))
        if place[1].button(label, icon=":material/speed:", key=f"scorer.start.{one.name}", width="stretch",
                           type="secondary" if one.scored else "primary"):  # fmt: skip
            with frame.show_errors():
                scorer.start(studio, frame.current_user(), snapshot_id=snapshot.snapshot_id, name=one.name)
                st.rerun()


def _is_open(one: Standing) -> bool:
    """True where there is something to do: no scores yet, or older ones."""
    return one.scored is None or one.is_stale


def sentence(one: Standing, snapshot: Snapshot) -> str:
    """Where the snapshot stands with a scorer, in words."""
    named = {"name": plain(one.name), "output": plain(one.output)}
    if one.scored is None:
        return t("scorer.offer", n=snapshot.n_examples, **named)
    if one.is_stale:
        return t("scorer.stale", **named)
    return t("scorer.done", n=one.scored.n - one.scored.n_undefined, all=one.scored.n, **named)


def _rests_on(one: Standing) -> None:
    """Texts without a score and texts read in part, counted; the model by the start of its hash."""
    counts = one.counts
    parts = [t(f"scorer.{name}", n=counts[name]) for name in ("n_empty", "n_failed") if counts.get(name)]
    if counts.get("n_cut"):
        parts.append(t("scorer.n_cut", n=counts["n_cut"], longest=counts["longest"]))
    parts.append(t("scorer.model", mark=str(counts.get("model", ""))[:12]))
    st.caption(" · ".join(parts))


@st.fragment(run_every=_POLL_S)
def _progress(studio: Studio, run_id: str) -> None:
    view = runs.view(studio, run_id)
    if not view.is_live:
        st.rerun(scope="app")
    st.progress(view.share, text=runs_words.progress(view))
    if may(frame.current_user().role, "analyst") and st.button(t("explore.cancel"), icon=":material/cancel:",
                                                               key=f"scorer.cancel.{run_id}"):  # fmt: skip
        with frame.show_errors():
            runs.cancel(studio, frame.current_user(), run_id=run_id)
