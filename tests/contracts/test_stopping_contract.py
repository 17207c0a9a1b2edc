"""Every stopping rule: legal name, listed paper, a verdict for any history, words for what it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from studio import words
from studio.annotation.stopping import CHOICES, DEFAULT_RULE, STOPPING_RULES, StopSettings, Turn

ROOT = Path(__file__).resolve().parents[2]
PAPERS = set(re.findall(r"^\|\s*`?([a-z0-9][a-z0-9-]+)`?\s*\|", (ROOT / "docs/papers.md").read_text("utf-8"), re.M))
HISTORIES = {
    "none": [],
    "one": [Turn(1, 10, 5, {1: True})],
    "no validation": [Turn(1, 10, 5), Turn(2, 20, 0)],
    "many": [Turn(n, n, 9, {i: i % (n + 1) > 0 for i in range(250)}) for n in range(1, 8)],
    "disjoint": [Turn(1, 1, 1, {1: True}), Turn(2, 2, 1, {2: True})],
}


@pytest.mark.parametrize("rule", STOPPING_RULES, ids=lambda r: r.name)
def test_a_rule_is_named_documented_and_says_which_way_it_crosses(rule):
    assert rule.name.isidentifier() and rule.paper in PAPERS
    assert words.has(rule.title) and words.has(rule.crosses)
    assert "Crosses" in (rule.check.__doc__ or ""), "the docstring states the direction"
    assert sum(other.name == rule.name for other in STOPPING_RULES) == 1


@pytest.mark.parametrize("history", HISTORIES.values(), ids=HISTORIES.keys())
@pytest.mark.parametrize("rule", STOPPING_RULES, ids=lambda r: r.name)
def test_a_rule_gives_a_readable_verdict_for_any_history(rule, history):
    verdict = rule.check(history, StopSettings())
    assert verdict.rule == rule.name and verdict.number == len(history) and isinstance(verdict.stop, bool)
    for language in words.LANGUAGES:
        assert words.t(verdict.key, lang=language, **verdict.values)
    assert verdict == rule.check(list(history), StopSettings())
    if not history:
        assert not verdict.stop, "nothing seen, nothing decided"


def test_the_default_is_among_the_choices():
    assert DEFAULT_RULE in CHOICES and set(CHOICES) <= {rule.name for rule in STOPPING_RULES}
