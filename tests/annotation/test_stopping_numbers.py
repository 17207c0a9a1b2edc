"""Stopping rules against numbers worked by hand and a bootstrap."""

from __future__ import annotations

import math

import numpy as np
import pytest

from studio.annotation.stopping import (
    StopSettings,
    Turn,
    decide,
    narrowest_high,
    paired_gain,
    rule,
    window,
)
from studio.errors import AnnotationError


def turn(number: int, right: int, n: int, *, pool: int = 100, start: int = 0) -> Turn:
    """A round that answers `right` of n validation examples correctly, the first ones from `start` on."""
    return Turn(number, 100 * number, pool, {i: start <= i < start + right for i in range(n)})


def test_the_gain_by_hand():
    """100 rows, 8 newly right, 3 newly wrong: 9/102 - 4/102 = 0.04902; sqrt((13/102 - 0.04902^2) / 102) = 0.034999."""
    before = {i: i >= 8 for i in range(100)}
    after = {i: i < 97 for i in range(100)}
    gain = paired_gain(before, after)
    assert (gain.better, gain.worse, gain.n) == (8, 3, 100)
    assert gain.estimate == pytest.approx(0.05)
    half = 1.6448536 * math.sqrt((13 / 102 - (5 / 102) ** 2) / 102)
    assert gain.low == pytest.approx(5 / 102 - half, abs=1e-6)
    assert gain.high == pytest.approx(5 / 102 + half, abs=1e-6)
    assert half == pytest.approx(0.05756, abs=1e-4)


def test_only_examples_that_both_rounds_answered_count():
    gain = paired_gain({1: True, 2: False, 3: False}, {2: True, 3: False, 4: True})
    assert (gain.better, gain.worse, gain.n, gain.estimate) == (1, 0, 2, 0.5)
    assert math.isnan(paired_gain({}, {1: True}).high)


def test_the_bounds_agree_with_a_bootstrap():
    rng = np.random.default_rng(3)
    change = rng.choice([1, 0, -1], size=500, p=[0.08, 0.87, 0.05])
    before = {i: bool(c <= 0 and (c < 0 or i % 2)) for i, c in enumerate(change)}
    after = {i: bool(c > 0 or (c == 0 and i % 2)) for i, c in enumerate(change)}
    gain = paired_gain(before, after)
    means = rng.choice(change, size=(4000, 500)).mean(axis=1)
    assert gain.low == pytest.approx(np.quantile(means, 0.05), abs=0.004)
    assert gain.high == pytest.approx(np.quantile(means, 0.95), abs=0.004)


def test_the_default_rule_stops_after_two_rounds_whose_upper_bound_is_below_epsilon():
    same = [turn(n, 800, 1000) for n in (1, 2, 3)]
    rising = [turn(1, 600, 1000), turn(2, 700, 1000)]
    settings = StopSettings(epsilon=0.02)
    assert decide(same[:1], "confident_gain", settings).key == "loop.verdict.first"
    assert decide(same[:2], "confident_gain", settings).key == "loop.verdict.once_below"
    verdict = decide(same, "confident_gain", settings)
    assert verdict.stop and verdict.gain.high == pytest.approx(1.6448536 * math.sqrt(2) / 1002, abs=1e-6)
    assert decide(rising, "confident_gain", settings).key == "loop.verdict.may_gain"


def test_a_flat_gain_whose_interval_is_wide_does_not_stop():
    """40 better and 40 worse of 1,000: the gain is 0, its upper bound 0.0147 stops epsilon 0.02 but not 0.01."""
    flips = [
        {i: True for i in range(1000)},
        {i: i >= 40 for i in range(1000)},
        {i: not 40 <= i < 80 for i in range(1000)},
    ]
    history = [Turn(n, n, 50, {**c, **{i: c.get(i, True) for i in range(1000)}}) for n, c in enumerate(flips, 1)]
    gain = paired_gain(history[1].correct, history[2].correct)
    assert (gain.better, gain.worse) == (40, 40) and gain.high == pytest.approx(0.01484, abs=2e-4)
    assert not decide(history, "confident_gain", StopSettings(epsilon=0.01)).stop


def test_a_small_validation_set_is_too_small_to_stop_on_but_the_literal_rule_stops():
    history = [turn(n, 80, 199) for n in (1, 2, 3, 4)]
    settings = StopSettings(epsilon=0.05)
    assert decide(history, "confident_gain", settings).key == "loop.verdict.too_small"
    assert decide(history[:2], "literal_gain", settings).stop
    assert decide([turn(n, 80, 200) for n in (1, 2, 3)], "confident_gain", settings).stop, "200 is enough"


def test_the_literal_rule_crosses_strictly_downwards():
    before, after = turn(1, 80, 100), turn(2, 85, 100)
    assert not decide([before, after], "literal_gain", StopSettings(epsilon=0.05)).stop
    assert decide([before, after], "literal_gain", StopSettings(epsilon=0.0501)).stop
    empty = [Turn(1, 1, 5), Turn(2, 2, 5)]
    assert decide(empty, "literal_gain", StopSettings()).key == "loop.verdict.no_validation"


def test_hard_ends_stop_every_rule():
    history = [turn(1, 50, 300), turn(2, 150, 300)]
    assert decide(history, "confident_gain", StopSettings(max_rounds=2)).rule == "max_rounds"
    assert decide([turn(1, 5, 300, pool=0)], "confident_gain", StopSettings()).rule == "pool_empty"
    assert not rule("pool_empty").check([], StopSettings()).stop


def test_the_window_keeps_the_verdicts_as_they_were_given():
    history = [turn(1, 500, 1000), turn(2, 500, 1000), turn(3, 700, 1000), turn(4, 700, 1000)]
    seen = window(history, "literal_gain", StopSettings(max_rounds=9), size=3)
    assert [v.stop for v in seen] == [True, False, True] and [v.number for v in seen] == [2, 3, 4]


def test_no_epsilon_below_the_narrowest_interval_can_be_met():
    assert narrowest_high(200) == pytest.approx(0.011516, abs=1e-6)


@pytest.mark.parametrize(
    "bad", [{"epsilon": 0}, {"epsilon": math.nan}, {"epsilon": 1}, {"patience": 0}, {"max_rounds": 0}]
)
def test_thresholds_that_make_no_sense_are_refused(bad):
    with pytest.raises(AnnotationError):
        StopSettings(**bad)
    with pytest.raises(AnnotationError):
        rule("gut_feeling")
