"""One number per example: the catalogue of measures and the one way to compute them."""

from __future__ import annotations

import numpy as np

from studio.errors import MeasureError
from studio.measures.agreement import ANNOTATOR_AGREEMENT
from studio.measures.dynamics import TRAINING_CONFIDENCE, TRAINING_VARIABILITY
from studio.measures.fluency import FLUENCY
from studio.measures.importance import NGRAM_IMPORTANCE
from studio.measures.instruction import IFD_LOSS_RATIO, IFD_PERPLEXITY_RATIO
from studio.measures.label_quality import LABEL_MARGIN, LABEL_STANDS, SELF_CONFIDENCE
from studio.measures.language import LM_FLUENCY, LM_LOSS, MASKED_LM_LOSS, NGRAM_LOSS
from studio.measures.novelty import CLUSTER_RARITY, NEIGHBOUR_DISTANCE
from studio.measures.prototypes import CLASS_PROTOTYPE
from studio.measures.rarity import GROUP_RARITY, LABEL_RARITY
from studio.measures.rated import PAIRWISE_QUALITY, RATED
from studio.measures.relevance import NEAREST_TARGET, THREE_NEAREST_TARGETS
from studio.measures.repeats import REPEAT_DISTANCE
from studio.measures.rules import RULE_QUALITY
from studio.measures.turns import CLASS_TURN, TARGET_TURN
from studio.measures.uncertainty import ENTROPY, LEAST_CONFIDENCE, MARGIN
from studio.records import Array, Batch, Measure

MEASURES: tuple[Measure, ...] = (
    THREE_NEAREST_TARGETS,
    NEAREST_TARGET,
    TARGET_TURN,
    NGRAM_IMPORTANCE,
    CLASS_PROTOTYPE,
    CLASS_TURN,
    NEIGHBOUR_DISTANCE,
    CLUSTER_RARITY,
    REPEAT_DISTANCE,
    LABEL_RARITY,
    GROUP_RARITY,
    MARGIN,
    ENTROPY,
    LEAST_CONFIDENCE,
    TRAINING_VARIABILITY,
    TRAINING_CONFIDENCE,
    NGRAM_LOSS,
    LM_LOSS,
    MASKED_LM_LOSS,
    IFD_LOSS_RATIO,
    IFD_PERPLEXITY_RATIO,
    RULE_QUALITY,
    FLUENCY,
    LM_FLUENCY,
    SELF_CONFIDENCE,
    LABEL_MARGIN,
    LABEL_STANDS,
    ANNOTATOR_AGREEMENT,
    PAIRWISE_QUALITY,
    *RATED,
)

# The measures a view is made of unless the person chooses others; diversity is the mean of its two unit scores.
DEFAULT_MEASURES: dict[str, tuple[str, ...]] = {
    "relevance": ("three_nearest_targets",),
    "diversity": ("neighbour_distance", "cluster_rarity"),
    "difficulty": ("margin",),
    "quality": ("rule_quality", "fluency"),
}


def by_name(name: str) -> Measure:
    """The measure of that name.

    Raises:
        MeasureError: there is none.
    """
    for measure in MEASURES:
        if measure.name == name:
            return measure
    raise MeasureError(
        "There is no such measure", got=name, fix=f"Choose one of {', '.join(m.name for m in MEASURES)}."
    )


def compute(measure: Measure, batch: Batch) -> Array:
    """Raw values of a measure, with its needs and its shape checked.

    Args:
        measure: which.
        batch: the examples; fields the measure needs must be there.

    Returns:
        (n,) float64 in the measure's unit; NaN where undefined, infinite never.

    Raises:
        MeasureError: a need is missing, a field has another length than ids, or the function broke the contract.
    """
    n = len(batch.ids)
    if len(batch.texts) != n:
        raise MeasureError(
            "Ids and texts have different lengths", got=f"{n} and {len(batch.texts)}", fix="Give one text for each id."
        )
    for need in measure.needs:
        value = getattr(batch, need)
        if value is None:
            raise MeasureError(
                f"{measure.name} cannot be computed without {need}",
                got=None,
                fix=f"Provide {need} for the examples first.",
            )
        rows = len(value.distances) if need == "knn" else len(value)
        if need not in ("targets", "target_texts", "pairs_quality") and rows != n:
            raise MeasureError(
                f"{need} does not fit the examples",
                got=f"{rows} rows for {n} examples",
                fix="Compute it again for this snapshot.",
            )
    values = measure.compute(batch)
    if not isinstance(values, np.ndarray) or values.shape != (n,) or values.dtype != np.float64:
        raise MeasureError(
            f"{measure.name} broke its contract",
            got=f"{getattr(values, 'shape', type(values))}",
            fix="Return one float64 per example.",
        )
    return np.where(np.isfinite(values), values, np.nan)
