"""One finding on a page: its sentence, its number with interval and n, and the way to its examples."""

from __future__ import annotations

import streamlit as st

from pages._ui import frame
from pages._ui.words import choose_language, plain, t
from studio.records import Condition, Finding, Snapshot, conditions_from_text, conditions_to_text
from studio.reports import findings
from studio.store import examples
from studio.workflows.studio import Studio

SHOWN_ROWS = 100
SHOWN_IDS = 150  # ids a link carries: the URL stays below 2,000 characters


def card(finding: Finding, *, key: str, to_map: bool) -> None:
    """One finding, corpus words as literal characters; its examples show on the map where there is one."""
    with st.container(border=True):
        place = st.columns([5, 1], vertical_alignment="center")
        with place[0].container(gap="xxsmall"):
            st.markdown(f":material/flag: {sentence(finding)}")
            st.caption(numbers(finding))
        clauses = examples_filter(finding)
        if clauses and place[1].button(t("audit.show_examples"), key=key, help=_help(finding), width="stretch"):
            _go(clauses, to_map)


def line(finding: Finding, *, key: str, to_map: bool) -> None:
    """A finding under its check: one quiet line, its examples one small press away."""
    place = st.columns([11, 1], vertical_alignment="center")
    with place[0].container(gap="xxsmall"):
        st.markdown(f":material/flag: {sentence(finding)}" if finding.alarm else sentence(finding))
        st.caption(numbers(finding))
    clauses = examples_filter(finding)
    help_text = _help(finding) or t("audit.show_examples")
    if clauses and place[1].button("", icon=":material/arrow_forward:", key=key, type="tertiary", help=help_text):
        _go(clauses, to_map)


def _go(clauses: tuple[Condition, ...], to_map: bool) -> None:
    frame.go("explore", view="map" if to_map else "inside", f=conditions_to_text(clauses))


def examples_here(studio: Studio, snapshot: Snapshot) -> None:
    """The examples a finding led to, in a table: what stands in for the map while there is none."""
    clauses = conditions_from_text(st.query_params.get("f", ""))
    if not clauses:
        return
    with st.container(border=True), frame.show_errors():
        found = examples.count(studio.store, snapshot.snapshot_id, clauses)
        label = "labels" if snapshot.task == "classification_multi" else "label_now"
        columns = ("example_id", "text", label, *snapshot.group_columns)
        rows = examples.frame(studio.store, snapshot.snapshot_id, columns, clauses, limit=SHOWN_ROWS)
        place = st.columns([6, 1], vertical_alignment="center")
        place[0].caption(t("audit.examples_found", n=found, shown=len(rows)))
        if place[1].button(t("audit.examples_close"), key="audit.examples.close", width="stretch"):
            frame.go("explore", view="inside")
        names = {
            "example_id": t("audit.column.example_id"),
            "text": st.column_config.TextColumn(t("audit.column.text"), width="large"),
            label: t("audit.column.label"),
        }
        st.dataframe(rows, hide_index=True, column_config=names | {f"group_{name}": name for name in snapshot.groups})


def sentence(finding: Finding) -> str:
    """The finding in words, with every corpus-derived value escaped."""
    return findings.sentence(finding, lang=choose_language(), safe=lambda text: plain(text, 40))


def numbers(finding: Finding) -> str:
    """Estimate, interval, n and q on one line."""
    return " · ".join(plain(part, 200) for part in findings.numbers(finding, lang=choose_language()))


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
    if any(clause.column in ("label", "labels") for clause in finding.examples):
        return t("audit.pool_hidden")
    return None
