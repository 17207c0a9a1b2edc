"""Scores by group: against scipy, by hand, and where there is nothing to compare."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from studio import audits
from studio.audits.context import Context
from studio.audits.scores import DELTA, SCORES, order_of, visible_delta, welch


def counts(values, levels):
    return np.array([(np.asarray(values) == level).sum() for level in levels], dtype=float)


def test_delta_by_hand():
    """2 3 3 against 1 1 2: of 9 pairs 8 are higher and 1 is equal, so delta = 8/9."""
    order = order_of(counts([2, 3, 3], [1, 2, 3]), counts([1, 1, 2], [1, 2, 3]))
    assert order.delta == pytest.approx(8 / 9)


@pytest.mark.parametrize("seed", range(4))
def test_p_delta_and_interval_are_those_of_the_plain_formulas(seed):
    rng = np.random.default_rng(seed)
    x, y = rng.integers(0, 9, 40) + seed, rng.integers(0, 9, 70)
    levels = np.unique(np.concatenate([x, y]))
    order = order_of(counts(x, levels), counts(y, levels))
    oracle = stats.mannwhitneyu(x, y, method="asymptotic")
    assert order.p == pytest.approx(oracle.pvalue, rel=1e-9)
    pairs = np.sign(x[:, None] - y[None, :])
    assert order.delta == pytest.approx(pairs.mean())
    wins = (pairs + 1) / 2
    variance = wins.mean(1).var(ddof=1) / len(x) + wins.mean(0).var(ddof=1) / len(y)  # DeLong, by its definition
    area = wins.mean()
    error = np.sqrt(variance) / (area * (1 - area))
    bounds = [2 / (1 + np.exp(-(np.log(area / (1 - area)) + s * 1.959964 * error))) - 1 for s in (-1, 1)]
    assert [order.low, order.high] == pytest.approx(bounds, abs=1e-6)


def test_welch_is_that_of_scipy():
    rng = np.random.default_rng(5)
    x, y = rng.normal(1, 2, 30), rng.normal(0, 1, 50)
    difference, low, high = welch(x.mean(), x.var(ddof=1), 30, y.mean(), y.var(ddof=1), 50)
    oracle = stats.ttest_ind(x, y, equal_var=False).confidence_interval()
    assert (difference, low, high) == pytest.approx((x.mean() - y.mean(), oracle.low, oracle.high))


def test_what_could_be_seen_is_seen_four_times_in_five():
    rng = np.random.default_rng(1)
    n1, n0, alpha = 60, 240, 0.001
    delta = visible_delta(n1, n0, alpha)
    shift = np.sqrt(2) * stats.norm.ppf((delta + 1) / 2)  # normal scores this far apart have that delta
    hits = [stats.mannwhitneyu(rng.normal(shift, 1, n1), rng.normal(0, 1, n0)).pvalue < alpha for _ in range(600)]
    assert 0.74 <= np.mean(hits) <= 0.86


def corpus(n=900, shift=0.0, seed=0):
    rng = np.random.default_rng(seed)
    group = rng.choice(["a", "b", "c"], n)
    frame = pd.DataFrame({"example_id": np.arange(n), "text": "x", "label": "y", "group_g": group})
    values = rng.normal(size=n) + shift * (group == "b")
    values[:30] = np.nan
    return frame, Context(groups=("g",), scores={"fluency": values}, n_families=14)


def test_a_planted_shift_is_found_with_its_size_and_the_others_are_not():
    """A shift of 0.6 standard deviations against the rest is delta = 2 Phi(0.6 / sqrt 2) - 1 = 0.329."""
    frame, context = corpus(shift=0.6)
    result = audits.run(SCORES, frame, context)
    table = result.table.set_index("value")
    row = table.loc["b"]
    assert row.low < 0.329 < row.high and row.alarm
    assert row.difference_low < 0.6 < row.difference_high
    assert row.n == ((frame.group_g == "b").to_numpy() & np.isfinite(context.scores["fluency"])).sum()
    x = context.scores["fluency"]
    known = np.isfinite(x)
    cut = np.quantile(x[known], 0.9)
    own = known & (frame.group_g == "b").to_numpy()
    assert row.above == pytest.approx((x[own] > cut).mean())
    assert result.findings[0].key == "audit_scores.higher" and result.findings[0].alarm
    assert result.findings[0].threshold == DELTA


def test_a_clean_corpus_has_a_summary_with_what_would_have_been_seen():
    frame, context = corpus()
    result = audits.run(SCORES, frame, context)
    assert [finding.key for finding in result.findings] == ["audit_scores.none"]
    table = result.table
    expected = [visible_delta(r.n, r.rest_n, 0.05 / (3 * 14)) for r in table.itertuples()]
    assert result.findings[0].smallest_effect == pytest.approx(np.median(expected))


def test_what_cannot_be_compared_says_why():
    frame, context = corpus()
    empty = Context(groups=("g",), scores={})
    assert audits.run(SCORES, frame, empty).notes == ("audit_scores.note_no_scores",)
    nothing_defined = Context(groups=("g",), scores={"fluency": np.full(len(frame), np.nan)})
    assert audits.run(SCORES, frame, nothing_defined).notes == ("audit_scores.note_too_few",)
    assert audits.run(SCORES, frame, Context(scores=context.scores)).notes == ("audit.note.needs_groups",)
    same = Context(groups=("g",), scores={"fluency": np.ones(len(frame))})
    result = audits.run(SCORES, frame, same)
    assert (result.table.p == 1).all() and (result.table.delta == 0).all()


def test_copies_widen_the_intervals_and_raise_p():
    """Every text four times over: Welch's interval is that of a quarter of the examples, the delta is the same."""
    rng = np.random.default_rng(5)
    groups, values = np.repeat(rng.integers(0, 2, 100), 4), np.repeat(rng.normal(size=100), 4)
    frame = pd.DataFrame({"example_id": range(400), "group_g": np.array(["a", "b"])[groups]})
    given = {"groups": ("g",), "scores": {"quality": values + 0.3 * groups}}
    alone, copies = (SCORES.compute(frame, Context(**given, families=own)).table.iloc[0]
                     for own in (None, np.repeat(np.arange(100), 4)))  # fmt: skip
    assert copies.delta == alone.delta
    assert copies.p > alone.p and copies.smallest == pytest.approx(visible_delta(alone.n / 4, alone.rest_n / 4, 0.05))
    width = copies.difference_high - copies.difference_low
    assert width == pytest.approx(2 * (alone.difference_high - alone.difference_low), rel=0.01)
