"""The numbers of every audit that can be compared between sets of equal size: the catalogue, and how one is prepared.

An audit's findings are sentences with thresholds of their own. To say whether a choice differs from random draws each
audit names one or two numbers here, worked out of any rows in milliseconds (decision 0220).
"""

from __future__ import annotations

import pandas as pd

from studio.audits.context import Context, missing_needs
from studio.audits.headlines.groups import (
    DEPENDENCE,
    DUPLICATES,
    INTERSECTIONS,
    REPRESENTATION,
    SCORES,
    TOPICS,
    TRENDS,
)
from studio.audits.headlines.labels import (
    ASSOCIATION,
    BALANCE,
    CONFOUNDS,
    LENGTHS,
    MENTION_LABELS,
    NOISE,
    PARITY,
    SHORTCUTS,
)
from studio.audits.headlines.record import Headline, Number, Of
from studio.audits.headlines.words import GENBIT, MENTIONS, NPMI, WEAT
from studio.records import Audit

__all__ = ["HEADLINES", "VERSION", "Headline", "Number", "Of", "prepare"]
HEADLINES: tuple[Headline, ...] = (
    REPRESENTATION,
    TRENDS,
    INTERSECTIONS,
    ASSOCIATION,
    PARITY,
    CONFOUNDS,
    DUPLICATES,
    DEPENDENCE,
    BALANCE,
    LENGTHS,
    MENTIONS,
    MENTION_LABELS,
    NPMI,
    GENBIT,
    WEAT,
    SHORTCUTS,
    SCORES,
    NOISE,
    TOPICS,
)
VERSION = 1  # raised with any number here


def prepare(headline: Headline, audit: Audit, frame: pd.DataFrame, context: Context) -> Of | str:
    """The function of rows of one audit, or the words key of what the corpus lacks for it."""
    if not len(frame):
        return "audit.note.no_examples"
    absent = missing_needs(audit.needs, frame, context)
    return f"audit.note.needs_{absent[0]}" if absent else headline.prepare(frame, context)
