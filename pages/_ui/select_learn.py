"""Learn the weights: three ways of finding slider settings on labelled examples, beside equal weights and chance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from pages._ui import frame, runs_watch, select_controls, select_learn_rounds, select_proof, widgets
from pages._ui.select_proof import LM, against, gap, number
from pages._ui.words import t
from studio.access.roles import may
from studio.figures import learn as figures
from studio.records import VIEWS, Snapshot
from studio.selection import proxy, tuning
from studio.selection.recipe import Recipe
from studio.workflows import select_learn
from studio.workflows import select_proof as proof_acts
from studio.workflows.select_learn import Lesson
from studio.workflows.select_learn_rounds import Rounds
from studio.workflows.select_proof import Prospect
from studio.workflows.select_proof_inputs import KINDS
from studio.workflows.select_scores import ScoreState, Targets


@st.fragment
def show(snapshot: Snapshot, state: ScoreState, targets: Targets | None) -> None:
    """The recipe's controls beside what was learned for it."""
    controls, results = st.columns([3, 8], gap="large")
    with controls, frame.show_errors():
        recipe = select_controls.show(snapshot, state)
        with results:
            _body(snapshot, state, recipe)


def _body(snapshot: Snapshot, state: ScoreState, recipe: Recipe) -> None:
    st.subheader(t("learn.title"), anchor=False)
    has_answers = KINDS.get(snapshot.task, LM) == LM  # then there are no labels that could be judged
    st.caption(t("learn.intro_lm" if has_answers else "learn.intro"))
    rounds = select_learn_rounds.ask(snapshot)
    judged = not has_answers and bool(
        st.checkbox(t("learn.labels"), key="judge_labels", bind="query-params", help=t("learn.labels_help"))
    )
    found = select_learn.prospect(frame.studio(), snapshot, recipe, state, label_quality=judged, rounds=rounds)
    lesson = select_learn.kept(frame.studio(), snapshot, found, rounds)
    live = proof_acts.live(frame.studio(), snapshot_id=snapshot.snapshot_id, kind=select_learn.KIND)
    if found.key is None:
        select_proof.lacking(found)
    if lesson is not None:
        _sentence(lesson)
    select_learn_rounds.looks(snapshot, found)
    if live is not None and live.spec.params.get("trial") == select_learn_rounds.ROUND:
        select_learn_rounds.watch(live.run_id)
    elif live is not None:
        runs_watch.watch(live.run_id, "learn.waiting")
    elif found.key is not None:
        _offer(snapshot, state, recipe, found, lesson, judged, rounds)
    if lesson is None:
        return
    if lesson.is_shown:
        _use(lesson)
        _details(snapshot, lesson)
    else:
        with st.expander(t("learn.found"), icon=":material/unfold_more:"):
            _details(snapshot, lesson)


def _offer(
    snapshot: Snapshot, state: ScoreState, recipe: Recipe, found: Prospect, lesson: Lesson | None, judged: bool,
    rounds: Rounds | None,
) -> None:  # fmt: skip
    if lesson is not None and not lesson.stale:
        return
    if not may(frame.current_user().role, "analyst"):
        st.caption(t("learn.read_only"))
        return
    is_broken = rounds is not None and select_learn_rounds.unfinished(snapshot, select_learn.KIND)
    if rounds is not None:
        select_learn_rounds.cost(snapshot, recipe, found, rounds)
    if not is_broken:
        select_proof.ended(snapshot, select_learn.KIND)
    label = t("learn.again" if lesson is not None else "learn.over" if is_broken else "learn.button")
    if st.button(
        label, type="secondary" if is_broken else "primary", icon=":material/model_training:", key="learn_start"
    ):
        with frame.show_errors():
            select_learn.start(frame.studio(), frame.current_user(), snapshot_id=snapshot.snapshot_id, recipe=recipe,
                               state=state, label_quality=judged, rounds=rounds)  # fmt: skip
            st.rerun(scope="app")


def _sentence(lesson: Lesson) -> None:
    for changed in lesson.stale:
        st.warning(t("learn.stale_plan" if changed == "plan" else f"proof.stale.{changed}"), icon=":material/history:")
    facts, kind, best = lesson.facts, lesson.facts["kind"], lesson.chosen
    if best is None:
        st.info(t("learn.round.none" if lesson.is_of_rounds else "learn.none"), icon=":material/drag_handle:")
    elif not lesson.is_shown:
        st.info(t("learn.hidden", n=f"{facts['n_report']:,}"), icon=":material/drag_handle:")
    else:
        suffix = "_lm" if kind == LM else ""
        st.success(t(f"learn.shown{suffix}", value=number(kind, best["value"]),
                     equal=number(kind, best["equal_draws_mean"]), difference=gap(kind, best["equal_difference"]),
                     low=gap(kind, best["equal_low"]), high=gap(kind, best["equal_high"]),
                     n=f"{facts['n_report']:,}"), icon=":material/trending_up:")  # fmt: skip
        st.markdown(t("learn.random_yes" if best["beats_random"] else "learn.random_no",
                      difference=gap(kind, best["random_difference"]), low=gap(kind, best["random_low"]),
                      high=gap(kind, best["random_high"])))  # fmt: skip
    if lesson.is_small:
        st.warning(t("learn.small", n=facts["n_held"], least=proxy.SMALL_HELD), icon=":material/warning:")


def _use(lesson: Lesson) -> None:
    best = lesson.chosen
    if best is not None:
        st.button(t("learn.use"), type="primary", icon=":material/tune:", key="learn_use",
                  on_click=widgets.set_weights, args=(select_learn.weights_of(best),))  # fmt: skip


def _details(snapshot: Snapshot, lesson: Lesson) -> None:
    _table(lesson)
    if lesson.is_of_rounds:
        _rounds(lesson)
    else:
        _trials(lesson)
    _surface(lesson)
    _policy(lesson)
    _doubtful(snapshot, lesson)
    st.caption(t("learn.round.limits" if lesson.is_of_rounds else "learn.limits"))


def _rounds(lesson: Lesson) -> None:
    facts, views = lesson.facts, list(lesson.facts["views"])
    if len(lesson.finalists):
        select_learn_rounds.finalists(lesson.finalists.to_dict("records"), views, int(facts["n_choice"]))
    st.markdown(f"**{t('learn.trials.title')}**")
    select_learn_rounds.trajectory(lesson.trials.sort_values("step").to_dict("records"), key="kept")
    st.caption(t("learn.round.trials_about", n=f"{facts['n_reward']:,}"))
    st.caption(select_learn_rounds.about_plan(facts))


def _table(lesson: Lesson) -> None:
    facts, kind = lesson.facts, lesson.facts["kind"]
    rows = lesson.settings.to_dict("records")

    def beside(row: Mapping[str, Any], other: str) -> str:
        return "–" if other == row["way"] else against(kind, row, f"{other}_")

    st.dataframe(
        {
            t("learn.table.way"): [t(f"learn.way.{row['way']}") for row in rows] + [t("learn.way.random")],
            " / ".join(t(f"select.view.{view}") for view in facts["views"]): [_mix(row, facts["views"]) for row in rows]
            + ["–"],
            t("learn.table.choice"): [f"{row['choice']:.3f}" for row in rows] + ["–"],
            t("learn.table.value"): [number(kind, row["value"]) for row in rows] + [number(kind, facts["random"])],
            t("learn.table.equal"): [beside(row, "equal") for row in rows] + ["–"],
            t("learn.table.random"): [beside(row, "random") for row in rows] + ["–"],
            t("learn.table.chosen"): ["✓" if row["way"] == facts["chosen"] else "" for row in rows] + [""],
        },
        hide_index=True, width="stretch",
    )  # fmt: skip
    about, seeds = ("round.about", tuning.REPORT_REPEATS) if lesson.is_of_rounds else (
        f"table.about{'_lm' if kind == LM else ''}", tuning.VERIFY_SEEDS)  # fmt: skip
    st.caption(t(f"learn.{about}", n_choice=f"{facts['n_choice']:,}", n_report=f"{facts['n_report']:,}",
                 size=f"{facts['size']:,}", seeds=seeds, n=f"{facts['n_rows']:,}",
                 random=tuning.RANDOM_DRAWS))  # fmt: skip
    chosen = st.columns(max(len(facts["learned"]), 1))
    for place, (way, weights) in zip(chosen, facts["learned"].items(), strict=False):
        name = f"{t('learn.use')} · {t(f'learn.way.{way}')}"
        place.button(name, key=f"learn_use_{way}", help=t(f"learn.way_help.{way}"), width="stretch",
                     on_click=widgets.set_weights, args=(dict(weights),))  # fmt: skip


def _mix(row: Mapping[str, Any], views: list[str]) -> str:
    return " / ".join(f"{int(row[view])} %" for view in views)


def _trials(lesson: Lesson) -> None:
    st.markdown(f"**{t('learn.trials.title')}**")
    names = {"x": t("learn.trials.x"), "best": t("learn.trials.best"),
             "y": t("learn.trials.y_lm" if lesson.facts["kind"] == LM else "learn.trials.y")}  # fmt: skip
    ways = {t(f"learn.way.{way}"): lesson.trials.loc[lesson.trials["way"] == way, "reward"].tolist()
            for way in ("surrogate", "search")}  # fmt: skip
    st.plotly_chart(figures.trials(ways, names), width="stretch", config={"displayModeBar": False}, key="learn_trials")
    st.caption(t("learn.trials.about", seeds=tuning.SEEDS, n=f"{lesson.facts['n_reward']:,}"))


def _surface(lesson: Lesson) -> None:
    facts = lesson.facts
    if "surface" not in facts:
        return
    views = list(facts["views"])
    st.markdown(f"**{t('learn.surface.title')}**")
    names = {view: t(f"select.view.{view}") for view in views}
    places = st.columns(2)
    first = places[0].selectbox(t("learn.surface.first"), views, format_func=names.__getitem__, key="learn_first")
    others = [view for view in views if view != first]
    last = len(others) - 1
    second = places[1].selectbox(t("learn.surface.second"), others, index=last, format_func=names.__getitem__,
                                 key=f"learn_second_{first}")  # fmt: skip
    axis, values = select_learn.surface(lesson, (first, second))
    best = {view: 100 * float(share) for view, share in zip(views, facts["surface"]["best"], strict=True)}
    shown = {"x": names[first], "y": names[second], "value": t("learn.surface.value")}
    st.plotly_chart(figures.surface(axis, values, (best[first], best[second]), shown), width="stretch",
                    config={"displayModeBar": False}, key="learn_surface")  # fmt: skip
    st.caption(t("learn.surface.about", explained=f"{max(facts['surface']['explained'], 0):.0%}"))


def _policy(lesson: Lesson) -> None:
    facts = lesson.facts.get("policy")
    if not facts:
        return
    st.markdown(f"**{t('learn.policy.title')}**")
    parts = [t("learn.policy.theta", view=t(f"select.view.{view}"), value=f"{value:+.1f}",
               error=f"{facts['error'][view]:.1f}") for view, value in facts["theta"].items()]  # fmt: skip
    st.markdown(t("learn.policy.line", n=f"{facts['n_draws']:,}", parts=" · ".join(parts)))
    if facts["negative"]:
        views = ", ".join(t(f"select.view.{view}") for view in facts["negative"])
        st.caption(t("learn.policy.negative", views=views))
    if "policy" not in lesson.facts["learned"]:
        st.caption(t("learn.policy.nothing"))
    starts = [own for _, own in lesson.path.groupby("chain")]
    lines = {t(f"select.view.{view}"): [own[view].tolist() for own in starts] for view in VIEWS
             if view in facts["theta"]}  # fmt: skip
    names = {"x": t("learn.policy.x"), "y": t("learn.policy.y")}
    st.plotly_chart(figures.path(lines, names), width="stretch", config={"displayModeBar": False}, key="learn_path")
    st.caption(t("learn.policy.about"))


def _doubtful(snapshot: Snapshot, lesson: Lesson) -> None:
    if not lesson.facts["label_quality"] or not lesson.facts.get("doubtful"):
        return
    rows = select_learn.doubtful(frame.studio(), snapshot, lesson)
    st.markdown(f"**{t('learn.doubtful.title')}**")
    st.dataframe(
        {t("learn.doubtful.id"): rows["example_id"].tolist(), t("learn.doubtful.label"): rows["label"].tolist(),
         t("learn.doubtful.text"): rows["text"].tolist()},
        hide_index=True, width="stretch",
    )  # fmt: skip
    st.caption(t("learn.doubtful.about", n=len(rows)))
