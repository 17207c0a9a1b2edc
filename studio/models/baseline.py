"""Character n-grams and a logistic head: works in any language, needs no weights, and is the bar to beat."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from studio.errors import ModelError
from studio.records import Array

WIDTHS = (1, 4)
MAX_FEATURES = 60_000
FILE = "ngrams.json"
WEIGHTS = "ngrams.safetensors"


def logistic(features: Array, labels: Sequence[str], *, c: float = 1.0, seed: int = 0, max_iter: int = 100):
    """Multinomial logistic regression, the head of every linear probe.

    The defaults are those of the published MTEB classification task (max_iter 100, C 1, no scaling), so that figures
    can be set beside each other.

    Args:
        features: (n, d) float or sparse.
        labels: n strings, at least two different.
        c: inverse regularisation.
        seed: for solvers that shuffle.
        max_iter: most steps of the solver.

    Raises:
        ModelError: one label only.

    Paper: mteb-2023.
    """
    from sklearn.exceptions import ConvergenceWarning  # slow to import: only workers fit
    from sklearn.linear_model import LogisticRegression
    from sklearn.utils._testing import ignore_warnings

    if len(set(labels)) < 2:
        raise ModelError("A classifier needs at least two labels", got=sorted(set(labels)), fix="Label another class.")
    model = LogisticRegression(C=c, max_iter=max_iter, random_state=seed)
    with ignore_warnings(category=ConvergenceWarning):
        return model.fit(features, np.asarray(labels, dtype=object).astype(str))


def head_arrays(model) -> tuple[Array, Array, tuple[str, ...]]:
    """Weights (c, d) and biases (c,) with one row per label; a two-label fit keeps one row, which is mirrored.

    softmax of (-z/2, +z/2) equals the logistic of z, so halves keep the probabilities.
    """
    weight, bias = np.asarray(model.coef_, np.float64), np.asarray(model.intercept_, np.float64)
    if len(model.classes_) == 2:
        weight, bias = np.concatenate([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
    return weight.astype(np.float32), bias.astype(np.float32), tuple(str(name) for name in model.classes_)


def softmax(logits: Array) -> Array:
    """Rows that sum to 1, float32, computed stably."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    exponent = np.exp(shifted.astype(np.float64))
    return (exponent / exponent.sum(axis=1, keepdims=True)).astype(np.float32)


class NgramClassifier:
    """tf-idf of character n-grams (1 to 4, sublinear counts, unit rows) under a logistic head.

    Paper: cavnar-trenkle-1994 for character n-grams as features; tf-idf weighting and the logistic head are ours.
    """

    def __init__(
        self, vocabulary: Sequence[str], idf: Array, weight: Array, bias: Array, labels: Sequence[str]
    ) -> None:
        self.labels = tuple(labels)
        self._terms = list(vocabulary)
        self._idf = np.ascontiguousarray(idf, np.float32)  # safetensors writes memory order
        self._weight = np.ascontiguousarray(weight, np.float32)
        self._bias = np.asarray(bias, np.float32)
        self._vectorizer = None

    @classmethod
    def fit(cls, texts: Sequence[str], labels: Sequence[str], *, c: float = 10.0, seed: int = 0) -> NgramClassifier:
        """Fit on n texts and their labels; `c` is the inverse regularisation (10: ours, see docs/log.md)."""
        vectorizer = _vectorizer()
        try:
            features = vectorizer.fit_transform(texts)
        except ValueError as error:
            raise ModelError(
                "The texts hold nothing to learn from", got=str(error), fix="Check the text column."
            ) from error
        model = logistic(features, labels, c=c, seed=seed, max_iter=300)
        weight, bias, names = head_arrays(model)
        return cls(list(vectorizer.get_feature_names_out()), vectorizer.idf_, weight, bias, names)

    @property
    def size(self) -> int:
        """How many numbers were fitted."""
        return int(self._weight.size + self._bias.size)

    def logits(self, texts: Sequence[str]) -> Array:
        """(n, c) float32 before softmax."""
        if self._vectorizer is None:
            self._vectorizer = _vectorizer(self._terms, self._idf)
        if not len(texts):
            return np.zeros((0, len(self.labels)), np.float32)
        return np.asarray(self._vectorizer.transform(texts) @ self._weight.T + self._bias, np.float32)

    def predict_probs(self, texts: Sequence[str], on_batch: Callable[[int, int], None] | None = None) -> Array:
        """(n, c) float32 class probabilities; `on_batch(done, total)` is called between slices of 2,000."""
        parts = []
        for start in range(0, len(texts), 2000):
            parts.append(softmax(self.logits(texts[start : start + 2000])))
            if on_batch:
                on_batch(min(start + 2000, len(texts)), len(texts))
        return np.concatenate(parts) if parts else np.zeros((0, len(self.labels)), np.float32)

    def save(self, folder: Path) -> None:
        """Write vocabulary (JSON) and numbers (safetensors); no pickle."""
        from safetensors.numpy import save_file

        folder.mkdir(parents=True, exist_ok=True)
        save_file({"idf": self._idf, "weight": self._weight, "bias": self._bias}, folder / WEIGHTS)
        (folder / FILE).write_text(
            json.dumps({"labels": self.labels, "terms": self._terms}, ensure_ascii=False), encoding="utf-8"
        )

    @classmethod
    def load(cls, folder: Path) -> NgramClassifier:
        """Read a saved classifier.

        Raises:
            ModelError: a file is missing or does not fit the other.
        """
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        try:
            facts = json.loads((folder / FILE).read_text(encoding="utf-8"))
            numbers = load_file(folder / WEIGHTS)
            if numbers["weight"].shape != (len(facts["labels"]), len(facts["terms"])):
                raise ModelError(
                    "The saved classifier does not fit its vocabulary",
                    got=str(numbers["weight"].shape),
                    fix="Train the round again.",
                )
            return cls(facts["terms"], numbers["idf"], numbers["weight"], numbers["bias"], facts["labels"])
        except (OSError, KeyError, ValueError, SafetensorError) as error:
            raise ModelError(
                "The saved classifier cannot be read", got=f"{folder.name}: {error}", fix="Train the round again."
            ) from error


def _vectorizer(terms: Sequence[str] | None = None, idf: Array | None = None):
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(
        analyzer="char",
        ngram_range=WIDTHS,
        sublinear_tf=True,
        dtype=np.float32,
        max_features=None if terms is not None else MAX_FEATURES,
        vocabulary=terms if terms is not None else None,
    )
    if idf is not None:
        vectorizer.idf_ = np.asarray(idf, np.float32)
    return vectorizer
