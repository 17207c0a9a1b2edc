"""One finding per corpus: the catalogue of audits, and the one way to run them."""

from __future__ import annotations

import pandas as pd

from studio.audits import diversity
from studio.audits.association import ASSOCIATION
from studio.audits.balance import BALANCE
from studio.audits.context import Context, missing_needs, nothing
from studio.audits.duplicates import DUPLICATES
from studio.audits.lengths import LENGTHS
from studio.audits.noise import NOISE
from studio.audits.representation import REPRESENTATION
from studio.audits.shortcuts import SHORTCUTS
from studio.audits.topics import TOPICS
from studio.records import Audit, AuditResult

__all__ = ["AUDITS", "VERSION", "Context", "diversity", "run"]
AUDITS: tuple[Audit, ...] = (
    REPRESENTATION,
    ASSOCIATION,
    DUPLICATES,
    BALANCE,
    LENGTHS,
    SHORTCUTS,
    NOISE,
    TOPICS,
)
VERSION = 1  # part of every stored finding's key; raised with any formula or threshold


def run(audit: Audit, frame: pd.DataFrame, context: Context) -> AuditResult:
    """The audit's findings, or none with a note that names what the corpus lacks."""
    if not len(frame):
        return nothing(audit.name, "audit.note.no_examples")
    absent = missing_needs(audit.needs, frame, context)
    if absent:
        return nothing(audit.name, f"audit.note.needs_{absent[0]}")
    return audit.compute(frame, context)
