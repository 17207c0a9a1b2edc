"""The cleaning list a person is putting together: in the URL, with what was done before for undo and redo."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import streamlit as st

from studio.corpus.cleaning.recipe import Plan, Recipe, plan, recipe_from_text, recipe_to_text
from studio.corpus.cleaning.recipe import is_whole as is_whole_text
from studio.errors import CorpusError

URL_KEY, PLACE_KEY = "list", "step"
_PAST, _FUTURE, _LAST = "clean.past", "clean.future", "clean.last"
_MOST_PAST = 100


def current() -> Recipe:
    """The list in the URL, else the one of this session."""
    text = st.query_params.get(URL_KEY)
    if text is None and (text := st.session_state.get(_LAST, "")):
        st.query_params[URL_KEY] = text
    recipe = recipe_from_text(text or "")
    st.session_state[_LAST] = recipe_to_text(recipe)
    return recipe


def is_whole() -> bool:
    """False where a line of the list in the URL cannot be read and is passed over."""
    return is_whole_text(st.query_params.get(URL_KEY) or "")


def place(recipe: Recipe) -> int | None:
    """Which line is looked at; None for the whole list."""
    asked = st.query_params.get(PLACE_KEY, "")
    return next((line for line in range(len(recipe.plans)) if str(line) == asked), None)  # a URL is untrusted


def look_at(line: int | None) -> None:
    """Look at one line, or at the whole list."""
    if line is None:
        st.query_params.pop(PLACE_KEY, None)
    else:
        st.query_params[PLACE_KEY] = str(line)


def _put(text: str) -> None:
    st.session_state[_LAST] = text
    if text:
        st.query_params[URL_KEY] = text
    else:
        st.query_params.pop(URL_KEY, None)


def change(to: Recipe) -> None:
    """Put another list in place of the present one, which can be had back."""
    before, after = recipe_to_text(current()), recipe_to_text(to)
    if before == after:
        return
    st.session_state[_PAST] = [*st.session_state.get(_PAST, []), before][-_MOST_PAST:]
    st.session_state[_FUTURE] = []
    _put(after)


def can_undo() -> bool:
    """True when a change can be taken back."""
    return bool(st.session_state.get(_PAST))


def can_redo() -> bool:
    """True when a change taken back can be made again."""
    return bool(st.session_state.get(_FUTURE))


def undo() -> None:
    """Take the last change back."""
    _step(_PAST, _FUTURE)


def redo() -> None:
    """Make the change again that was taken back."""
    _step(_FUTURE, _PAST)


def _step(source: str, target: str) -> None:
    waiting = list(st.session_state.get(source, []))
    if waiting:
        st.session_state[target] = [*st.session_state.get(target, []), recipe_to_text(current())]
        _put(waiting.pop())
        st.session_state[source] = waiting


# --- changes ----------------------------------------------------------------------------------------------------------
def _with(edit: Callable[[list[Plan]], None]) -> None:
    plans = list(current().plans)
    edit(plans)
    change(Recipe(tuple(plans)))


def add(name: str) -> None:
    """Put a step with its defaults at the end, and look at it."""
    _with(lambda plans: plans.append(plan(name)))
    look_at(len(current().plans) - 1)


def remove(line: int) -> None:
    """Take a line out."""
    _with(lambda plans: plans.pop(line))
    look_at(None)


def move(line: int, by: int) -> None:
    """Move a line up or down, and go on looking at it where it was looked at."""
    looked, target = place(current()), line + by

    def edit(plans: list[Plan]) -> None:
        plans.insert(target, plans.pop(line))

    _with(edit)
    if looked in (line, target):
        look_at(target if looked == line else line)


def switch(line: int, key: str) -> None:
    """Switch a line on or off as its box says."""
    on = bool(st.session_state[key])

    def edit(plans: list[Plan]) -> None:
        plans[line] = replace(plans[line], on=on)

    _with(edit)


def setting(line: int, name: str, key: str, language: str = "") -> None:
    """Put the value of a settings box into a line; what the step refuses is said by the step's own error."""
    value: Any = st.session_state[key]
    if isinstance(value, list):
        value = ",".join(value)
    given: Mapping[str, Any] = current().plans[line].values
    if language:
        value = {**given[name], language: value}
    try:
        changed = plan(current().plans[line].name, {**given, name: value}, on=current().plans[line].on)
    except CorpusError:
        return  # an emptied list of languages: the box shows the old one again
    _with(lambda plans: plans.__setitem__(line, changed))
