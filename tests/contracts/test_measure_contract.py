"""What every measure promises, run over the catalogue."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from studio import words
from studio.errors import MeasureError
from studio.measures import DEFAULT_MEASURES, MEASURES, by_name, compute
from studio.records import VIEWS, Batch, Knn

PAPERS = Path(__file__).parents[2] / "docs" / "papers.md"
TEXTS = [
    "my card does not work",
    "无法登录我的账户",
    "",
    "aaaa aaaa aaaa",
    "REFUND ME NOW!!!",
    "my card does not work",
    "<script>alert(1)</script>",
    "\x00\ud800 broken",
    "where is my parcel?",
    "a" * 3000,
]


LABELS = [None, "a", "b", "a", "b", None, "a", "b", "a", "b"]
# Two equal rows are in these the first and its repeat; the rank of one hangs on how many there are.
ORDERED = {"repeat_distance"}
FLOATS = ("embeddings", "class_probs", "out_of_fold", "gold_history", "lm_losses", "masked_losses", "answer_losses")


def make(n: int) -> Batch:
    rng = np.random.default_rng(5)
    rows = rng.normal(size=(10, 6)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    probs = rng.dirichlet(np.ones(4), size=10)
    rows[5], probs[5] = rows[0], probs[0]  # row 5 is row 0 again
    distances = np.sort(rng.random((10, 3)).astype(np.float32), axis=1)
    distances[5] = distances[0]
    places = np.array([[(i + step) % 10 for step in (1, 4, 7)] for i in range(10)], dtype=np.int32)
    clusters = np.array([0, 1, -1, 1, 2, 0, 2, 0, 1, -1])
    history = rng.random((10, 4))
    out_of_fold, losses = rng.dirichlet(np.ones(3), size=10), rng.uniform(0.5, 4.0, size=(10, 2))
    for field in (history, out_of_fold, losses):
        field[5] = field[0]
    ratings = np.array([5, 1, 3, np.nan, 2, 5, 4, 1, np.nan, 3])
    pairs = np.array([[k % 10, (3 * k + 1) % 10, (0.0, 1.0, 0.5)[k % 3]] for k in range(12)])
    return Batch(
        ids=np.arange(n),
        texts=TEXTS[:n],
        language="en",
        embeddings=rows[:n],
        class_probs=probs[:n],
        labels=LABELS[:n],
        targets=rows[:2].copy(),
        knn=Knn(np.where(places[:n] < n, places[:n], -1), distances[:n]),
        clusters=clusters[:n],
        target_texts=["a card that does not work", "账户"],
        likely_labels=["b", *LABELS[1:5], "b", *LABELS[6:]][:n],
        groups=np.array([[0, 1], [1, -1], [0, 0], [2, 0], [-1, 0], [0, 1], [1, 1], [1, 1], [0, 0], [0, 0]])[:n],
        out_of_fold=out_of_fold[:n],
        gold=np.array([0, 1, 2, 0, 1, 0, 2, 1, 0, 2])[:n],
        votes=np.array([[2, 3], [2, 2], [1, 2], [4, 4], [3, 5], [2, 3], [1, 3], [2, 2], [2, 4], [5, 6]])[:n],
        gold_history=history[:n],
        lm_losses=losses[:n, 0],
        masked_losses=losses[:n, 1],
        answer_losses=losses[:n],
        ratings_relevance=ratings[:n],
        ratings_diversity=ratings[:n],
        ratings_difficulty=ratings[:n],
        ratings_quality=ratings[:n],
        pairs_quality=pairs,
    )


def permuted(batch: Batch, order: np.ndarray) -> Batch:
    place = np.argsort(order)
    moved = {}
    for field in dataclasses.fields(Batch):
        value = getattr(batch, field.name)
        if isinstance(value, np.ndarray) and field.name not in ("targets", "pairs_quality"):
            moved[field.name] = value[order]
        elif isinstance(value, list) and field.name != "target_texts":
            moved[field.name] = [value[i] for i in order]
    old = batch.knn.indices[order]
    return dataclasses.replace(batch, **moved, knn=Knn(np.where(old >= 0, place[old], -1), batch.knn.distances[order]))


@pytest.mark.parametrize("measure", MEASURES, ids=lambda m: m.name)
class TestMeasure:
    @pytest.mark.parametrize("n", [0, 1, 10])
    def test_shape_and_type(self, measure, n):
        values = compute(measure, make(n))
        assert values.shape == (n,) and values.dtype == np.float64

    def test_order_does_not_matter(self, measure):
        order = np.random.default_rng(1).permutation(10)
        np.testing.assert_allclose(
            compute(measure, permuted(make(10), order)), compute(measure, make(10))[order], rtol=1e-12
        )

    def test_equal_inputs_give_equal_outputs_each_time(self, measure):
        first, second = compute(measure, make(10)), compute(measure, make(10))
        np.testing.assert_array_equal(first, second)
        assert measure.name in ORDERED or first[0] == first[5] or (np.isnan(first[0]) and np.isnan(first[5]))

    def test_nan_in_gives_nan_out_and_no_exception(self, measure):
        whole, batch = compute(measure, make(10)), make(10)
        for name in FLOATS:
            getattr(batch, name)[3] = np.nan
        batch.knn.distances[3] = np.nan
        values = compute(measure, batch)
        if {*FLOATS, "knn"} & set(measure.needs):
            assert np.isnan(values[3])
            others = np.delete(np.arange(10), 3)
            np.testing.assert_array_equal(np.isnan(values[others]), np.isnan(whole[others]))

    def test_nothing_known_is_nan_or_a_reason(self, measure):
        """No label, no group, no vote, nothing but zero rows and blank texts: no exception but a MeasureError."""
        zero = dataclasses.replace(
            make(10), texts=[""] * 10, embeddings=np.zeros((10, 6), np.float32), labels=[None] * 10,
            likely_labels=[None] * 10, groups=np.full((10, 2), -1), gold=np.full(10, -1), target_texts=[],
            votes=np.zeros((10, 2), int), gold_history=np.full((10, 4), np.nan), lm_losses=np.full(10, np.nan),
            masked_losses=np.full(10, np.inf), answer_losses=np.zeros((10, 2)), out_of_fold=np.full((10, 3), np.nan),
        )  # fmt: skip
        try:
            values = compute(measure, zero)
        except MeasureError as error:
            assert error.what and error.fix
        else:
            assert values.shape == (10,) and not np.isinf(values).any()

    def test_one_label_one_class_one_group(self, measure):
        one = dataclasses.replace(
            make(10), labels=["a"] * 10, likely_labels=["a"] * 10, groups=np.zeros((10, 1), int),
            out_of_fold=np.ones((10, 1)), gold=np.zeros(10, int),
        )  # fmt: skip
        assert compute(measure, one).shape == (10,)

    def test_missing_needs_are_refused(self, measure):
        for field in measure.needs:
            with pytest.raises(MeasureError, match=field):
                compute(measure, dataclasses.replace(make(10), **{field: None}))

    def test_record_is_whole(self, measure):
        assert measure.name.isidentifier() and measure.view in VIEWS and measure.version >= 1
        assert measure.prefer in ("high", "low") and measure.unit
        assert {f.name for f in dataclasses.fields(Batch)} >= set(measure.needs)
        for language in words.LANGUAGES:
            assert measure.title in words.catalogue(language)
            assert measure.title.replace(".title", ".help") in words.catalogue(language)
            assert measure.title.replace(".title", ".unit") in words.catalogue(language)
        assert not measure.paper or f"| `{measure.paper}` |" in PAPERS.read_text(encoding="utf-8")


def test_names_are_unique_and_every_view_has_a_default():
    assert len({m.name for m in MEASURES}) == len(MEASURES)
    assert set(DEFAULT_MEASURES) == set(VIEWS)
    for view, names in DEFAULT_MEASURES.items():
        assert names and all(by_name(name).view == view for name in names)


def test_fields_of_another_length_are_refused():
    with pytest.raises(MeasureError, match="does not fit"):
        compute(by_name("margin"), dataclasses.replace(make(10), class_probs=np.full((3, 2), 0.5)))
    with pytest.raises(MeasureError, match="no such measure"):
        by_name("vibes")
