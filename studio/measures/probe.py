"""Class probabilities without a fine-tuned model: a linear probe on frozen vectors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from studio.errors import MeasureError
from studio.records import Array

FOLDS = 5
C = 10.0  # ours: unit rows need a weaker penalty than sklearn's 1.0 for probabilities that are not all alike
MIN_LABELLED = 10


def probe_probs(embeddings: Array, labels: Sequence[str | None], rng: np.random.Generator) -> tuple[Array, list[str]]:
    """Predicted class probabilities of every example, never by a probe that saw its own label.

    Logistic regression on the labelled rows: 5-fold out-of-fold for those, one fit on all of them for the rest. Folds
    are dealt class by class, so that each fold has its share; a class absent from a fold's training part gets
    probability 0 there.

    Args:
        embeddings: (n, d) float32 unit rows.
        labels: n strings, None where unlabelled.
        rng: deals the folds.

    Returns:
        probs (n, c) float64 with rows summing to 1, and the c class names in alphabetical order.

    Raises:
        MeasureError: fewer than 10 labels or fewer than two classes.

    Paper: confident-learning-2021 (its out-of-fold rule only).
    Limits: with few labels per class the probabilities are flat; read the order, not the level.
    """
    rows = np.array([i for i, label in enumerate(labels) if label is not None], dtype=np.int64)
    names = sorted({labels[i] for i in rows})
    if len(rows) < MIN_LABELLED or len(names) < 2:
        raise MeasureError(
            "The probe needs at least 10 labels of at least two kinds",
            got=f"{len(rows)} labels of {len(names)} kinds",
            fix="Label more examples, or lean on the other three views.",
        )
    index = {name: k for k, name in enumerate(names)}
    y = np.array([index[labels[i]] for i in rows], dtype=np.int64)
    x = np.asarray(embeddings, dtype=np.float32)
    probs = np.full((len(x), len(names)), np.nan)
    rest = np.ones(len(x), dtype=bool)
    rest[rows] = False
    if rest.any():
        probs[rest] = _fit_predict(x[rows], y, x[rest], len(names))
    folds = deal_folds(y, min(FOLDS, len(rows)), rng)
    for fold in range(int(folds.max()) + 1):
        held = folds == fold
        probs[rows[held]] = _fit_predict(x[rows[~held]], y[~held], x[rows[held]], len(names))
    return probs, names


def deal_folds(y: Array, folds: int, rng: np.random.Generator) -> Array:
    """Fold of every row: each class is shuffled, then dealt in turn, carrying on where the last class stopped.

    Args:
        y: (n,) int class codes.
        folds: how many folds.
        rng: shuffles within a class.

    Returns:
        (n,) int64 in 0..folds-1; fold sizes differ by at most one, class counts per fold by at most one.
    """
    fold = np.empty(len(y), dtype=np.int64)
    dealt = 0
    for code in np.unique(y):
        rows = rng.permutation(np.flatnonzero(y == code))
        fold[rows] = (dealt + np.arange(len(rows))) % folds
        dealt += len(rows)
    return fold


def _fit_predict(x: Array, y: Array, other: Array, n_classes: int) -> Array:
    """(m, n_classes) probabilities of `other` by a probe fitted on x, y."""
    from sklearn.linear_model import LogisticRegression  # heavy package, only a worker comes here

    seen = np.unique(y)
    probs = np.zeros((len(other), n_classes))
    if len(seen) == 1:
        probs[:, seen[0]] = 1.0
        return probs
    probe = LogisticRegression(C=C, max_iter=500)
    probe.fit(x, y)
    found = probe.predict_proba(other).astype(np.float64)
    probs[:, seen] = found / found.sum(axis=1, keepdims=True)  # float32 in, so rows are off by 1e-7
    return probs
