"""Controls and cards that several pages share: linked weight sliders, one example in full."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from pages._ui.words import t
from studio.records import VIEWS
from studio.selection.weights import (
    DEFAULT_WEIGHTS,
    PRESETS,
    TOTAL,
    largest_remainder,
    move_weight,
    normalise_url_weights,
)

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


def _moved(view: str, available: tuple[str, ...]) -> None:
    before = read_weights(available)
    fixed = {*locked(), *(other for other in VIEWS if other not in available)} - {view}
    _keep(move_weight(before, view, int(st.session_state[_slider(view)]), fixed))


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
    for view in VIEWS:
        # Only what differs is written: a value sent back to the slider under the user's finger would undo the steps
        # made since it was asked for.
        if st.session_state.get(_slider(view)) != weights[view]:
            st.session_state[_slider(view)] = weights[view]
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
            step=1,
            format="%d %%",
            key=_slider(view),
            disabled=view not in there,
            help=t(f"select.view_help.{view}"),
            on_change=_moved,
            args=(view, there),
        )
        places[1].checkbox(":material/lock:", key=_lock_key(view), disabled=view not in there)
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
