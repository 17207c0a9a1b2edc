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


def make(n: int) -> Batch:
    rng = np.random.default_rng(5)
    rows = rng.normal(size=(10, 6)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    probs = rng.dirichlet(np.ones(4), size=10)
    rows[5], probs[5] = rows[0], probs[0]  # row 5 is row 0 again
    distances = np.sort(rng.random((10, 3)).astype(np.float32), axis=1)
    distances[5] = distances[0]
    clusters = np.array([0, 1, -1, 1, 2, 0, 2, 0, 1, -1])
    return Batch(
        ids=np.arange(n),
        texts=TEXTS[:n],
        language="en",
        embeddings=rows[:n],
        class_probs=probs[:n],
        labels=["a"] * n,
        targets=rows[:2],
        knn=Knn(np.zeros((n, 3), dtype=np.int32), distances[:n]),
        clusters=clusters[:n],
    )


def permuted(batch: Batch, order: np.ndarray) -> Batch:
    return dataclasses.replace(
        batch,
        ids=batch.ids[order],
        texts=[batch.texts[i] for i in order],
        embeddings=batch.embeddings[order],
        class_probs=batch.class_probs[order],
        knn=Knn(batch.knn.indices[order], batch.knn.distances[order]),
        clusters=batch.clusters[order],
    )


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
        assert first[0] == first[5] or (np.isnan(first[0]) and np.isnan(first[5]))

    def test_nan_in_gives_nan_out_and_no_exception(self, measure):
        batch = make(10)
        batch.embeddings[3], batch.class_probs[3], batch.knn.distances[3] = np.nan, np.nan, np.nan
        values = compute(measure, batch)
        if {"embeddings", "class_probs", "knn"} & set(measure.needs):
            assert np.isnan(values[3]) and np.isfinite(np.delete(values, 3)).all()

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
