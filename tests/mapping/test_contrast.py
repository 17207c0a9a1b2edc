"""What sets one part apart from another, against numbers worked by hand and a second library."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from studio.audits.association import odds_ratio
from studio.mapping.contrast import (
    category_contrast,
    length_contrast,
    member_contrast,
    nearest_to_centre,
    word_contrast,
)
from studio.mapping.halves import is_held
from studio.statistics import corrected_q


def test_log_odds_with_a_prior_are_those_worked_by_hand():
    """8 of 10 texts hold tea here, 2 of 10 there: with a prior of 2 words, d = 2 ln 3 and var = 1/9 + 1/3."""
    found = word_contrast(
        [*(f"tea {i}" for i in range(8)), *(f"oil {i}" for i in range(2))],
        [*(f"tea {i}" for i in range(2)), *(f"oil {i}" for i in range(8))],
        prior=2.0,
    ).set_index("word")
    tea = found.loc["tea"]
    assert (tea.n_in, tea.n_out, tea.share_in, tea.share_out) == (8, 2, 0.8, 0.2)
    assert tea.log_odds == pytest.approx(2 * math.log(3))
    assert tea.z == pytest.approx(2 * math.log(3) / (2 / 3))
    assert tea.high - tea.low == pytest.approx(2 * 1.959964 * 2 / 3, rel=1e-6)
    assert found.loc["oil"].log_odds == pytest.approx(-2 * math.log(3))


def test_a_word_a_text_repeats_and_a_text_that_is_a_copy_count_once():
    once = word_contrast([f"tea {i}" for i in range(6)], [f"oil {i}" for i in range(6)])
    many = word_contrast(["tea tea tea 0"] + [f"tea {i}" for i in range(1, 6)], [f"oil {i}" for i in range(6)] * 3)
    assert many.drop(columns="word").to_numpy() == pytest.approx(once.drop(columns="word").to_numpy())


def test_chinese_words_are_found_without_spaces():
    found = word_contrast([f"退款没有到账{i}" for i in range(8)], [f"快递还没送到{i}" for i in range(8)])
    top = found.iloc[0]
    assert top.n_in + top.n_out == 8 and abs(top.z) > 1.96 and any(c > "\u4e00" for c in top.word)


def test_nothing_to_compare_is_an_empty_table():
    for a, b in (([], []), (["tea"], []), (["", " "], ["..."])):
        assert word_contrast(a, b).empty
    one_word = word_contrast([f"tea {i}" for i in range(8)], [f"tea {i}" for i in range(8, 16)])
    assert one_word.empty, "its odds against the other words have no other words"


@pytest.mark.parametrize("seed", range(3))
def test_words_of_two_random_halves_are_rarely_called_different(seed):
    """200 words spread by chance over two halves: about 5 % of p below 0.05 at most, and no q below it."""
    rng = np.random.default_rng(seed)
    vocabulary = np.array([f"word{chr(97 + i // 26)}{chr(97 + i % 26)}" for i in range(200)])
    rows = [" ".join(rng.choice(vocabulary, 8)) for _ in range(1_000)]
    held = is_held(np.arange(1_000), seed)
    found = word_contrast([t for t, h in zip(rows, held, strict=True) if h],
                          [t for t, h in zip(rows, held, strict=True) if not h])  # fmt: skip
    assert len(found) == 200
    assert (found["p"] < 0.05).mean() <= 0.09
    assert corrected_q(found["p"].to_numpy()).min() > 0.05


def test_categories_against_woolf_chi_square_and_fisher():
    codes = np.array([0] * 10 + [1] * 20 + [0] * 30 + [1] * 40 + [-1] * 7)
    inside = np.arange(107) < 30
    found = category_contrast(codes, 3, inside, ~inside, odds_ratio)
    first = found.iloc[0]
    assert (first.n_in, first.n_out) == (10, 30) and first.share_out == pytest.approx(30 / 70)
    assert (first.odds_ratio, first.low, first.high) == pytest.approx((2 / 3, 0.272515, 1.6309), abs=1e-4)
    assert first.p == pytest.approx(stats.chi2_contingency([[10, 20], [30, 40]], correction=False).pvalue)
    assert np.isnan(found.iloc[2].p) and np.isnan(found.iloc[2].odds_ratio), "a category nobody has"
    few = category_contrast(np.array([0, 0, 0, 1, 1, 1, 1, 1]), 2, np.arange(8) < 3, np.arange(8) >= 3, odds_ratio)
    assert few.iloc[0].p == pytest.approx(1 / 56), "3 of 3 against 0 of 5: one of the 56 ways"
    same = category_contrast(np.zeros(6, int), 1, np.arange(6) < 3, np.arange(6) >= 3, odds_ratio)
    assert same.iloc[0].p == 1.0
    empty = category_contrast(np.zeros(3, int), 1, np.ones(3, bool), np.zeros(3, bool), odds_ratio)
    assert np.isnan(empty.iloc[0].odds_ratio)


def test_an_example_may_be_in_several_categories_or_in_none():
    """Inside: joy+love, joy, none; outside: love, joy+love, love, none, unknown. Counted by hand."""
    rows, codes = np.array([0, 0, 1, 3, 4, 4, 5]), np.array([0, 1, 0, 1, 0, 1, 1])
    known, inside = np.array([True] * 7 + [False]), np.arange(8) < 3
    found = member_contrast(rows, codes, known, 2, inside, ~inside, odds_ratio)
    assert found[["n_in", "n_out"]].to_numpy().tolist() == [[2, 1], [1, 3]]
    assert found["share_in"].tolist() == pytest.approx([2 / 3, 1 / 3])
    assert found["share_out"].tolist() == pytest.approx([1 / 4, 3 / 4])
    oracle = [stats.fisher_exact([[2, 1], [1, 3]]).pvalue, stats.fisher_exact([[1, 2], [3, 1]]).pvalue]
    assert found["p"].tolist() == pytest.approx(oracle)
    one = np.array([0, 1, 0, 2, -1, 1])
    half, own = np.arange(6) < 3, np.flatnonzero(one >= 0)
    pd.testing.assert_frame_equal(member_contrast(own, one[own], one >= 0, 3, half, ~half, odds_ratio),
                                  category_contrast(one, 3, half, ~half, odds_ratio))  # fmt: skip


def test_lengths_by_hand_and_against_all_pairs():
    """2 and 3 against 1 and 2: 3.5 of 4 pairs; placements 0.75, 1 and 1, 0.75: the variance is 1/64 + 1/64 = 1/32.

    On the logit scale the middle is ln 7, the error sqrt(1/32) / (0.875 * 0.125).
    """
    found = length_contrast(np.array([2.0, 3.0]), np.array([1.0, 2.0]))
    half = 1.959964 * math.sqrt(1 / 32) / (0.875 * 0.125)
    assert found["longer"] == 0.875
    assert found["low"] == pytest.approx(1 / (1 + math.exp(half) / 7), rel=1e-5)
    assert found["high"] == pytest.approx(1 / (1 + math.exp(-half) / 7), rel=1e-5)
    rng = np.random.default_rng(0)
    a, b = rng.integers(10, 60, 80).astype(float), rng.integers(5, 50, 60).astype(float)
    pairs = (a[:, None] > b).mean() + (a[:, None] == b).mean() / 2
    assert length_contrast(a, b)["longer"] == pytest.approx(pairs)
    assert length_contrast(a, b)["p"] == pytest.approx(stats.mannwhitneyu(a, b, method="asymptotic").pvalue)
    assert length_contrast(np.array([1.0]), b) is None


def test_the_middle_of_a_part():
    angles = np.array([0.0, 0.2, 0.4, 1.5])
    rows = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    order, likeness = nearest_to_centre(rows, 2)
    centre = rows.mean(0) / np.linalg.norm(rows.mean(0))
    assert order.tolist() == [2, 1] and likeness[0] == pytest.approx(float(rows[2] @ centre))
    assert len(nearest_to_centre(rows[:0], 3)[0]) == 0


def test_halves_are_those_of_splitmix64():
    """The first three outputs from state 0 end in an odd, an even and an odd digit (Steele et al., reference code)."""
    published = [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]
    assert [bool(is_held(np.array([0]), seed)[0]) for seed in range(3)] == [bool(value & 1) for value in published]
    ids = np.arange(100_000)
    held = is_held(ids, 7)
    assert abs(held.mean() - 0.5) < 0.006 and np.array_equal(held[::3], is_held(ids[::3], 7))
    assert abs((held == is_held(ids, 8)).mean() - 0.5) < 0.006
