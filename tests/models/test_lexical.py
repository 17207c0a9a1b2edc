from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse.linalg import svds
from sklearn.feature_extraction.text import CountVectorizer

from studio.errors import ModelError
from studio.models.lexical import LexicalEncoder, _right_singular_vectors, _weigh, count_grams, normalise

ENGLISH = ["where is my card", "my card is not here", "exchange rate is wrong", "the rate of exchange", "lost my phone"]
CHINESE = ["我的卡还没到", "卡什么时候到", "汇率不对", "汇率算错了", "手机丢了"]


@given(st.lists(st.text(max_size=30), max_size=8))
@settings(max_examples=60, deadline=None)
def test_gram_counts_agree_with_sklearn(texts):
    """Sums and numbers of different grams per text agree with CountVectorizer's character n-grams."""
    counts = count_grams(texts)
    assert counts.shape[0] == len(texts)
    for row, text in enumerate(texts):
        line = normalise(text)
        grams = Counter()
        for n in (1, 2, 3, 4):
            grams.update(line[i : i + n] for i in range(len(line) - n + 1))
        grams.pop(" ", None)
        assert counts[row].sum() == sum(grams.values())
        assert counts[row].nnz <= len(grams)


def test_counts_are_those_of_sklearn_on_real_words():
    texts = [*ENGLISH[:2], *CHINESE]
    ours = count_grams(texts)
    theirs = CountVectorizer(analyzer="char", ngram_range=(1, 4)).fit_transform([normalise(t) for t in texts])
    theirs = theirs.toarray()[:, 1:]  # column 0 is the single space, which is left out
    # no two of these grams fall into one of the 262,144 buckets, so inner products agree too
    assert np.array_equal((ours @ ours.T).toarray(), theirs @ theirs.T)


@pytest.mark.parametrize("texts", [ENGLISH, CHINESE], ids=["en", "zh"])
def test_alike_texts_are_nearest(texts):
    vectors = LexicalEncoder.fit(texts).encode(texts)
    similarity = vectors @ vectors.T
    np.fill_diagonal(similarity, -1)
    assert similarity.argmax(axis=1)[:4].tolist() == [1, 0, 3, 2]
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_directions_are_the_leading_singular_vectors():
    rng = np.random.default_rng(0)
    words = ["alpha", "beta", "gamma", "delta", "card", "rate", "phone", "lost"]
    texts = [" ".join(rng.choice(words, 4)) for _ in range(200)]
    encoder = LexicalEncoder.fit(texts)
    rows = _weigh(count_grams(texts), encoder.features, encoder.idf)
    ours = _right_singular_vectors(rows, 5, np.random.default_rng(1), None)
    _, values, theirs = svds(rows.astype(np.float64), k=5)
    overlap = np.abs(ours.T @ theirs[np.argsort(-values)].T)
    assert np.allclose(np.diag(overlap), 1, atol=1e-2)


def test_state_survives_saving_and_typed_queries_embed_the_same(tmp_path):
    encoder = LexicalEncoder.fit(ENGLISH * 20, seed=3)
    encoder.save(tmp_path)
    loaded = LexicalEncoder.load(tmp_path)
    queries = ["where is my card", "kärte?", "", "汇率"]
    assert np.array_equal(encoder.encode(queries), loaded.encode(queries))
    assert (loaded.encode([""]) == 0).all()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["lexical.json", "lexical.safetensors"]


def test_same_seed_same_bytes():
    a, b = (LexicalEncoder.fit(CHINESE * 30, seed=7) for _ in range(2))
    assert a.components.tobytes() == b.components.tobytes()


@pytest.mark.parametrize("texts", [[], [""], ["a"], ["same"] * 60, ["😀", "\ud800"]], ids=str)
def test_tiny_and_odd_corpora_do_not_crash(texts, tmp_path):
    encoder = LexicalEncoder.fit(texts)
    vectors = encoder.encode(texts)
    assert vectors.shape == (len(texts), 256)
    assert np.isfinite(vectors).all()
    encoder.save(tmp_path)
    assert np.array_equal(LexicalEncoder.load(tmp_path).encode(texts), vectors)


def test_a_damaged_state_is_named(tmp_path):
    LexicalEncoder.fit(ENGLISH).save(tmp_path)
    (tmp_path / "lexical.safetensors").write_bytes(b"not a safetensors file")
    with pytest.raises(ModelError, match="cannot be read"):
        LexicalEncoder.load(tmp_path)
