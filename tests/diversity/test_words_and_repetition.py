"""Numbers over words: by hand, lexicalrichness and gzip as oracles."""

import gzip
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.diversity import by_name, measure
from studio.diversity.mtld import mtld
from studio.diversity.prepare import codes_of, prepare
from tests.diversity.rows_by_hand import FOXES, against, rows

# The README text of lexicalrichness (MIT), whose MTLD its own tests pin.
README = """Measure of textual lexical diversity, computed as the mean length of sequential words in
                a text that maintains a minimum threshold TTR score.

                Iterates over words until TTR scores falls below a threshold, then increase factor
                counter by 1 and start over. McCarthy and Jarvis (2010, pg. 385) recommends a factor
                threshold in the range of [0.660, 0.750].
                (McCarthy 2005, McCarthy and Jarvis 2010)"""


def value(name, of):
    return measure(by_name(name), of).value


def reason(name, of):
    return measure(by_name(name), of).reason


# --- distinct-n -------------------------------------------------------------------------------------------------------
def test_distinct_n_by_hand():
    of = rows(["the fox the fox", "the dog"])
    assert [value(f"distinct_{n}", of) for n in (1, 2, 3)] == [3 / 6, 3 / 4, 1.0]
    assert measure(by_name("distinct_2"), of).values == {"different": 3, "all": 4}
    assert reason("distinct_3", rows(["a b"])) == "short_texts"


def test_chinese_is_counted_by_characters_not_by_spaces():
    of = rows(["密码密码", "密码"])
    assert value("distinct_1", of) == 2 / 6
    assert value("distinct_2", of) == 2 / 4
    assert measure(by_name("length"), of).value == 3.0


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text("ab c", max_size=12), max_size=8))
def test_distinct_n_is_that_of_sets_of_tuples(texts):
    of = prepare(texts)
    for n in (1, 2, 3):
        grams = [gram for text in texts for gram in zip(*(text.split()[i:] for i in range(n)), strict=False)]
        found = measure(by_name(f"distinct_{n}"), of)
        assert (len(set(grams)) / len(grams) if grams else None) == (found.value if grams else None)
        assert grams or found.reason in ("short_texts", "no_examples")


def test_n_grams_of_a_part_are_those_of_the_part_prepared_by_itself():
    texts = ["a b c d e", "", "c d e f", "a b", "x y z a b c d"]
    whole, part = prepare(texts), [4, 0, 1]
    taken, alone = whole.take(np.array(part)), prepare([texts[i] for i in part])
    for name in ("distinct_1", "distinct_2", "distinct_3", "self_repetition", "compression", "repeats", "length"):
        assert value(name, taken) == value(name, alone), name


# --- MTLD -------------------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def lexical_richness():
    """Imported where it is used: it brings matplotlib and nltk along."""
    from lexicalrichness import LexicalRichness

    return LexicalRichness


def test_mtld_is_the_published_value(lexical_richness):
    words = lexical_richness(README).wordlist
    assert len(words) == 57
    assert mtld(words) == pytest.approx(46.79226361031519, abs=1e-12)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from("one two three four five six seven".split()), min_size=1, max_size=120))
def test_mtld_is_that_of_the_library(lexical_richness, words):
    assert mtld(words) == pytest.approx(lexical_richness(" ".join(words)).mtld(0.72), rel=1e-12)


def test_mtld_averages_texts_of_fifty_words_and_more():
    same, all_different = "word " * 60, " ".join(chr(97 + i % 26) + chr(97 + i // 26) for i in range(60))
    # word word ...: the share falls to 1/2 at the second word, so 30 factors of 2 words each way
    assert value("mtld", rows([same, all_different, "too short"])) == pytest.approx((2 + 60) / 2)
    assert measure(by_name("mtld"), rows([same, "short"])).values["texts"] == 1
    assert reason("mtld", rows(["short", ""])) == "short_texts"


# --- compression ------------------------------------------------------------------------------------------------------
def test_compression_is_raw_deflate_without_the_header_that_gzip_adds():
    """`diversity` 0.3.0 writes gzip.compress() output through GzipFile again and rounds: about 1.24 for such a text.

    Ours counts the compressed bytes alone, once: gzip adds 10 bytes before and 8 behind them.
    """
    of = rows(FOXES)
    order = np.argsort(of.order)
    text = "".join(f"{FOXES[i]}\n" for i in order).encode()
    once = len(gzip.compress(text, 6, mtime=0)) - 18
    found = measure(by_name("compression"), of)
    assert found.values == {"before": len(text), "after": once} == {"before": 161, "after": once}
    assert found.value == len(text) / once
    twice = len(text) / len(gzip.compress(gzip.compress(text, 6, mtime=0), 6, mtime=0))
    assert twice < len(text) / (once + 18) < found.value


def test_copies_compress_away_whatever_their_order():
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz0123456789"))
    texts = ["".join(row) for row in np.random.default_rng(0).choice(letters, (50, 80))]  # nothing in them repeats
    twice = rows(texts * 2)
    assert value("compression", twice) > 1.8 * value("compression", rows(texts))
    assert value("compression", rows((texts * 2)[::-1])) == value("compression", twice)
    assert reason("compression", rows(["", ""])) == "no_texts"


# --- self-repetition --------------------------------------------------------------------------------------------------
def test_self_repetition_by_hand():
    """The first two foxes share `the quick brown fox`, `quick brown fox jumps`, `brown fox jumps over`,
    `fox jumps over the`; the first and the third share nothing of four words but `the lazy dog` of three.
    """  # noqa: D205
    found = measure(by_name("self_repetition"), rows(FOXES))
    assert found.value == pytest.approx((math.log(5) + math.log(5) + math.log(1)) / 3)
    assert found.values == {"repeating": 2, "n": 3}
    # within a text an n-gram counts once, and its own text does not count
    assert value("self_repetition", rows(["a b c d a b c d"])) == 0.0
    assert reason("self_repetition", rows(["a b c"])) == "short_texts"


# --- copies -----------------------------------------------------------------------------------------------------------
def test_three_rates_of_copies():
    of = rows(
        ["hello sun", "hello moon", "hello sun"], np.array([[1, 0], [1, 0.1], [0, 1.0]]), families=np.array([0, 0, 0])
    )
    assert value("repeats", of) == pytest.approx(1 / 3)  # the published value of evaluate's text_duplicates
    assert value("near_copies", of) == pytest.approx(2 / 3)
    found = measure(by_name("same_meaning"), of)  # cos of the first two = 1 / sqrt(1.01) = 0.995
    assert found.value == pytest.approx(1 / 3)
    assert found.values == {"cosine": 0.95, "repeats": 1, "n": 3}


def test_a_chain_of_near_meanings_is_one_group_and_leaves_when_its_middle_does():
    angles = np.deg2rad([0, 15, 30, 90])  # cos 15 = 0.966 links neighbours, cos 30 = 0.866 does not
    of = rows(["a", "b", "c", "d"], np.stack([np.cos(angles), np.sin(angles)], axis=1))
    assert value("same_meaning", of) == pytest.approx(2 / 4)
    assert value("same_meaning", of.take(np.array([0, 2, 3]))) == 0.0


# --- distributions ----------------------------------------------------------------------------------------------------
def test_distances_to_a_reference_by_hand_and_by_scipy():
    from scipy.spatial.distance import jensenshannon
    from scipy.stats import ks_2samp

    pool = rows(["a a b", "b c", "a b c d e", "f"], languages=["en", "en", "zh", None], sources=["x", "y", "y", None])
    own, other = pool.take(np.array([0, 1])), pool.take(np.array([2, 3]))
    both = against(own, other)
    p, q = np.array([2, 2, 1, 0, 0, 0]) / 5, np.array([1, 1, 1, 1, 1, 1]) / 6
    assert value("words_apart", both) == pytest.approx(jensenshannon(p, q) ** 2)  # scipy returns the square root
    assert value("length_apart", both) == pytest.approx(ks_2samp([3, 2], [5, 1]).statistic)
    assert value("languages_apart", both) == pytest.approx(math.log(2))  # en, en against zh
    assert value("sources_apart", both) == pytest.approx(jensenshannon([0.5, 0.5], [0, 1]) ** 2)
    assert value("languages", pool) == pytest.approx(math.exp(-(2 / 3) * math.log(2 / 3) - (1 / 3) * math.log(1 / 3)))
    assert measure(by_name("languages"), pool).values == {"different": 2, "known": 3}
    same = against(pool, pool)
    for name in ("words_apart", "pairs_apart", "length_apart", "languages_apart", "sources_apart"):
        assert value(name, same) == pytest.approx(0, abs=1e-12)
    assert reason("languages_apart", against(rows(["a"]), rows(["a"]))) == "no_languages"


def test_lengths_by_hand():
    of = rows(["w " * n for n in range(1, 12)])  # 1 to 11 words: deciles 2 and 10
    assert measure(by_name("length"), of).value == 6
    assert measure(by_name("length"), of).values == {"low": 2.0, "high": 10.0}
    assert value("length_range", of) == 8


def test_codes_are_sorted_and_missing_is_minus_one():
    codes, names = codes_of(["b", None, "a", "", "b"])
    assert codes.tolist() == [1, -1, 0, -1, 1] and names == ["a", "b"]
