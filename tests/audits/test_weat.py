"""WEAT by hand, against published numbers where the vectors lie, and on a corpus with a planted tie."""

import json
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from scipy import sparse, stats

from studio.audits.context import Context
from studio.audits.reading import read
from studio.audits.weat import WEAT, association, effect_interval, effect_size, permutation_p, with_attributes
from studio.audits.weat_words import TESTS, WORDS
from studio.audits.word_vectors import ppmi, window_counts
from studio.lexicons import builtin, matcher

RNG = np.random.default_rng


def test_association_and_effect_by_hand():
    """Plane vectors: near = east, far = north. s(east) = 1, s(north) = -1, s(45 degrees) = 0."""
    east, north, middle = np.array([1.0, 0.0]), np.array([0.0, 1.0]), np.array([1.0, 1.0]) / np.sqrt(2)
    s = association(np.stack([east, north, middle]), np.stack([east, east]), north[None])
    assert s == pytest.approx([1.0, -1.0, 0.0])
    # X = 1, 0 and Y = -1, 0: means 0.5 and -0.5; deviation of 1, 0, -1, 0 with n - 1 is sqrt(2 / 3)
    assert effect_size(np.array([1.0, 0.0]), np.array([-1.0, 0.0])) == pytest.approx(1 / np.sqrt(2 / 3))
    assert effect_size(np.array([1.0, 1.0]), np.array([1.0, 1.0])) == 0.0


def test_exact_p_counts_every_partition_with_ties():
    first, second = np.array([0.4, 0.1, 0.3]), np.array([0.2, 0.1, -0.2])
    both = np.concatenate([first, second])
    by_hand = np.mean([sum(both[list(c)]) >= first.sum() - 1e-12 for c in combinations(range(6), 3)])
    assert permutation_p(first, second, RNG(0)) == (pytest.approx(by_hand), True)
    assert permutation_p(np.ones(3), np.ones(3), RNG(0)) == (1.0, True)


def test_many_words_are_drawn_with_a_seed_and_never_give_zero():
    """9 against 9 has 48,620 partitions: drawn. The greatest sum possible comes up once in 48,620."""
    first, second = np.arange(10.0, 19.0), np.arange(1.0, 10.0)
    p, exact = permutation_p(first, second, RNG(5))
    assert not exact and 1 / 10_000 <= p <= 5 / 10_000
    assert permutation_p(first, second, RNG(5)) == (p, exact)
    mild = np.array([0.3, -0.1, 0.4, 0.2, 0.0, 0.1, 0.5, -0.2, 0.3]), np.linspace(-0.3, 0.4, 9)
    both = np.concatenate(mild)
    exact_p = np.mean([both[list(c)].sum() >= mild[0].sum() - 1e-12 for c in combinations(range(18), 9)])
    assert permutation_p(*mild, RNG(1))[0] == pytest.approx(exact_p, abs=4 * np.sqrt(0.25 / 10_000))


def test_published_numbers_of_wefe_and_why_ours_differ(shared_data):
    """WEFE prints 0.46343882 and effect 0.45076532 for female and male terms, family and career, on its own vectors.

    The sum is ours too; its effect divides by the deviation with n instead of n - 1 (factor sqrt(16 / 15) at 16 words).
    Its p draws with replacement without a seed, so it is another number on every call; ours is the exact share.
    """
    folder = shared_data / "lexicons" / "wefe"
    sets = json.loads((folder / "WEAT.json").read_text(encoding="utf-8"))
    lines = (folder / "weat_w2v____old.txt").read_text(encoding="utf-8").splitlines()[1:]
    found = {line.split(" ")[0]: np.array(line.split(" ")[1:], dtype=float) for line in lines}

    def unit(name):
        return np.stack([found[word] / np.linalg.norm(found[word]) for word in sets[name]])

    x, y, a, b = (unit(name) for name in ("female_terms", "male_terms", "family", "career"))
    s = association(x, a, b), association(y, a, b)
    assert s[0].sum() - s[1].sum() == pytest.approx(0.46343882, abs=1e-7)
    assert effect_size(*s) * np.sqrt(16 / 15) == pytest.approx(0.45076532, abs=1e-7)
    p, exact = permutation_p(*s, RNG(0))
    both = np.concatenate(s)
    by_hand = np.mean([both[list(c)].sum() >= s[0].sum() - 1e-12 for c in combinations(range(16), 8)])
    assert exact and p == pytest.approx(by_hand)


def test_the_interval_is_the_bootstrap_of_scipy_over_the_words():
    """Scipy resamples each side on its own too; its statistic is ours, its draws are not."""
    first, second = RNG(1).normal(0.4, 0.5, 8), RNG(2).normal(0.0, 0.5, 8)

    def statistic(x, y, axis=-1):
        both = np.concatenate([x, y], axis=axis).std(axis=axis, ddof=1)
        return (x.mean(axis) - y.mean(axis)) / both

    oracle = stats.bootstrap((first, second), statistic, method="percentile", n_resamples=30_000, vectorized=True,
                             random_state=3).confidence_interval  # fmt: skip
    low, high = effect_interval(first, second, RNG(0))
    assert (low, high) == pytest.approx((oracle.low, oracle.high), abs=0.06)
    assert low < effect_size(first, second) < high and effect_interval(first, second, RNG(0)) == (low, high)
    assert effect_interval(np.ones(4), np.ones(4), RNG(0)) == (0.0, 0.0)


# --- vectors ----------------------------------------------------------------------------------------------------------
def test_window_counts_by_hand():
    """Words a b a in one text, b in the next: (a, b) twice, (a, a) once each way, nothing across texts."""
    counts = window_counts(np.array([0, 1, 0, 1]), np.array([0, 0, 0, 1]), 2).toarray()
    assert counts.tolist() == [[2.0, 2.0], [2.0, 0.0]]
    assert window_counts(np.array([0, -1, 1]), np.array([0, 0, 0]), 2).toarray().tolist() == [[0, 1], [1, 0]]


def test_ppmi_by_hand():
    """Counts 3, 1 / 1, 0: contexts 4 and 1 to the power 0.75."""
    counts = sparse.csr_matrix(np.array([[3.0, 1.0], [1.0, 0.0]]))
    context = np.array([4.0, 1.0]) ** 0.75
    context /= context.sum()
    expected = np.maximum(0, np.log(np.array([[3 / 5, 1 / 5]]) / (4 / 5 * context)))
    assert ppmi(counts).toarray()[0] == pytest.approx(expected[0])
    assert ppmi(sparse.csr_matrix((2, 2))).nnz == 0


# --- whole corpora ----------------------------------------------------------------------------------------------------
MEN = ["he", "man", "father", "boy", "son", "brother", "uncle", "husband"]
WOMEN = ["she", "woman", "mother", "girl", "daughter", "sister", "aunt", "wife"]
FILL = [f"thing{chr(97 + i)}" for i in range(26)]


def corpus(n, rng, tie):
    """Sentences that put a person beside a career or a family word; `tie` of them as the stereotype has it."""
    texts = []
    for _ in range(n):
        is_man = rng.random() < 0.5
        as_said = rng.random() < 0.5 + tie / 2
        kind = "career" if is_man == as_said else "family"
        person = rng.choice(MEN if is_man else WOMEN)
        texts.append(" ".join([rng.choice(FILL), person, rng.choice(FILL), rng.choice(WORDS["en"][kind]),
                               rng.choice(FILL)]))  # fmt: skip
    return pd.DataFrame({"example_id": range(n), "text": texts})


def test_a_planted_tie_of_career_and_men_is_found():
    result = WEAT.compute(corpus(4_000, RNG(2), 1.0), Context(lexicon=builtin("en"), n_families=15))
    row = result.table.set_index("near").loc["career"]
    assert (row.value, row.other, row.k, row.exact) == ("men", "women", 8, True)
    assert row.d > 1.5 and row.alarm and 0.8 < row.low <= row.d <= row.high
    assert (result.findings[0].low, result.findings[0].high) == (row.low, row.high)
    assert result.findings[0].key == "audit_words.weat.near_career"


def test_no_tie_does_not_alarm_and_the_same_seed_gives_the_same():
    frame = corpus(4_000, RNG(3), 0.0)
    context = Context(lexicon=builtin("en"), n_families=15)
    first, second = WEAT.compute(frame, context), WEAT.compute(frame, context)
    assert not first.table.alarm.any()
    pd.testing.assert_frame_equal(first.table, second.table)


def test_chinese_attribute_words_are_read_whole():
    zh = builtin("zh")
    reading = read(["她喜欢科学"], zh, np.arange(1), matcher(with_attributes(zh)))
    assert reading.words.tolist() == ["她", "喜欢", "科学"]


def test_too_few_words_are_said():
    frame = pd.DataFrame({"example_id": range(50), "text": ["she works"] * 50})
    assert WEAT.compute(frame, Context(lexicon=builtin("en"))).notes == ("audit_words.note.few_words",)


def test_word_sets_do_not_meet():
    for sets in WORDS.values():
        for near, far in TESTS:
            assert not set(sets[near]) & set(sets[far])
            assert len(set(sets[near])) == len(sets[near]) == 12


def test_four_words_a_side_can_show_nothing_and_it_is_said():
    """4 against 4: the least two-sided p is 2 / 70, above the level of one test among 15 audits."""
    frame = corpus(4_000, RNG(2), 1.0)
    few = frame[~frame.text.str.contains("|".join(rf"\b{w}\b" for w in MEN[4:] + WOMEN[4:]))].reset_index(drop=True)
    result = WEAT.compute(few, Context(lexicon=builtin("en"), n_families=15))
    assert result.table.k.iloc[0] == 4 and not result.table.alarm.any()
    assert result.findings[0].key == "audit_words.weat.blind_career"
