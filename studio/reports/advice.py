"""What to do about a finding: one sentence, and the page with the settings that do it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from studio.records import Condition, Finding, conditions_to_text
from studio.words import t

MOST_PINS = 150  # ids a link carries: the URL stays below 2,000 characters


@dataclass(frozen=True)
class Advice:
    """A suggested act: `key` and `values` make its sentence, `page` and `params` are the link."""

    key: str
    page: str
    params: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, object] = field(default_factory=dict)


def _clean(*steps: str) -> Callable[[Finding], Mapping[str, str]]:
    """The cleaning list with these steps at their defaults."""
    text = json.dumps([[step, {}] for step in steps], separators=(",", ":"))
    return lambda _finding: {"part": "clean", "list": text, "step": "0"}


def _cap(finding: Finding) -> Mapping[str, str]:
    """Select, the group capped at the share that was expected of it (at least 1 %, at most 99 %)."""
    percent = min(max(round(100 * float(finding.values["expected"])), 1), 99)
    return {"cap_column": f"group_{finding.values['attribute']}", "cap_group": str(percent)}


def _goal(name: str) -> Callable[[Finding], Mapping[str, str]]:
    """Select, relevance measured against a description: the finding's own words."""
    return lambda finding: {"goal": str(finding.values[name])[:300]}


def _split(finding: Finding) -> Mapping[str, str]:
    """Prepare, a split that keeps the mix of labels and of the group the finding is about."""
    label = "labels" if any(clause.column == "labels" for clause in finding.examples) else "label"
    return {"part": "split", "how": "stratified", "strata": f"{label},group_{finding.values['attribute']}"}


def _word(finding: Finding) -> Mapping[str, str]:
    """Explore, the texts with the word that carry the label."""
    clauses = tuple(
        Condition("label_now", clause.op, clause.value) if clause.column == "label" else clause
        for clause in finding.examples
    )
    return {"view": "map", "f": conditions_to_text(clauses)}


def _ids(finding: Finding) -> Mapping[str, str]:
    """Explore, the examples the finding names."""
    clause = Condition("example_id", "in", list(finding.example_ids[:MOST_PINS]))
    return {"view": "map", "f": conditions_to_text((clause,))}


def _find(_finding: Finding) -> Mapping[str, str]:
    """Upload, searching what is in the workspace for examples that fit a need."""
    return {"way": "here"}


def _by_time(_finding: Finding) -> Mapping[str, str]:
    """Prepare, a split that tests on what came last."""
    return {"part": "split", "how": "time"}


def _apart(_finding: Finding) -> Mapping[str, str]:
    """Prepare, a split that holds each source together."""
    return {"part": "split", "how": "grouped", "together": "source"}


def _check(finding: Finding) -> Mapping[str, str]:
    """Explore, the finding's own check; swapped groups are on the same page."""
    return {"view": "inside", "audit": finding.audit}


# Key of the finding without its room -> sentence, page, settings. What is not listed opens its own check.
_ADVICE: Mapping[str, tuple[str, str, Callable[[Finding], Mapping[str, str]]]] = {
    "representation.under": ("collect", "upload", _find),
    "representation.over": ("cap", "select", _cap),
    "representation.absent": ("collect", "upload", _find),
    "association.more": ("stratify", "prepare", _split),
    "association.less": ("stratify", "prepare", _split),
    "duplicates.near": ("near", "prepare", _clean("near")),
    "duplicates.exact": ("exact", "prepare", _clean("exact")),
    "duplicates.conflict": ("conflict", "prepare", _clean("conflict")),
    "balance.uneven": ("rare_label", "select", _goal("least")),
    "lengths.explains": ("length", "prepare", _clean("length")),
    "shortcuts.filler": ("word", "explore", _word),
    "shortcuts.tied": ("word", "explore", _word),
    "noise.suspects": ("reread", "explore", _ids),
    "topics.thin": ("thin", "select", _goal("topic")),
    "association.never": ("collect", "upload", _find),
    "parity.differs": ("stratify", "prepare", _split),
    "trends.rises": ("time", "prepare", _by_time),
    "trends.falls": ("time", "prepare", _by_time),
    "trends.missing_rises": ("time", "prepare", _by_time),
    "trends.missing_falls": ("time", "prepare", _by_time),
    "intersections.absent": ("collect", "upload", _find),
    "intersections.few": ("collect", "upload", _find),
    "intersections.rare": ("collect", "upload", _find),
    "confounds.tied_label_source": ("source", "prepare", _apart),
    "confounds.tied_one_source": ("source", "prepare", _apart),
    "confounds.tied_group_source": ("source", "prepare", _apart),
    "genbit.high": ("swap", "explore", _check),
    "labels.more": ("swap", "explore", _check),
    "labels.less": ("swap", "explore", _check),
    "npmi.some": ("swap", "explore", _check),
    "npmi.word": ("swap", "explore", _check),
}


def told_once(findings: Sequence[Finding], *, lang: str | None = None) -> list[tuple[Advice, int | None]]:
    """The act of each finding, and the number (from 1) of the first finding above it whose act reads the same.

    A sentence that is the same ten times is read by nobody: from the second time on it is only pointed to.
    """
    first: dict[tuple[str, str], int] = {}
    found: list[tuple[Advice, int | None]] = []
    for number, finding in enumerate(findings, start=1):
        act = advice(finding)
        before = first.setdefault((act.page, t(act.key, lang=lang, **act.values)), number)
        found.append((act, None if before == number else before))
    return found


def advice(finding: Finding) -> Advice:
    """What a person would do next about a finding.

    A finding without an act of its own leads to its check on Explore, where its numbers and examples are.
    """
    known = _ADVICE.get(finding.key.partition(".")[2])
    if known is None:
        return Advice("report.advice.look", "explore", _check(finding))
    key, page, settings = known
    if settings is _ids and not finding.example_ids:
        return Advice("report.advice.look", "explore", _check(finding))
    return Advice(f"report.advice.{key}", page, settings(finding), finding.values)
