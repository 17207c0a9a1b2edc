"""Relevance to the classes: how close an example lies to the mean of a class's labelled examples."""

from __future__ import annotations

import numpy as np

from studio.records import Array, Batch, Measure

_BLOCK = 65_536


def class_similarities(batch: Batch) -> Array:
    """(n, c) cosine to the mean of each class, the row's own part in its class left out; NaN where there is none.

    A class counts as one mean however many examples it has. A class whose only example is the row itself, or whose
    mean has no direction, says nothing of that row.

    Args:
        batch: embeddings (n, d) unit rows; labels n strings or None.
    """
    rows, names_of = batch.embeddings, np.array([label or "" for label in batch.labels or ()], dtype=object)
    labelled = np.flatnonzero(names_of != "")
    vectors = np.asarray(rows[labelled], dtype=np.float64)
    usable = np.isfinite(vectors).all(axis=1) & (np.abs(vectors).sum(axis=1) > 0)
    labelled, vectors = labelled[usable], vectors[usable]
    names = sorted(set(names_of[labelled]))
    means = np.full((len(names), np.shape(rows)[1]), np.nan)
    alone: list[tuple[Array, Array]] = []
    for column, name in enumerate(names):
        own = names_of[labelled] == name
        total = vectors[own].sum(axis=0)
        length = np.linalg.norm(total)
        means[column] = total / length if length > 1e-6 else np.nan
        rest = total - vectors[own]
        lengths = np.linalg.norm(rest, axis=1)
        towards = (vectors[own] * rest).sum(axis=1) / np.maximum(lengths, 1e-6)
        alone.append((labelled[own], np.where(lengths > 1e-6, towards, np.nan)))
    found = np.full((len(names_of), len(names)), np.nan, dtype=np.float32)
    for start in range(0, len(found), _BLOCK):
        block = np.asarray(rows[start : start + _BLOCK], dtype=np.float32)
        found[start : start + _BLOCK] = block @ means.T.astype(np.float32)
    for column, (places, values) in enumerate(alone):
        found[places, column] = values
    return found


def _class_prototype(batch: Batch) -> Array:
    """Cosine similarity to the nearest class mean; high = much like what is labelled, wanted.

    r_i = max over classes c of cos(x_i, m_c), m_c = mean of the labelled x_j of class c with j other than i

    Args:
        batch: embeddings (n, d) unit rows; labels n strings or None.

    Returns:
        (n,) float64 in [-1, 1]; NaN for a row that holds NaN, for the only labelled example, and everywhere
        without a label.

    Paper: prototypical-2017; departs from it in the encoder, which is not trained, and in cosine instead of Euclidean
        distance.
    Limits: a class of several topics has a mean that lies between them; repeats what is labelled already.
    """
    similarities = class_similarities(batch)
    best = np.where(np.isnan(similarities), -np.inf, similarities).max(axis=1, initial=-np.inf)
    return np.where(np.isfinite(best), np.clip(best, -1.0, 1.0), np.nan).astype(np.float64)


CLASS_PROTOTYPE = Measure(
    name="class_prototype",
    view="relevance",
    title="measure.class_prototype.title",
    needs=("embeddings", "labels"),
    unit="cosine similarity",
    prefer="high",
    version=1,
    paper="prototypical-2017",
    compute=_class_prototype,
    is_asked=True,
)
