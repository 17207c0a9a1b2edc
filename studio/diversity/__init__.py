"""One number per set of examples: the catalogue of diversity measures, and the one way to work them out."""

from __future__ import annotations

from studio.diversity.cover import COVERAGE, DENSITY
from studio.diversity.distinct import DISTINCT_1, DISTINCT_2, DISTINCT_3
from studio.diversity.distributions import (
    LANGUAGES,
    LANGUAGES_APART,
    LENGTH,
    LENGTH_APART,
    LENGTH_RANGE,
    PAIRS_APART,
    SOURCES,
    SOURCES_APART,
    WORDS_APART,
)
from studio.diversity.instructions import ASKED_APART, PAIRS, PROMPT_LENGTH, TURNS, TURNS_RANGE, VERBS
from studio.diversity.mtld import MTLD
from studio.diversity.nearest import NEAREST, RADIUS, SAME
from studio.diversity.record import DiversityMeasure, Number, undefined
from studio.diversity.repetition import COMPRESSION, NEAR_COPIES, REPEATS, SELF_REPETITION
from studio.diversity.rows import Rows
from studio.diversity.topics import TOPICS, TOPICS_APART, TOPICS_REACHED
from studio.diversity.vendi import DISTANCE, VENDI, VENDI_COMMON, VENDI_ONE, VENDI_RARE
from studio.errors import MeasureError

__all__ = ["DIVERSITY", "VERSION", "DiversityMeasure", "Number", "Rows", "by_name", "measure"]
DIVERSITY: tuple[DiversityMeasure, ...] = (
    VENDI,
    VENDI_RARE,
    VENDI_COMMON,
    VENDI_ONE,
    DISTANCE,
    NEAREST,
    RADIUS,
    COVERAGE,
    DENSITY,
    TOPICS,
    TOPICS_REACHED,
    TOPICS_APART,
    DISTINCT_1,
    DISTINCT_2,
    DISTINCT_3,
    MTLD,
    WORDS_APART,
    PAIRS_APART,
    COMPRESSION,
    SELF_REPETITION,
    REPEATS,
    NEAR_COPIES,
    SAME,
    LENGTH,
    LENGTH_RANGE,
    LENGTH_APART,
    LANGUAGES,
    LANGUAGES_APART,
    SOURCES,
    SOURCES_APART,
    PAIRS,
    VERBS,
    ASKED_APART,
    PROMPT_LENGTH,
    TURNS,
    TURNS_RANGE,
)
VERSION = sum(measure.version for measure in DIVERSITY)  # of the catalogue: any changed formula or new measure moves it


def by_name(name: str) -> DiversityMeasure:
    """The measure of that name.

    Raises:
        MeasureError: there is none.
    """
    for one in DIVERSITY:
        if one.name == name:
            return one
    raise MeasureError(
        "There is no diversity measure of that name",
        got=name,
        fix=f"Use one of: {', '.join(one.name for one in DIVERSITY)}.",
    )


def measure(one: DiversityMeasure, rows: Rows) -> Number:
    """The number of one measure, or NaN with the reason why there is none; never an exception for odd examples."""
    for need in one.needs:
        if getattr(rows, need) is None:
            return undefined(rows.absent.get(need, f"no_{need}"))
    if rows.n == 0:
        return undefined("no_examples")
    try:
        return one.compute(rows)
    except MeasureError:  # vectors that hold NaN or infinity
        return undefined("undefined_vectors")
