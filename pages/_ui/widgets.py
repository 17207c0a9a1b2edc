"""Controls and cards that several pages share: linked weight sliders, one example in full."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping, Sequence

import streamlit as st

from pages._ui.words import t
from studio.records import VIEWS
from studio.selection.weights import (
    DEFAULT_WEIGHTS,
    PRESETS,
    TOTAL,
    half_drawn,
    largest_remainder,
    move_weight,
    moved_view,
    normalise_url_weights,
)

_SHOWN = "select.shown"  # what the four sliders showed, oldest first: a browser may still show any of these
_TOLD = "select.told"  # the places of the last answer and since when: a browser may have drawn none or half of it
_SENT = "select.sent"  # the places of the last press, when it came, and which slider it moved
ECHO_S = 2.0  # ours: nobody goes to another slider and takes back by hand what it just gave sooner than this
MOST_SHOWN = 20  # ours: more quick presses than fit into one slow answer
_LAST = "select.weights"  # the four weights asked for in this session, for a return to the page without them


def _key(view: str) -> str:
    return f"w_{view}"


def _slider(view: str) -> str:
    return f"w_{view}.slider"


def _lock_key(view: str) -> str:
    return f"lock_{view}"


def locked() -> list[str]:
    """Views whose lock is on."""
    return [view for view in VIEWS if st.session_state.get(_lock_key(view))]


def _asked() -> dict[str, int]:
    """The weights a person asked for: of the URL, else of this session, else the defaults."""
    asked = {view: st.query_params[_key(view)] for view in VIEWS if _key(view) in st.query_params}
    return normalise_url_weights(asked) if asked else dict(st.session_state.get(_LAST, DEFAULT_WEIGHTS))


def read_weights(available: Sequence[str]) -> dict[str, int]:
    """The weights in force: as asked for, with the share of views that have no scores given to the others.

    What was asked for stays in the URL, so a view whose scores are just being computed gets its weight back.
    """
    known = _asked()
    if available and any(known[view] for view in VIEWS if view not in available):
        shared = largest_remainder([known[view] for view in available], TOTAL)
        known = dict.fromkeys(VIEWS, 0) | dict(zip(available, shared, strict=True))
    return known


def _keep(weights: Mapping[str, int]) -> None:
    """Write the four weights into the URL, so that a link carries every value.

    `bind="query-params"` cannot do it: a widget moved by another one's callback does not reach the URL.
    """
    st.session_state[_LAST] = dict(weights)
    for view in VIEWS:
        if st.query_params.get(_key(view)) != str(weights[view]):
            st.query_params[_key(view)] = str(weights[view])


def set_weights(weights: Mapping[str, int]) -> None:
    """A button's callback: put these four weights into the sliders and the URL."""
    _keep(weights)


def _mover(sent: dict[str, int]) -> str | None:
    """The slider a person moved; within a moment, the places of the last press and half of its answer are no press."""
    kept = st.session_state.get(_SENT)
    if kept is not None:
        before, pressed, mover = kept
        told, since = st.session_state.get(_TOLD) or (before, pressed)
        if time.monotonic() - max(pressed, since) < ECHO_S and half_drawn(sent, before, told):
            return mover if sent == before else mover or ""
    shown = st.session_state.setdefault(_SHOWN, deque(maxlen=MOST_SHOWN))
    mover = moved_view(sent, shown)
    st.session_state[_SENT] = (sent, time.monotonic(), mover)
    shown.append(sent)  # a browser that has no answer yet shows these, and the next press starts from them
    return mover


def _moved(view: str, available: tuple[str, ...]) -> None:
    """Act on the slider a person moved.

    A press made before the last answer arrived comes with the old places of the other sliders, which count as moved
    then; acting on those would undo the press.
    """
    sent = {name: int(st.session_state.get(_slider(name), 0)) for name in VIEWS}
    if _mover(sent) not in (view, None):
        _keep(st.session_state[_LAST])  # the URL that came along is as old as the places
        return
    before = read_weights(available)
    fixed = {*locked(), *(other for other in VIEWS if other not in available)} - {view}
    _keep(move_weight(before, view, sent[view], fixed))


def _preset() -> None:
    chosen = PRESETS.get(st.session_state.get("preset") or "")
    st.session_state["preset"] = None
    if chosen is None:
        return
    _keep(chosen)


def weight_sliders(available: Sequence[str], lacking: Mapping[str, str]) -> dict[str, int]:
    """Four linked sliders that always sum to 100, with locks and presets; their values are URL parameters.

    Args:
        available: views that have scores; the others weigh 0 and cannot be moved.
        lacking: view -> words key of why it has none.

    Returns:
        view -> whole percent, summing to 100.
    """
    there = tuple(available)
    _keep(_asked())
    weights = read_weights(there)
    told, since = st.session_state.get(_TOLD) or ({}, 0.0)
    mover = st.session_state[_SENT][2] if _SENT in st.session_state else None
    for view in VIEWS:
        # Only what differs is written: a value sent back to the slider under the user's finger would undo the steps
        # made since it was asked for. Places that were told after a press had left are on their way to the others.
        came = st.session_state.get(_slider(view))
        if came != weights[view] or (view != mover and told.get(view, came) != came):
            st.session_state[_slider(view)] = weights[view]
    st.session_state[_TOLD] = (dict(weights), since if told == weights else time.monotonic())
    shown = st.session_state.setdefault(_SHOWN, deque(maxlen=MOST_SHOWN))
    if not shown or shown[-1] != weights:
        shown.append(dict(weights))
    names = {name: t(f"select.preset.{name}") for name in PRESETS}
    st.selectbox(
        t("select.weights.title"),
        list(PRESETS),
        index=None,
        format_func=names.__getitem__,
        placeholder=t("select.weights.preset"),
        key="preset",
        on_change=_preset,
    )
    for view in VIEWS:
        places = st.columns([3, 1], vertical_alignment="center", gap="small")
        places[0].slider(
            t(f"select.view.{view}"),
            min_value=0,
            max_value=TOTAL,
            value=weights[view],  # the place is written once: where that message is lost, this one says it
            step=1,
            format="%d %%",
            key=_slider(view),
            disabled=view not in there,
            help=t(f"select.view_help.{view}"),
            on_change=_moved,
            args=(view, there),
        )
        places[1].checkbox(":material/lock:", key=_lock_key(view), bind="query-params",
                           disabled=view not in there)  # fmt: skip
        if view not in there:
            st.caption(t(lacking.get(view) or "select.lacking.scores"))
    st.caption(t("select.weights.lock_help"))
    return weights


def example_card(text: str, facts: Mapping[str, str]) -> None:
    """One example in full as literal characters, with short facts (already in the page's language) above it."""
    with st.container(border=True):
        if facts:
            st.caption(" · ".join(f"{name}: {value}" for name, value in facts.items()))
        st.text(text)
