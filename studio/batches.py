"""What a measure looks at and what it is; imported from `studio.records` like every other noun."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True)
class Knn:
    """The stored k-NN graph: `indices` (n, k) int32 row positions, `distances` (n, k) float32 cosine distances.

    A row is never its own neighbour; rows are ordered by distance, then by position.
    """

    indices: Array
    distances: Array


@dataclass(frozen=True)
class Batch:
    """What a measure may look at; row i of every array is the same example.

    ids (n,) int64; texts n strings; embeddings (n, d) float32 unit rows; class_probs (n, c) rows summing to 1;
    labels n strings or None; targets (t, d) float32 unit rows; clusters (n,) int, -1 = noise; target_texts any number
    of strings; likely_labels n strings or None: the visible label, else the likeliest predicted one; groups (n, g) int
    codes by group attribute, -1 = missing; out_of_fold (n, c) class probabilities by models that saw no label of the
    row, NaN where unlabelled, with gold (n,) int, the column of the row's label, -1 = unlabelled; votes (n, 2) int,
    annotators who agree with the label and all annotators; gold_history (n, e) probability of the label after each
    epoch of training, NaN where not trained on; lm_losses, masked_losses (n,) nats per token of a language model;
    answer_losses (n, 2) nats per token of the completion after its prompt and alone; ratings_<view> (n,) mean of what
    people rated the example, NaN = nobody did; pairs_quality (m, 3) example id, example id, and 1 where people called
    the first one better, 0 the second, 0.5 neither.
    """

    ids: Array
    texts: Sequence[str]
    language: str = "en"
    embeddings: Array | None = None
    class_probs: Array | None = None
    labels: Sequence[str | None] | None = None
    targets: Array | None = None
    knn: Knn | None = None
    clusters: Array | None = None
    target_texts: Sequence[str] | None = None
    likely_labels: Sequence[str | None] | None = None
    groups: Array | None = None
    out_of_fold: Array | None = None
    gold: Array | None = None
    votes: Array | None = None
    gold_history: Array | None = None
    lm_losses: Array | None = None
    masked_losses: Array | None = None
    answer_losses: Array | None = None
    ratings_relevance: Array | None = None
    ratings_diversity: Array | None = None
    ratings_difficulty: Array | None = None
    ratings_quality: Array | None = None
    pairs_quality: Array | None = None


@dataclass(frozen=True)
class Measure:
    """A number per example. `title` is a words key; `needs` names Batch fields besides ids and texts.

    `prefer` is high or low: which end is wanted. `version` is part of the stored key. `is_asked`: computed only when
    somebody names it. `is_of_labelled`: defined for labelled examples alone, so it can sort these but choose none from
    the pool. `flag_from`: raw values from here on are kept and counted, but get no unit score.
    """

    name: str
    view: str
    title: str
    needs: tuple[str, ...]
    unit: str
    prefer: Literal["high", "low"]
    version: int
    paper: str
    compute: Callable[[Batch], Array]
    is_asked: bool = False
    is_of_labelled: bool = False
    flag_from: float | None = None
