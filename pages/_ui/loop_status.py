"""One loop: where it stands, what each label bought, whether to go on, and the next step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from pages._ui import frame, loop_paused
from pages._ui.loop_start import word_or_name
from pages._ui.words import plain, spoken, t
from studio import words
from studio.access.roles import may
from studio.annotation.stopping import Gain
from studio.figures.loop import CurveLine, learning_curve
from studio.records import RunStatus
from studio.store import loops
from studio.workflows import loop, loop_view
from studio.workflows.loop_view import Check, LoopView, Point

STATE = "loop.seen_state"
EVERY_S = 2.0


def show(loop_id: str) -> None:
    """The whole page of one loop; while a round runs it looks again every two seconds."""
    row = loops.require(frame.studio().store, loop_id)
    if row.state != "stopped" and may(frame.current_user().role, "analyst"):
        row = loop.advance(frame.studio(), frame.current_user(), loop_id=loop_id)
    st.session_state[STATE] = (row.state, len(row.detail["turns"]))
    seen = loop_view.view(frame.studio(), loop_id)
    if seen.config.annotator == "simulated":
        st.warning(t("loop.simulated_mark"), icon=":material/smart_toy:")
    _numbers(seen)
    if row.state == "training":
        _watch(loop_id)
    else:
        _state(seen)
    _curve(seen)
    if seen.verdicts:
        _advice(seen)
        _table(seen)


@st.fragment(run_every=EVERY_S)
def _watch(loop_id: str) -> None:
    """The running round; the page is drawn anew when the loop has moved."""
    row = loops.require(frame.studio().store, loop_id)
    seen = loop_view.view(frame.studio(), loop_id, window=1)
    dead = any(status.is_final and status.state != "done" for status in seen.runs.values())
    if dead or (row.state, len(row.detail["turns"])) != st.session_state.get(STATE):
        st.rerun()
    _state(seen)


def _numbers(seen: LoopView) -> None:
    columns = st.columns(4)
    columns[0].metric(t("loop.cost_metric"), f"{seen.n_labels:,}")
    columns[1].metric(t("loop.pool_metric"), f"{seen.n_pool:,}")
    columns[2].metric(t("loop.rounds_metric"), f"{len(seen.turns)} / {seen.config.max_rounds}")
    if seen.turns:
        point = seen.turns[-1].point
        value = t(
            "loop.accuracy_value", value=_percent(point.accuracy), low=_percent(point.low), high=_percent(point.high)
        )
        columns[3].metric(t("loop.accuracy_metric"), f"{_percent(point.accuracy)} %", help=value)


def _state(seen: LoopView) -> None:
    row = seen.row
    if row.state == "labelling":
        n_open = f"{seen.n_open:,}"
        st.info(t("loop.labelling_human", open=n_open, n=f"{seen.n_queue:,}"), icon=":material/edit_note:")
    elif row.state == "training":
        for arm, status in seen.runs.items():
            share = status.step / status.total if status.total else 0.0
            text = t("loop.training", turn=row.detail["turn"], doing=_doing(status))
            name = t("loop.curve_random") if arm == "random" else t("loop.curve_picked")
            st.progress(min(1.0, share), text=f"{name} · {text}" if len(seen.runs) > 1 else text)
    elif row.state == "paused":
        loop_paused.why(seen)
    else:
        st.success(t("loop.stopped", reason=t(f"loop.reason.{row.stop_reason}")), icon=":material/flag:")
    if row.detail.get("random_problem"):
        st.caption(t("loop.random_missing", line=plain(_line_of(row.detail["random_problem"]), 300)))
    if row.state == "paused":
        loop_paused.next_step(seen)
    else:
        _next_step(seen)


def _line_of(problem: Mapping[str, Any] | str) -> str:
    """An error on one line in the page's language; loops of an older Winnow kept it as English text."""
    if isinstance(problem, str):
        return problem
    parts = (spoken(problem["what"]), str(problem.get("got") or ""), spoken(problem["fix"]))
    return " · ".join(part for part in parts if part)


def _doing(status: RunStatus) -> str:
    """What a round is at just now, as the Train page says it."""
    if status.state == "running" and status.total and words.has(f"train.live.{status.message}"):
        return t(f"train.live.{status.message}", step=f"{status.step:,}", total=f"{status.total:,}")
    return word_or_name("runs.state", status.state)


def _next_step(seen: LoopView) -> None:
    row, actor = seen.row, frame.current_user()
    with st.container(horizontal=True):
        if row.state == "labelling" and seen.selection_id:
            if st.button(t("loop.go_annotate"), type="primary", icon=":material/edit_note:", key="loop_annotate"):
                frame.go("annotate", sel=seen.selection_id)
        if row.state == "training" and st.button(t("loop.training_runs"), icon=":material/pending_actions:"):
            frame.go("runs")
        if not may(actor.role, "analyst"):
            return
        with frame.show_errors():
            if row.state == "labelling" and st.button(t("loop.train_now"), icon=":material/model_training:"):
                loop.advance(frame.studio(), actor, loop_id=row.loop_id, train_now=True)
                st.rerun()
            if row.state != "stopped" and st.button(t("loop.stop_now"), icon=":material/stop_circle:", type="tertiary"):
                loop.stop(frame.studio(), actor, loop_id=row.loop_id)
                st.rerun()


def _curve(seen: LoopView) -> None:
    st.subheader(t("loop.curve_title"), anchor=False)
    if not seen.turns:
        st.caption(t("loop.no_rounds"))
        return
    lines = [_line(t("loop.curve_picked"), [turn.point for turn in seen.turns])]
    random = [turn.random for turn in seen.turns if turn.random is not None]
    if random:
        lines.append(_line(t("loop.curve_random"), random, dashed=True))
    hover = t("loop.curve_hover")
    figure = learning_curve(lines, words={"x": t("loop.curve_x"), "y": t("loop.curve_y"), "hover": hover})
    st.plotly_chart(figure, key="loop_curve", config={"displayModeBar": False})
    st.caption(t("loop.curve_note"))


def _line(name: str, points: Sequence[Point], *, dashed: bool = False) -> CurveLine:
    return CurveLine(
        name,
        [p.n_train for p in points],
        [p.accuracy for p in points],
        [p.low for p in points],
        [p.high for p in points],
        [p.n_validation for p in points],
        dashed,
    )


def _advice(seen: LoopView) -> None:
    st.subheader(t("loop.advice_title"), anchor=False)
    box = st.success if seen.verdict and seen.verdict.stop else st.info
    (key, values), *others = loop_view.advice(seen)
    box(t(key, **values), icon=":material/flag:" if box is st.success else ":material/trending_up:")
    for key, values in others:
        # A limit may have ended the loop while the chosen rule would go on: said as an aside, not as a second order.
        if key.startswith("loop.verdict."):
            st.caption(t("loop.rule_by_itself", says=t(key, **values)))
        else:
            st.info(t(key, **values), icon=":material/info:")
    if len(seen.verdicts) > 1:
        with st.expander(t("loop.window_title"), icon=":material/history:"):
            for verdict in seen.verdicts:
                says = t("loop.says_stop") if verdict.stop else t("loop.says_go")
                st.text(f"{verdict.number} · {says} · {t(verdict.key, **verdict.values)}")
            st.caption(t("loop.window_note"))


def _table(seen: LoopView) -> None:
    st.subheader(t("loop.table_title"), anchor=False)
    rows = []
    for turn in seen.turns:
        point = turn.point
        rows.append(
            {
                t("loop.col_round"): turn.number,
                t("loop.col_labels"): turn.n_labels,
                t("loop.col_trained"): point.n_train,
                t("loop.col_accuracy"): _percent(point.accuracy),
                t("loop.col_interval"): f"{_percent(point.low)} – {_percent(point.high)}",
                t("loop.col_validation"): point.n_validation,
                t("loop.col_gain"): _gain(turn.gain),
                t("loop.col_random"): None if turn.random is None else _percent(turn.random.accuracy),
                t("loop.col_control"): _share(turn.control),
                t("loop.col_picked"): _share(turn.picked),
            }
        )
    st.dataframe(pd.DataFrame(rows).dropna(axis=1, how="all").astype(object).fillna("–"), hide_index=True)
    st.caption(t("loop.checks_note"))


def _gain(gain: Gain | None) -> str | None:
    if gain is None or not gain.n:
        return None
    return t("loop.gain_of", gain=100 * gain.estimate, low=100 * gain.low, high=100 * gain.high)


def _share(check: Check | None) -> str | None:
    if check is None:
        return None
    return t("loop.share_of", right=check.right, n=check.n, low=_percent(check.low), high=_percent(check.high))


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"
