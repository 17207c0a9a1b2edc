"""Audits of a choice against draws: counted again from the corpus, kept by content, sensitivity beside it."""

from __future__ import annotations

import time

import numpy as np
import pytest

from studio.records import Condition
from studio.selection.recipe import Recipe
from studio.store import examples, findings
from studio.workflows import audits_copies, select, select_audits, select_sensitivity
from tests.workflows.test_select import w


@pytest.fixture
def snapshot_id(scored_snapshot):
    return scored_snapshot


def wait(ask):
    for _ in range(400):
        found = ask()
        if found.is_over:
            return found.result
        time.sleep(0.05)
    raise AssertionError("never over")


def test_a_choice_of_one_group_is_an_alarm_with_its_numbers(studio, snapshot_id):
    only_f = (Condition("group_gender", "eq", "f"),)
    choice = select.choose(studio, snapshot_id, Recipe(weights=w(34, 33, 0, 33), budget=30, filters=only_f))
    found = wait(lambda: select_audits.of_choice_soon(studio, snapshot_id, choice))
    by = {(one.name, one.values.get("column"), one.values.get("other")): one for one in found.tested}
    largest = by["largest", "group_gender", None]
    assert (largest.value, largest.verdict) == (1.0, "higher") and largest in found.alarms
    assert by["kinds", "group_gender", None].value == pytest.approx(1.0)
    frame = examples.by_ids(studio.store, snapshot_id, choice.ids, ["example_id", "text"])
    assert by["length", None, None].value == np.median(frame["text"].str.len())
    assert ("copies", None, None) not in by and not found.has_copies
    assert found.n == 30 and found.draws >= 199
    # kept: the second time nothing is drawn
    before = findings.newest(studio.store, snapshot_id, select_audits.AUDIT, select_audits.VERSION)
    key = before[0].audit and findings.states(studio.store, snapshot_id, select_audits.AUDIT, select_audits.VERSION, 5)
    again = select_audits.of_choice(studio, snapshot_id, choice, key[0])
    assert again == found
    audits_copies.make(studio, snapshot_id)
    with_copies = wait(lambda: select_audits.of_choice_soon(studio, snapshot_id, choice))
    assert with_copies.has_copies and any(one.name == "copies" for one in with_copies.tested)


def test_sensitivity_in_the_background(studio, snapshot_id):
    recipe = Recipe(weights=w(34, 33, 0, 33), budget=20)
    choice = select.choose(studio, snapshot_id, recipe)
    found = wait(lambda: select_sensitivity.of_choice_soon(studio, snapshot_id, choice))
    assert len(found.stays) == 20 and {one.view for one in found.moved} == {"relevance", "diversity", "quality"}
    listed = select_sensitivity.shaky(choice, found)
    assert len(listed) == min(50, found.n_shaky) and [share for _, share in listed] == sorted(
        share for _, share in listed
    )
    assert set(i for i, _ in listed) <= set(choice.ids.tolist())
    other = select.choose(studio, snapshot_id, Recipe(strategy="random", weights=w(34, 33, 0, 33), budget=5))
    assert select_sensitivity.of_choice_soon(studio, snapshot_id, other) is None
