"""Quality by several annotators: how many of them gave the label that is in force."""

from __future__ import annotations

import numpy as np

from studio.records import Array, Batch, Measure


def _annotator_agreement(batch: Batch) -> Array:
    """Share of the annotators of an example who gave its current label; 1 = all agree, high is wanted.

    a_i = annotators whose newest label of i is the current one / annotators of i

    Args:
        batch: votes (n, 2) int: agreeing annotators, all annotators.

    Returns:
        (n,) float64 in [0, 1]; NaN with fewer than two annotators.

    Source: ours; observed agreement with the label in force, per example.
    Limits: of labelled examples only. Two annotators give 0.5 or 1; not corrected for agreement by chance.
    """
    votes = np.asarray(batch.votes, dtype=np.float64)
    return np.where(votes[:, 1] >= 2, votes[:, 0] / np.maximum(votes[:, 1], 1.0), np.nan)


ANNOTATOR_AGREEMENT = Measure(
    name="annotator_agreement",
    view="quality",
    title="measure.annotator_agreement.title",
    needs=("votes",),
    unit="share of annotators",
    prefer="high",
    version=1,
    paper="",
    compute=_annotator_agreement,
    is_asked=True,
    is_of_labelled=True,
)
