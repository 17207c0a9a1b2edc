"""The control of a swap: ordinary words of like frequency and length, never a word that names someone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from studio import lexicons
from studio.audits.counterfactual import beyond, changes, flips_beyond
from studio.audits.neutral import Neutral
from studio.lexicons.pairs import Swapper, builtin_pairs, contrasts

RNG = np.random.default_rng
ENGLISH = [f"she wrote {noun} about {other} for him" for noun in ("books", "poems", "songs", "plays")
           for other in ("rivers", "clouds", "stones", "fields")]  # fmt: skip
CHINESE = [f"她写{one}给{other}看" for one in ("信", "书", "诗", "词") for other in ("朋友", "邻居", "同学", "老师")]


def english(texts=ENGLISH):
    return Neutral(texts, ["she", "he", "him", "her", "women"], "en", ["she", "he", "him"])


def test_the_word_put_is_of_the_same_length_and_band_and_names_nobody():
    """She stands in all 16 texts, as wrote, about and for do: no noun, of 4 texts each, is near.

    For would be nearest by length, but no other word of about three letters is as frequent; wrote and about, of five
    letters and 16 texts, stand for each other.
    """
    words = english()
    for seed in range(40):
        old, new = ENGLISH[0].split(), words.swap(ENGLISH[0], ("she",), RNG(seed)).split()
        ((at, put),) = [(i, word) for i, (was, word) in enumerate(zip(old, new, strict=True)) if was != word]
        assert (old[at], put) in {("wrote", "about"), ("about", "wrote")}


def test_as_many_words_as_terms_or_none():
    words = english()
    out = words.swap("wrote about books", ("she", "him"), RNG(0))
    assert sum(a != b for a, b in zip("wrote about books".split(), out.split(), strict=True)) == 2
    assert words.swap("wrote", ("she", "him"), RNG(0)) is None
    assert words.swap("", ("she",), RNG(0)) is None
    assert (
        words.swap("she he him her women's woman", ("she",), RNG(0)) is None
    )  # all of them name someone, or are unknown
    assert Neutral([], ["she"], "en", ["she"]).swap("she wrote", ("she",), RNG(0)) is None


def test_case_is_kept_and_the_same_seed_repeats():
    words = english()
    for seed in range(20):
        out = words.swap("Wrote ABOUT she", ("she",), RNG(seed))
        assert out[0].isupper() and out.split()[1].isupper() and out.endswith("she")
        assert out == words.swap("Wrote ABOUT she", ("she",), RNG(seed))


def test_chinese_swaps_runs_of_the_same_length_outside_the_terms():
    words = Neutral(CHINESE, ["她", "他", "女人", "老师"], "zh", ["她", "他"])
    for seed in range(60):
        out = words.swap(CHINESE[0], ("她",), RNG(seed))
        assert len(out) == len(CHINESE[0]) and out[0] == "她" and "他" not in out
        assert sum(a != b for a, b in zip(out, CHINESE[0], strict=True)) == 1
    assert words.swap("她老师", ("她",), RNG(0)) is None  # nothing but terms
    assert words.swap("她😀\x00", ("她",), RNG(0)) is None


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.text("ab她他写 hesw,.'", max_size=30), max_size=12), st.integers(0, 5), st.sampled_from(["en", "zh"])
)
def test_no_term_is_ever_touched_or_made(texts, seed, language):
    terms = ["she", "he", "他", "她"]
    words = Neutral(texts, terms, language, terms)
    for text in texts:
        out = words.swap(text, ("he" if language == "en" else "他",), RNG(seed))
        if out is not None:
            assert out != text
            assert [out.count(term) for term in "他她"] == [text.count(term) for term in "他她"] or language == "en"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_with_the_real_lists_no_identity_term_goes_or_comes(language):
    """Every word of the lexicon that stood in a text stands there still, and no other does."""
    lexicon, pairs = lexicons.builtin(language), builtin_pairs(language)
    base = ENGLISH if language == "en" else [text.replace("她", "女人") for text in CHINESE]
    named = {term.term for term in lexicon.terms} | {term for pair in pairs for term in (pair.term, pair.other)}
    words = Neutral(base, named, language, ["she", "him"] if language == "en" else ["女人"])
    found, swap = lexicons.matcher(lexicon), Swapper(pairs, contrasts(pairs)[0], lexicon, language)
    made = 0
    for number, text in enumerate(base):
        twin = swap(text)
        assert twin.terms == (("she", "him") if language == "en" else ("女人",))
        out = words.swap(text, twin.terms, RNG(number))
        if out is not None:
            made += 1
            assert [m.term.term for m in found.find(out)] == [m.term.term for m in found.find(text)]
    assert made == len(base)


# --- numbers ----------------------------------------------------------------------------------------------------------
def test_the_effect_beyond_an_ordinary_word_by_scipy():
    """Bootstrap of the mean of after - control, and the sign test, both by scipy."""
    rng = RNG(1)
    before = rng.normal(size=60)
    after, control = before + rng.normal(0.3, 0.5, 60), before + rng.normal(0.0, 0.5, 60)
    n, plain, more, low, high, p = beyond(before, after, control, RNG(0))
    oracle = stats.bootstrap((after - control,), np.mean, method="percentile", n_resamples=20_000, random_state=2)
    assert (low, high) == pytest.approx(oracle.confidence_interval, abs=0.02)
    assert (n, plain, more) == (60, pytest.approx((control - before).mean()), pytest.approx((after - control).mean()))
    assert p == pytest.approx(stats.binomtest(int((after > control).sum()), 60).pvalue)
    assert beyond(before, after, control, RNG(0)) == (n, plain, more, low, high, p)


def test_few_missing_and_equal_texts():
    nan = np.full(6, np.nan)
    assert beyond(np.zeros(6), np.ones(6), nan, RNG(0)) == (0, None, None, None, None, None)
    assert beyond(np.zeros(3), np.ones(3), np.zeros(3), RNG(0)) == (3, 0.0, 1.0, None, None, None)
    assert beyond(np.zeros(6), np.ones(6), np.ones(6), RNG(0)) == (6, 1.0, 0.0, 0.0, 0.0, 1.0)


def test_flips_against_an_ordinary_word_by_hand():
    """Ten texts: the group's word flips 6, the ordinary word 2, one text both; one text has no ordinary word.

    Of the 9 that have one: swap 6 (5 of them alone), control 2 (1 alone): 4 / 9 more; sign test of 5 in 6 is 14 / 64.
    """
    keep, turn = [0.9, 0.1], [0.1, 0.9]
    before = np.array([keep] * 10)
    after = np.array([turn] * 6 + [keep] * 4)
    control = np.array([keep] * 5 + [turn] * 2 + [keep] * 2 + [[np.nan] * 2])
    found = flips_beyond(before, after, control, RNG(0))
    assert (found.n, found.swap, found.control, found.only_swap, found.only_control) == (9, 6, 2, 5, 1)
    assert found.difference == pytest.approx(4 / 9) and found.p == pytest.approx(14 / 64)
    rows = np.array([1.0] * 5 + [-1.0] + [0.0] * 3)
    oracle = stats.bootstrap((rows,), np.mean, method="percentile", n_resamples=20_000, random_state=2)
    assert (found.low, found.high) == pytest.approx(oracle.confidence_interval, abs=0.12)
    still = flips_beyond(before, before, before, RNG(0))
    assert still.difference == 0 and still.p == 1.0 and -0.3 < still.low < 0 < still.high < 0.3
    turned = np.array([turn] * 10)
    every = flips_beyond(before, turned, before, RNG(0))
    assert (every.difference, every.high) == (1.0, 1.0) and every.low == pytest.approx(
        0.7225, abs=1e-4
    )  # Wilson, 10 of 10
    assert flips_beyond(before, before, turned, RNG(0)).high == pytest.approx(-0.7225, abs=1e-4)
    assert flips_beyond(before, after, np.full((10, 2), np.nan), RNG(0)).n == 0


def test_changes_carry_their_control():
    of = np.array([0] * 8)
    scores = {"fluency": (np.zeros(8), np.arange(1.0, 9), np.ones(8))}
    row = changes([("women", "men")], of, scores, None, [], RNG(0)).iloc[0]
    assert (row["change"], row["control"], row["beyond"], row["control_n"]) == (4.5, 1.0, 3.5, 8)
    assert row["beyond_p"] == pytest.approx(2 / 2**7) and row["beyond_low"] < 3.5 < row["beyond_high"]
    plain = changes([("women", "men")], of, {"fluency": scores["fluency"][:2]}, None, []).iloc[0]
    assert np.isnan(plain["beyond"]) and plain["change"] == 4.5
