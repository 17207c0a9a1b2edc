"""Rating desk: what people say of examples for one view, how far a head learnt from it agrees with them."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from typing import Any

import streamlit as st

from pages._ui import frame, select_prepare, select_words
from pages._ui.words import t
from studio.access.roles import may
from studio.annotation.keys import DESK_KEYS
from studio.errors import StudioError
from studio.measures.rated import FEWEST_SHARED, HEADS
from studio.records import VIEWS, Snapshot
from studio.store.ratings import LARGEST, OUTCOMES, SMALLEST
from studio.store.scores import ScoreSet
from studio.workflows import ratings
from studio.workflows.ratings import NEEDED, TWO, Desk
from studio.workflows.select_scores import ScoreState, Targets

_DISPLAY, _PROBLEM = "rate.display", "rate.problem"
_UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_PAIR_KEYS = {"first": "1", "tie": "2", "second": "3"}


def show(snapshot: Snapshot, state: ScoreState, targets: Targets | None) -> None:
    """Which view is rated and how; then the desk beside where the view stands."""
    place = st.container(horizontal=True, vertical_alignment="bottom")
    view = frame.url_select(place, t("rated.view"), VIEWS, "rv", format_func=lambda name: t(f"select.view.{name}"),
                            widget="segmented_control", required=True)  # fmt: skip
    kinds = ratings.KINDS[view]
    kind = kinds[0]
    if len(kinds) > 1:
        kind = frame.url_select(place, t("rated.kind"), kinds, "rk", format_func=lambda name: t(f"rated.kind_{name}"),
                                widget="segmented_control", required=True)  # fmt: skip
    _desk(snapshot, state, view, kind)


@st.fragment
def _desk(snapshot: Snapshot, state: ScoreState, view: str, kind: str) -> None:
    with frame.show_errors():
        desk = ratings.read(frame.studio(), snapshot, state, actor=frame.current_user(), view=view, kind=kind)
        left, right = st.columns([7, 3], gap="large")
        with left:
            _problem()
            if not may(frame.current_user().role, "annotator"):
                st.info(t("rated.read_only"), icon=":material/lock:")
            elif desk.shown is None:
                st.success(t("rated.all_seen"), icon=":material/task_alt:")
                _back(desk)
            elif kind == TWO:
                _pair(snapshot, desk)
            else:
                _one(snapshot, desk, state)
        with right:
            _standing(snapshot, desk)


# --- saying -----------------------------------------------------------------------------------------------------------
def _display(desk: Desk) -> str:
    """The UUID of this showing: a button sent twice is one row."""
    what = (desk.view, desk.kind, desk.shown.ids if desk.shown else (), desk.newest)
    kept = st.session_state.get(_DISPLAY)
    if kept is None or kept[0] != what:
        kept = (what, str(uuid.uuid4()))
        st.session_state[_DISPLAY] = kept
    return str(kept[1])


def _do(act: Callable[..., Any], values: dict[str, Any]) -> None:
    """Say it; a problem is shown above the next text, and nothing is lost silently."""
    try:
        act(frame.studio(), frame.current_user(), **values)
    except StudioError as error:
        st.session_state[_PROBLEM] = error


def _problem() -> None:
    error = st.session_state.pop(_PROBLEM, None)
    if error is not None:
        frame.show_error(error)


def _entry(desk: Desk, value: object) -> str:
    return uuid.uuid5(uuid.UUID(_display(desk)), f"rate\x1f{value}").hex


def _text(desk: Desk, place: int) -> None:
    """The text as literal characters."""
    if desk.shown is not None:
        with st.container(border=True):
            st.caption(t("rated.example", id=desk.shown.ids[place]))
            st.text(_UNSEEN.sub("\ufffd", desk.shown.texts[place]))


def _one(snapshot: Snapshot, desk: Desk, state: ScoreState) -> None:
    st.subheader(t(f"rated.question.{desk.view}"), anchor=False)
    if desk.view == "relevance":
        own = [item for item in state.views["relevance"].sets if "ids" in item.context]
        st.caption(t("rated.goal", what=select_words.goal_text(own[0].context)) if own else t("rated.no_goal"))
    _text(desk, 0)
    with st.container(horizontal=True):
        for value in range(SMALLEST, LARGEST + 1):
            values = {"snapshot": snapshot, "view": desk.view, "shown": desk.shown, "value": value,
                      "entry_id": _entry(desk, value)}  # fmt: skip
            end = {SMALLEST: f" · {t(f'rated.low.{desk.view}')}", LARGEST: f" · {t(f'rated.high.{desk.view}')}"}
            st.button(f"**{value}**{end.get(value, '')}", key=f"rate_{value}", shortcut=str(value), width="stretch",
                      on_click=_do, args=(ratings.rate, values))  # fmt: skip
    with st.container(horizontal=True):
        values = {"snapshot": snapshot, "view": desk.view, "shown": desk.shown, "value": None,
                  "entry_id": _entry(desk, "skip")}  # fmt: skip
        st.button(t("rated.skip"), key="rate_skip", shortcut=DESK_KEYS["skip"], icon=":material/skip_next:",
                  type="tertiary", on_click=_do, args=(ratings.rate, values))  # fmt: skip
        _back(desk)


def _pair(snapshot: Snapshot, desk: Desk) -> None:
    st.subheader(t("rated.question.pair"), anchor=False)
    for place, side in enumerate(st.columns(2, gap="medium")):
        with side:
            st.markdown(f"**{t(('rated.left', 'rated.right')[place])}**")
            _text(desk, place)
    with st.container(horizontal=True):
        for outcome in sorted(OUTCOMES, key=lambda name: _PAIR_KEYS[name]):
            values = {"snapshot": snapshot, "view": desk.view, "shown": desk.shown, "outcome": outcome,
                      "entry_id": _entry(desk, outcome)}  # fmt: skip
            st.button(t(f"rated.outcome.{outcome}"), key=f"rate_{outcome}", shortcut=_PAIR_KEYS[outcome],
                      width="stretch", on_click=_do, args=(ratings.compare, values))  # fmt: skip
    with st.container(horizontal=True):
        values = {"snapshot": snapshot, "view": desk.view, "shown": desk.shown, "outcome": None,
                  "entry_id": _entry(desk, "skip")}  # fmt: skip
        st.button(t("rated.skip"), key="rate_skip", shortcut=DESK_KEYS["skip"], icon=":material/skip_next:",
                  type="tertiary", on_click=_do, args=(ratings.compare, values))  # fmt: skip
        _back(desk)


def _back(desk: Desk) -> None:
    values = {"kind": desk.kind, "supersedes": desk.newest, "entry_id": _entry(desk, "undo")}
    st.button(t("rated.undo"), key="rate_undo", shortcut=DESK_KEYS["undo"], icon=":material/undo:", type="tertiary",
              disabled=desk.newest is None, on_click=_do, args=(ratings.undo, values))  # fmt: skip


# --- where it stands --------------------------------------------------------------------------------------------------
def _standing(snapshot: Snapshot, desk: Desk) -> None:
    what, n = ("pairs" if desk.kind == TWO else "ratings"), desk.said.n
    st.progress(min(n / NEEDED, 1.0), text=t(f"rated.progress_{what}", n=f"{n:,}", needed=NEEDED))
    people = len(desk.said.people)
    st.caption(t("rated.mine", mine=f"{desk.n_mine:,}", people=people))
    _unused(desk)
    if people > 1:
        st.caption(_between(desk))
    live = ratings.learning(frame.studio(), snapshot.snapshot_id)
    if desk.head is not None:
        st.subheader(t("rated.head"), anchor=False)
        agreement(desk.head)
        if desk.is_stale:
            st.warning(t("rated.head_stale", old=f"{desk.head.context.get('n_judged', 0):,}", new=f"{n:,}"),
                       icon=":material/history:")  # fmt: skip
    if live is not None:
        select_prepare.progress(live.run_id, t(desk.measure.title))
    else:
        _offer(snapshot, desk)


def _unused(desk: Desk) -> None:
    said = desk.said
    if said.n_changed or said.n_gone:
        st.caption(t("rated.unused", changed=f"{said.n_changed:,}", gone=f"{said.n_gone:,}"))
    if said.n_skipped:
        st.caption(t("rated.skipped", n=f"{said.n_skipped:,}"))


def _between(desk: Desk) -> str:
    told = desk.said.between()
    if told["same"] is None:
        return t("rated.between_few", n=told["n"], needed=FEWEST_SHARED)
    if told["rho"] is None:
        return t("rated.between_same", n=told["n"], same=f"{told['same']:.0%}")
    return t("rated.between", n=told["n"], same=f"{told['same']:.0%}", rho=f"{told['rho']:.2f}")


def _offer(snapshot: Snapshot, desk: Desk) -> None:
    if desk.head is not None and not desk.is_stale:
        if st.button(t("rated.look"), icon=":material/bar_chart:", key="rate_look"):
            frame.go("select", view="measures", measure=desk.measure.name)
        return
    if not desk.has_vectors:
        st.info(t("rated.no_vectors"), icon=":material/hourglass_empty:")
        return
    if not may(frame.current_user().role, "analyst"):
        st.caption(t("rated.train_role"))
        return
    is_ready = desk.n_missing == 0
    label = t("rated.train_again" if desk.head is not None else "rated.train")
    help_text = None if is_ready else t("rated.train_missing", n=desk.n_missing)
    if st.button(label, key="rate_train", icon=":material/school:", type="primary" if is_ready else "secondary",
                 disabled=not is_ready, help=help_text):  # fmt: skip
        with frame.show_errors():
            ratings.train(frame.studio(), frame.current_user(), snapshot_id=snapshot.snapshot_id, view=desk.view,
                          kind=desk.kind)  # fmt: skip
            st.rerun(scope="app")


# --- how far a head agrees --------------------------------------------------------------------------------------------
def is_head(measure: str) -> bool:
    """True for a score that was learnt from people."""
    return measure in HEADS


def agreement(item: ScoreSet) -> None:
    """How well a head says what people say about examples it did not learn from, beside chance."""
    told = item.context.get("agreement") or {}
    people = item.context.get("n_people", 1)
    if told.get("kind") == "ratings" and told.get("rho") is not None and told.get("low") is not None:
        text = t("rated.agreement_ratings", rho=f"{told['rho']:.2f}", low=f"{told['low']:.2f}",
                 high=f"{told['high']:.2f}", n=f"{told['n_judged']:,}", people=people, folds=told["folds"],
                 seed=told["seed"])  # fmt: skip
        _verdict(text, told["low"] > 0)
    elif told.get("kind") == "pairs" and told.get("share") is not None:
        text = t("rated.agreement_pairs", share=f"{told['share']:.0%}", low=f"{told['low']:.0%}",
                 high=f"{told['high']:.0%}", n=f"{told['n_judged']:,}", ties=told["n_ties"], people=people,
                 folds=told["folds"], seed=told["seed"])  # fmt: skip
        _verdict(text, told["low"] > ratings.CHANCE)
    else:
        st.warning(t("rated.agreement_unknown"), icon=":material/help:")


def _verdict(text: str, is_better: bool) -> None:
    if is_better:
        st.success(text, icon=":material/check:")
    else:
        st.warning(f"{text} {t('rated.no_better')}", icon=":material/warning:")
