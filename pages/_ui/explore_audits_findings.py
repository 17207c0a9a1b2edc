"""One finding on a page: its sentence, its number with interval and n, and the way to its examples."""

from __future__ import annotations

from typing import Any

import streamlit as st

from pages._ui import frame
from pages._ui.words import plain, t
from studio.records import Condition, Finding, conditions_to_text

SHOWN_IDS = 150  # ids a link carries: the URL stays below 2,000 characters
_INTERVAL_UNITS = ("ratio", "share", "odds_ratio", "eta_squared", "probability")


def card(finding: Finding, *, key: str) -> None:
    """One finding; corpus words in the sentence are literal characters."""
    with st.container(border=True):
        place = st.columns([5, 1], vertical_alignment="center")
        place[0].markdown(f":material/flag: {sentence(finding)}")
        place[0].caption(numbers(finding))
        clauses = examples_filter(finding)
        if clauses and place[1].button(t("audit.show_examples"), key=key, help=_help(finding), width="stretch"):
            frame.go("explore", f=conditions_to_text(clauses))


def line(finding: Finding, *, key: str) -> None:
    """A finding without an alarm: one quiet line, its examples one small press away."""
    place = st.columns([11, 1], vertical_alignment="center")
    place[0].markdown(f"{sentence(finding)} :gray[:small[{numbers(finding)}]]")
    clauses = examples_filter(finding)
    help_text = _help(finding) or t("audit.show_examples")
    if clauses and place[1].button("", icon=":material/arrow_forward:", key=key, type="tertiary", help=help_text):
        frame.go("explore", f=conditions_to_text(clauses))


def sentence(finding: Finding) -> str:
    """The finding in words, with every corpus-derived value escaped."""
    return t(finding.key, **{name: _safe(value) for name, value in finding.values.items()})


def _safe(value: Any) -> Any:
    return plain(value, 40) if isinstance(value, str) else value


def numbers(finding: Finding) -> str:
    """Estimate, interval, n, q and the smallest effect that would have been seen, on one line."""
    values = {"estimate": finding.estimate, "n": finding.n, "low": finding.low, "high": finding.high}
    unit = finding.unit
    if unit in _INTERVAL_UNITS and finding.low is None:
        unit = "share_bare"
    parts = [plain(t(f"audit.number.{unit}", **values), 200)]
    if finding.q is not None:
        parts.append(t("audit.number.q_tiny") if finding.q < 0.001 else t("audit.number.q", q=finding.q))
    return " · ".join(parts)


def examples_filter(finding: Finding) -> tuple[Condition, ...]:
    """The clauses that lead to the finding's examples: labels mean those in force, so the pool stays blind."""
    if finding.examples:
        return tuple(
            Condition("label_now", clause.op, clause.value) if clause.column == "label" else clause
            for clause in finding.examples
        )
    if finding.example_ids:
        return (Condition("example_id", "in", list(finding.example_ids[:SHOWN_IDS])),)
    return ()


def _help(finding: Finding) -> str | None:
    if not finding.examples and len(finding.example_ids) > SHOWN_IDS:
        return t("audit.examples_of", n=SHOWN_IDS, total=len(finding.example_ids))
    if any(clause.column == "label" for clause in finding.examples):
        return t("audit.pool_hidden")
    return None
