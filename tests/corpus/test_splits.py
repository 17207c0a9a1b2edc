"""Splits: exact counts, the same from the same seed, and never more than the file says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.corpus import splits
from studio.errors import CorpusError
from studio.records import SPLITS


@given(st.integers(0, 500), st.integers(0, 2**31))
def test_counts_are_exact_and_the_seed_decides(n, seed):
    names = splits.random_split(n, splits.DEFAULT_SHARES, np.random.default_rng(seed))
    counts = [int((names == name).sum()) for name in SPLITS]
    assert sum(counts) == n
    for count, share in zip(counts, (0.7, 0.0, 0.1, 0.2), strict=True):
        assert abs(count - n * share) < 1
    again = splits.random_split(n, splits.DEFAULT_SHARES, np.random.default_rng(seed))
    assert names.tolist() == again.tolist()


def test_another_seed_gives_another_split():
    one, two = (splits.random_split(200, splits.DEFAULT_SHARES, np.random.default_rng(seed)) for seed in (1, 2))
    assert one.tolist() != two.tolist()


@pytest.mark.parametrize("shares", [{"pool": 0.5}, {"pool": 1.5, "test": -0.5}, {"pool": 0.5, "dev": 0.5}, {},
                                    {"pool": float("nan")}])  # fmt: skip
def test_shares_that_make_no_split_are_refused(shares):
    with pytest.raises(CorpusError):
        splits.random_split(10, shares, np.random.default_rng(0))


def test_imported_words_are_kept_and_training_rows_become_the_pool():
    words = ["train", "Dev", "test", None, "训练"]
    names = splits.imported_split(words, np.random.default_rng(0))
    assert names.tolist() == ["pool", "validation", "test", "pool", "pool"]
    names = splits.imported_split(words, np.random.default_rng(0), train_as="train")
    assert names.tolist() == ["train", "validation", "test", "train", "train"]


def test_a_file_without_validation_gets_its_share_of_the_training_rows():
    words = ["train"] * 800 + ["test"] * 200
    names = splits.imported_split(words, np.random.default_rng(3))
    # 0.1 of (0.7 + 0.1): one in eight of the 800
    assert [(names == name).sum() for name in SPLITS] == [700, 0, 100, 200]
    assert (names[800:] == "test").all()


def test_a_column_that_names_no_split_is_refused():
    with pytest.raises(CorpusError, match="names no split"):
        splits.imported_split(["a", "b", None], np.random.default_rng(0))
