"""What every diversity measure promises, run over the catalogue."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from studio import words
from studio.diversity import DIVERSITY, Rows, by_name, measure
from studio.diversity.comparison import compare
from studio.diversity.prepare import prepare
from studio.diversity.record import DIRECTIONS, GROUPS
from studio.diversity.reference import make_reference
from studio.errors import MeasureError
from tests.conftest import ROOT

TEXTS = [
    "my card does not work",
    "无法登录我的账户，请帮我写一封邮件",
    "",
    "aaaa aaaa aaaa",
    "REFUND ME NOW!!!",
    "my card does not work",
    "<script>alert(1)</script>",
    "\x00\ud800 broken",
    "where is my parcel? " * 20,
    "a" * 3000,
]
PROMPTS = [
    "Write a poem",
    "写一首诗",
    None,
    "",
    "Explain the law",
    "Write a poem",
    "<b>",
    "\ud800",
    "Sort the list",
    "x",
]
CHATS = [json.dumps([{"role": "user", "content": "hi"}] * n) if n else None for n in (1, 2, 3, 0, 2, 2, 1, 0, 4, 9)]


def made(n: int, *, vectors: str = "usual") -> Rows:
    """The first n odd examples with everything a measure may need, themselves as the reference."""
    rng = np.random.default_rng(5)
    matrix = rng.normal(size=(10, 6)).astype(np.float32)
    matrix /= np.linalg.norm(matrix, axis=1, keepdims=True)
    matrix[2] = 0  # an empty text has no direction
    matrix[5] = matrix[0]
    if vectors == "zeros":
        matrix[:] = 0
    if vectors == "undefined":
        matrix[3, 2] = np.nan
    given = {"prompts": PROMPTS[:n], "messages": CHATS[:n], "languages": (["en", "zh", None] * 4)[:n],
             "sources": (["a", "", "b"] * 4)[:n]}  # fmt: skip
    rows = replace(
        prepare(TEXTS[:n], **given),
        vectors=matrix[:n],
        clusters=np.array([0, 1, -1, 1, 2, 0, 2, 0, 1, -1])[:n],
        families=np.array([0, 1, 2, 3, 4, 0, 6, 7, 8, 8])[:n],
    )
    usual = replace(rows, vectors=np.eye(10, 6, dtype=np.float32)[:n])
    return replace(rows, reference=make_reference(usual, np.random.default_rng(1)))


every = pytest.mark.parametrize("one", DIVERSITY, ids=lambda one: one.name)


def same(first: float, second: float) -> bool:
    return first == pytest.approx(second, rel=1e-6, abs=1e-6, nan_ok=True)


@every
def test_an_answer_is_a_finite_number_or_a_reason_in_both_languages(one):
    for n in (0, 1, 2, 10):
        for vectors in ("usual", "zeros", "undefined"):
            found = measure(one, made(n, vectors=vectors))
            if found.reason:
                assert math.isnan(found.value)
                for language in words.LANGUAGES:
                    assert words.t(f"diversity.reason.{found.reason}", lang=language, **found.values)
            else:
                assert math.isfinite(found.value) and found.value >= 0, found
                for language in words.LANGUAGES:
                    assert not found.values or words.t(f"diversity.about.{one.name}", lang=language, **found.values)
            assert all(math.isfinite(value) for value in found.values.values())


@every
def test_no_example_has_no_number(one):
    assert math.isnan(measure(one, made(0)).value)


@every
def test_the_order_of_the_examples_does_not_matter(one):
    rows = made(10)
    order = np.random.default_rng(3).permutation(10)
    assert same(measure(one, rows.take(order)).value, measure(one, rows).value)


@every
def test_equal_examples_give_equal_answers_and_change_nothing(one):
    first, second = made(10), made(10)
    assert measure(one, first) == measure(one, second) or math.isnan(measure(one, first).value)
    assert first.texts == second.texts and np.array_equal(first.vectors, second.vectors)


@every
def test_undefined_vectors_are_a_reason_where_vectors_are_needed(one):
    found = measure(one, made(10, vectors="undefined"))
    assert (found.reason == "undefined_vectors") == ("vectors" in one.needs)


@every
def test_what_is_missing_is_named(one):
    for need in one.needs:
        found = measure(one, replace(made(10), **{need: None}))
        assert math.isnan(found.value) and words.t(f"diversity.reason.{found.reason}", lang="zh")


@every
def test_identical_examples_are_the_least_varied(one):
    """Of 30 equal examples: one kind, no distance, all but one a copy."""
    rows = replace(
        prepare(["the same words again and again"] * 30, prompts=["Write a poem"] * 30, languages=["en"] * 30,
                sources=["a"] * 30, messages=[CHATS[1]] * 30),
        vectors=np.tile(np.eye(1, 6, dtype=np.float32), (30, 1)), clusters=np.zeros(30, int), families=np.zeros(30, int)
    )  # fmt: skip
    found = measure(one, replace(rows, reference=make_reference(rows, np.random.default_rng(0))))
    if one.direction == "varied" and found.reason == "":
        least = {"kinds": 1.0, "distance": 0.0, "units": 0.0, "turns": 0.0}
        expected = 5 / 180 if one.name == "distinct_1" else 5 / 150 if one.name == "distinct_2" else 4 / 120
        assert found.value == pytest.approx(least.get(one.unit, expected), abs=1e-6)
    if one.name in ("repeats", "near_copies", "same_meaning"):
        assert found.value == pytest.approx(29 / 30)
    if one.direction == "apart":
        assert found.value == pytest.approx(0)


@every
def test_a_record_says_what_its_number_means(one):
    assert one.name.isidentifier() and one.group in GROUPS and one.direction in DIRECTIONS
    assert one.title == f"diversity.name.{one.name}" and one.version >= 1 and one.most >= 100
    for language in words.LANGUAGES:
        for key in (one.title, f"diversity.help.{one.name}", f"diversity.unit.{one.unit}",
                    f"diversity.group.{one.group}", f"diversity.direction.{one.direction}"):  # fmt: skip
            assert key in words.catalogue(language), key
    if one.paper:
        assert f"`{one.paper}`" in (ROOT / "docs" / "papers.md").read_text("utf-8")


def test_names_are_unique_and_an_unknown_one_is_refused():
    assert len({one.name for one in DIVERSITY}) == len(DIVERSITY)
    assert by_name("vendi") in DIVERSITY
    with pytest.raises(MeasureError):
        by_name("horoscope")


def test_the_same_seed_gives_the_same_comparison():
    pool = replace(made(10), reference=None)
    first, again, other = (compare(pool, np.arange(10), np.arange(4), seed=seed).table for seed in (3, 3, 4))
    assert first.to_json() == again.to_json() != other.to_json()
