"""What a link to the Select page asks for and cannot have: said until a person changes it, not replaced unsaid."""

from __future__ import annotations

import streamlit as st

from pages._ui.words import plain, t
from studio.records import VIEWS
from studio.selection.recipe import Recipe
from studio.selection.weights import unreadable

MOST, BUDGET = 1_000_000, 100  # the most that may be asked for, and what stands there where a link names nothing usable
_ASKED = "select.asked_by_link"  # parameter -> what the link said of it, where that cannot be
_GOT = "select.got_by_link"  # the recipe that came of it at first


def read() -> None:
    """Look at the link once, before the controls put their own values into it."""
    if _ASKED in st.session_state:
        return
    asked: dict[str, str] = {}
    given = {view: st.query_params[f"w_{view}"] for view in VIEWS if f"w_{view}" in st.query_params}
    if given and unreadable(given):
        asked["weights"] = " / ".join(given.values())
    budget = st.query_params.get("budget")
    if budget is not None and not (budget.isascii() and budget.isdigit() and 1 <= int(budget[:9]) <= MOST):
        asked["budget"] = budget
    st.session_state[_ASKED] = asked


def tell(recipe: Recipe) -> None:
    """A warning for each, as long as what stands there now is what the page put in its place."""
    asked = st.session_state.get(_ASKED) or {}
    now = {"weights": dict(recipe.weights), "budget": recipe.budget}
    first = st.session_state.setdefault(_GOT, now)
    for name, said in asked.items():
        if now[name] == first[name]:
            st.warning(t(f"choose.own.odd_{name}", asked=plain(said, 40), used=f"{recipe.budget:,}", most=f"{MOST:,}"),
                       icon=":material/link_off:")  # fmt: skip
