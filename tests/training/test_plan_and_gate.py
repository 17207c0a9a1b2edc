"""A plan refuses to contradict itself; the gate names what is wrong with the data and which rows it means."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from studio.errors import PlanError
from studio.training import gate
from studio.training.estimate import PADDING, PREDICTED, estimate, pace_of, work
from studio.training.plan import BASES, METHODS_OF_BASE, TrainPlan, check_allowed, defaults, from_json


@pytest.mark.parametrize(("base", "method"), [(b, m) for b in BASES for m in METHODS_OF_BASE[b]])
def test_every_offered_pair_has_defaults_that_survive_json(base, method):
    plan = defaults(base, method, seed=3)
    assert from_json(plan.to_json()) == plan
    assert (plan.base, plan.method, plan.seed) == (base, method, 3)


@pytest.mark.parametrize(
    ("changes", "both"),
    [
        ({"base": "characters", "method": "lora"}, ("characters", "lora")),
        ({"base": "ngrams", "method": "full"}, ("ngrams", "full")),
        ({"method": "frozen", "frozen_layers": 0}, ("frozen", "frozen_layers=0")),
        ({"method": "full", "frozen_layers": 2}, ("full", "frozen_layers=2")),
        ({"method": "frozen", "frozen_layers": 7}, ("frozen_layers=7",)),
        ({"method": "lora", "lora_targets": ()}, ("lora_targets=()",)),
        ({"method": "lora", "lora_targets": ("all-linear",)}, ("lora", "all-linear")),
        ({"method": "lora", "lora_targets": ("query", "head")}, ("head",)),
        ({"warmup_epochs": 2}, ("minilm", "warmup_epochs=2")),
        ({"lr": float("nan")}, ("nan",)),
        ({"epochs": 0}, ("0",)),
        ({"batch_size": 1.5}, ("1.5",)),
        ({"method": "magic"}, ("magic",)),
    ],
)
def test_a_contradiction_names_both_values(changes, both):
    with pytest.raises(PlanError) as caught:
        TrainPlan(**changes)
    assert all(part in caught.value.line() for part in both)


def test_unknown_settings_and_unlisted_models_are_refused():
    with pytest.raises(PlanError, match="learning_rate"):
        from_json({"learning_rate": 1})
    with pytest.raises(PlanError, match="allow-list"):
        check_allowed(TrainPlan(base="/somewhere/else"), ("/models/a",))
    check_allowed(TrainPlan(base="/models/a"), ("/models/a",))


def _part(rows, start=1):
    return gate.Part([start + i for i in range(len(rows))], [t for t, _ in rows], [label for _, label in rows])


def _keys(result):
    return {f.key.removeprefix("train.gate."): f for f in result.findings}


def test_the_gate_finds_each_fault_with_its_rows():
    train = _part([("one", "a"), ("two", "a"), ("Two ", "b"), ("", "a"), ("same", "b"), ("seen  IN test", "a"),
                   ("word " * 40, "b")])  # fmt: skip
    validation = _part([("three", "a"), ("SAME", "b"), ("four", "z")], start=101)
    test = gate.Part([201], ["Seen in Test"], [None])
    found = gate.check(dataclasses.replace(defaults("minilm", "lora"), max_length=32), train, validation, test)
    keys = _keys(found)
    assert keys["empty"].ids == (4,)
    assert keys["leak_validation"].ids == (5,)
    assert keys["leak_test"].ids == (6,)
    assert found.leave_out == {4, 5, 6}
    assert keys["contradictions"].ids == keys["duplicates"].ids == (2, 3)
    assert keys["long"].ids == (7,)
    assert keys["unseen"].ids == (103,)
    assert keys["unseen"].values["labels"] == ["z"]
    assert keys["small_validation"].values["n"] == 3
    assert keys["thin_labels"].values["n"] == 2
    assert found.is_open


def test_errors_close_the_gate_and_come_first():
    one_label = gate.check(defaults("minilm", "lora"), _part([("a", "x"), ("b", "x")]), _part([("c", "x")], 11))
    assert [one_label.findings[0].level, one_label.findings[0].key] == ["error", "train.gate.few_labels"]
    nothing_held = gate.check(defaults("minilm", "lora"), _part([("a", "x"), ("b", "y")]), gate.Part())
    assert not nothing_held.is_open
    assert "no_validation" in _keys(nothing_held)
    strangers = gate.check(defaults("minilm", "lora"), _part([("a", "x"), ("b", "y")]), _part([("c", "z")], 11))
    assert "all_unseen" in _keys(strangers)
    assert not strangers.is_open


def test_near_leaks_are_found_by_cosine_and_only_reported():
    vectors = np.eye(4, dtype=np.float32)
    near = vectors[1] + 0.05 * vectors[2]
    train = gate.Part([1, 2], ["a", "b"], ["x", "y"], vectors[:2])
    held = gate.Part([9], ["c"], ["x"], (near / np.linalg.norm(near))[None])
    found = gate.check(defaults("minilm", "lora"), train, held)
    assert _keys(found)["near_validation"].ids == (2,)
    assert not found.leave_out


def test_an_estimate_grows_with_the_work_and_prefers_a_measured_pace():
    plan = defaults("minilm", "lora")
    small, large = estimate(plan, 100, 20), estimate(plan, 1000, 20)
    assert small.low_s < small.seconds < small.high_s < large.seconds
    assert not small.measured
    assert estimate(plan, 1000, 20, pace=1e9).measured
    assert estimate(plan, 1000, 20, pace=1e9).seconds < small.seconds
    assert estimate(defaults("minilm", "full"), 100, 20).memory_bytes > small.memory_bytes


def test_work_by_hand_and_the_pace_of_a_round_gives_its_own_seconds_back():
    plan = defaults("minilm", "lora")  # 10 epochs, texts of 20 tokens, 100 of them, 1,000 to predict
    amount = work(plan, 100, 20, n_pool=1000)
    assert amount == pytest.approx(20 * PADDING * (100 * 10 + 1000 * PREDICTED["minilm", "lora"]))
    assert work(plan, 100, 20, epochs=4) == pytest.approx(20 * PADDING * 400)
    assert work(plan, 100, 1000) == work(plan, 100, plan.max_length)
    assert work(defaults("minilm", "linear_probe"), 100, 20, n_pool=10, has_vectors=True) == 0
    pace = pace_of(amount, 50.0)
    seen = estimate(plan, 100, 20, n_pool=1000, pace=pace)
    assert seen.seconds == pytest.approx(50 + 8) and seen.low_s < seen.seconds < seen.high_s
    assert pace_of(amount, 0.2) is None and pace_of(0.0, 50.0) is None


def test_more_cores_are_faster_but_not_in_proportion():
    plan = defaults("minilm", "full")
    one, two = (estimate(plan, 1000, 40, cores=n).seconds - 8 for n in (1, 2))
    assert 1.5 < one / two < 2
