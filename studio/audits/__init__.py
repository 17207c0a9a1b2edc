"""One finding per corpus: the catalogue of audits, and the one way to run them."""

from __future__ import annotations

from studio.audits.association import ASSOCIATION
from studio.audits.balance import BALANCE
from studio.audits.confounds import CONFOUNDS
from studio.audits.context import Context
from studio.audits.dependence import DEPENDENCE
from studio.audits.duplicates import DUPLICATES
from studio.audits.engine import run
from studio.audits.genbit import GENBIT
from studio.audits.intersections import INTERSECTIONS
from studio.audits.lengths import LENGTHS
from studio.audits.mention_labels import MENTION_LABELS
from studio.audits.mentions import MENTIONS
from studio.audits.noise import NOISE
from studio.audits.npmi import NPMI
from studio.audits.parity import PARITY
from studio.audits.representation import REPRESENTATION
from studio.audits.scores import SCORES
from studio.audits.shortcuts import SHORTCUTS
from studio.audits.topics import TOPICS
from studio.audits.trends import TRENDS
from studio.audits.weat import WEAT
from studio.records import Audit

__all__ = ["AUDITS", "N_FAMILIES", "VERSION", "Context", "run"]
AUDITS: tuple[Audit, ...] = (
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
VERSION = 6  # part of every stored finding's key; raised with any formula or threshold
N_FAMILIES = len(AUDITS)  # audits read together, whether or not a corpus has what they need (decision 0162)
