"""Learn the weights by real rounds: what a trial is, its plan and cost, the trials as they come, what they found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from pages._ui import frame, runs_words, train_setup
from pages._ui.words import t
from studio.access.roles import may
from studio.figures import learn as figures
from studio.records import VIEWS, Snapshot
from studio.selection import tuning
from studio.selection.recipe import Recipe
from studio.workflows import runs, select_learn_rounds, train
from studio.workflows.select_learn_rounds import Rounds
from studio.workflows.select_proof import Prospect

_POLL_S = 2.0
HEAD, ROUND = "head", select_learn_rounds.TRIAL
_PLAIN = {"displayModeBar": False}


# --- before -----------------------------------------------------------------------------------------------------------
def ask(snapshot: Snapshot) -> Rounds | None:
    """What a trial is, and for a real round its plan and how many there are; None for the stand-in head."""
    if not select_learn_rounds.is_offered(snapshot):
        return None
    names = {name: t(f"learn.trial.{name}") for name in (HEAD, ROUND)}
    chosen = frame.url_select(st, t("learn.trial.label"), list(names), "trial", format_func=names.__getitem__,
                              widget="radio", horizontal=True)  # fmt: skip
    st.caption(t(f"learn.trial.{chosen}_about"))
    return _plan(snapshot) if chosen == ROUND else None


def _plan(snapshot: Snapshot) -> Rounds:
    opened = frame.studio()
    start = select_learn_rounds.first(opened, snapshot)
    offered = train.bases(opened, snapshot)
    left, middle, right = st.columns([3, 2, 2])
    base = left.selectbox(t("train.base"), offered, key="learn_base", format_func=train_setup.name_of_base,
                          index=offered.index(start.plan.base) if start.plan.base in offered else 0,
                          help=t("learn.round.base_help"))  # fmt: skip
    methods = train.methods(base)
    method = middle.selectbox(t("train.method"), methods, key=f"learn_method_{base}",
                              index=methods.index(start.plan.method) if start.plan.method in methods else 0,
                              format_func=lambda name: t(f"train.method_name.{name}"))  # fmt: skip
    trials = right.number_input(t("learn.round.trials"), tuning.FEWEST_TRIALS, tuning.MOST_TRIALS, start.trials,
                                key="learn_trials", help=t("learn.round.trials_help"))  # fmt: skip
    is_same = (base, method) == (start.plan.base, start.plan.method)
    values = train_setup.settings(base, method, start.plan.to_json() if is_same else None)
    with frame.show_errors():
        return Rounds(train.default_plan(base, method, start.plan.seed if is_same else 0, **values), int(trials))
    st.stop()


def cost(snapshot: Snapshot, recipe: Recipe, found: Prospect, wanted: Rounds) -> None:
    """How many trainings of how many examples, and about how long: known before anything starts."""
    one = select_learn_rounds.cost(frame.studio(), snapshot, found, recipe.budget, wanted)
    time = t("train.time", low=train_setup.span(one.estimate.low_s), high=train_setup.span(one.estimate.high_s))
    passes = t("learn.round.passes", n=wanted.plan.epochs) if wanted.plan.uses_gradients else t("learn.round.one_pass")
    st.markdown(t("learn.round.cost", n=f"{one.trainings:,}", size=f"{one.size:,}", passes=passes,
                  trials=wanted.trials, rest=one.trainings - wanted.trials))  # fmt: skip
    places = st.container(horizontal=True)
    places.text(t("train.device", device=one.device.upper()), width="content")
    source = t("train.time_measured" if one.estimate.measured else "train.time_reference")
    places.text(time, width="content", help=f"{t('train.time_help')} {source}")
    places.text(t("train.memory", gib=f"{one.estimate.memory_bytes / 2**30:.1f}"), width="content")


def looks(snapshot: Snapshot, found: Prospect) -> None:
    """How often these held-out labels chose weights before; nothing where they never did."""
    if found.part is None:
        return
    seen = select_learn_rounds.looks(frame.studio(), snapshot, found.part.held)
    if not seen.n_studies:
        return
    times = t("learn.looks.once") if seen.n_studies == 1 else t("learn.looks.times", n=seen.n_studies)
    which = "all" if seen.n_seen == seen.n_held else "some"
    st.caption(t(f"learn.looks.{which}", n=f"{seen.n_held:,}", seen=f"{seen.n_seen:,}", times=times))


# --- meanwhile --------------------------------------------------------------------------------------------------------
@st.fragment(run_every=_POLL_S)
def watch(run_id: str) -> None:
    """The run at work with its trials so far, and the two ways to end it."""
    view = runs.view(frame.studio(), run_id)
    if not view.is_live:
        st.rerun(scope="app")
    with st.container(border=True):
        st.progress(view.share, text=runs_words.progress(view))
        st.caption(t("learn.round.waiting"))
        if may(frame.current_user().role, "analyst"):
            _ends(run_id, is_stopping=view.status.state == "stopping")
        trajectory(select_learn_rounds.so_far(frame.studio(), run_id), key="live")


def _ends(run_id: str, *, is_stopping: bool) -> None:
    places = st.container(horizontal=True)
    if places.button(t("runs.stop"), key=f"learn_stop_{run_id}", icon=":material/stop_circle:", disabled=is_stopping,
                     help=t("learn.round.stop_help")):  # fmt: skip
        with frame.show_errors():  # it may have ended since the button was drawn
            runs.stop(frame.studio(), frame.current_user(), run_id=run_id)
    if places.button(t("proof.cancel"), key=f"learn_cancel_{run_id}"):
        with frame.show_errors():
            runs.cancel(frame.studio(), frame.current_user(), run_id=run_id)


def unfinished(snapshot: Snapshot, kind: str) -> bool:
    """A study that was stopped or broke off: what it had tried, and the button to go on. False where there is none."""
    last = select_learn_rounds.unfinished(frame.studio(), snapshot, kind)
    if last is None:
        return False
    tried = select_learn_rounds.so_far(frame.studio(), last.run_id)
    with st.container(border=True):
        key = "stopped" if last.status.state == "stopped" else "broken"
        st.markdown(t(f"learn.round.{key}", n=len(tried), trials=last.spec.params["trials"]))
        places = st.container(horizontal=True)
        if places.button(t("learn.round.go_on"), type="primary", icon=":material/play_arrow:", key="learn_go_on"):
            with frame.show_errors():
                runs.resume(frame.studio(), frame.current_user(), run_id=last.run_id)
                st.rerun(scope="app")
        if places.button(t("proof.to_runs"), key="learn_runs"):
            frame.go("runs")
        trajectory(tried, key="unfinished")
    return True


# --- what was tried ---------------------------------------------------------------------------------------------------
def trajectory(tried: Sequence[Mapping[str, Any]], *, key: str) -> None:
    """Reward by trial with the best so far, and under it the weights each trial had."""
    if not tried:
        return
    x = t("learn.trials.x")
    rewards = {t("learn.round.trial"): [float(row["reward"]) for row in tried]}
    words = {"x": x, "y": t("learn.round.y"), "best": t("learn.trials.best")}
    st.plotly_chart(figures.trials(rewards, words), width="stretch", config=_PLAIN, key=f"learn_trials_{key}")
    shares = {t(f"select.view.{view}"): [float(row[view]) for row in tried] for view in VIEWS
              if any(float(row[view]) for row in tried)}  # fmt: skip
    st.plotly_chart(figures.mixes(shares, {"x": x, "y": t("learn.round.weight")}), width="stretch", config=_PLAIN,
                    key=f"learn_mixes_{key}")  # fmt: skip


def about_plan(facts: Mapping[str, Any]) -> str:
    """The plan of a study in a line: base, method, seed, trainings made, seconds."""
    plan = facts["plan"]
    method = t(f"train.method_name.{plan['method']}")
    return t("learn.round.plan", base=train_setup.name_of_base(plan["base"]), method=method, seed=plan["seed"],
             trials=facts["n_trials"], n=facts["fits"], size=f"{facts['size']:,}",
             time=train_setup.span(facts["seconds"]))  # fmt: skip


def finalists(rows: Sequence[Mapping[str, Any]], views: Sequence[str], n_choice: int) -> None:
    """The settings with the highest rewards, as the choice part decided between them."""
    st.markdown(f"**{t('learn.round.finalists')}**")
    names = " / ".join(t(f"select.view.{view}") for view in views)
    st.dataframe(
        {
            names: [" / ".join(f"{int(row[view])} %" for view in views) for row in rows],
            t("learn.round.reward"): [f"{row['reward']:.3f}" for row in rows],
            t("learn.table.choice"): [f"{row['choice']:.3f}" for row in rows],
            t("learn.table.chosen"): ["✓" if row["chosen"] else "" for row in rows],
        },
        hide_index=True, width="stretch",
    )  # fmt: skip
    st.caption(t("learn.round.finalists_about", n=f"{n_choice:,}", repeats=tuning.CHOICE_REPEATS))
