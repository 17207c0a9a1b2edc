"""The linear probe of the demo tests: vectors of the texts, a logistic regression, accuracy on 30 %."""

from __future__ import annotations

import numpy as np
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import normalize


def lexical(texts: list[str], language: str) -> np.ndarray:
    """Character n-grams, TF-IDF, truncated SVD to 256 unit rows."""
    words = language == "en"
    grams = TfidfVectorizer(
        analyzer="char_wb" if words else "char",
        ngram_range=(2, 4) if words else (1, 3),
        sublinear_tf=True,
        min_df=2,
        max_features=60_000,
    ).fit_transform(texts)
    return normalize(TruncatedSVD(256, random_state=0, n_iter=2).fit_transform(grams))


def accuracy(vectors: np.ndarray, labels: np.ndarray, *, per_class: int | None = None, seed: int = 0) -> float:
    """Test accuracy of a logistic regression fitted on 70 %, or on `per_class` examples of each label from it."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(labels))
    cut = int(0.7 * len(labels))
    train, test = order[:cut], order[cut:]
    if per_class is not None:
        train = np.concatenate([
            rng.choice(train[labels[train] == label], per_class, replace=False) for label in np.unique(labels)
        ])  # fmt: skip
    probe = LogisticRegression(C=10, max_iter=1000).fit(vectors[train], labels[train])
    return float((probe.predict(vectors[test]) == labels[test]).mean())
