"""How many topics there are in effect, and how many of a reference's topics a set of examples reaches."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from studio.diversity.distributions import jensen_shannon
from studio.diversity.hill import effective_number
from studio.diversity.record import MOST, DiversityMeasure, Number, undefined
from studio.records import Array

if TYPE_CHECKING:
    from studio.diversity.rows import Rows

REACHED = 5  # ours: examples from which a topic counts as reached; fewer are a chance find


def _topics(rows: Rows) -> Number:
    """Effective number of topics, exp(-sum p ln p) over the shares p of the map's clusters; higher is more varied.

    Paper: hill-1973.
    Limits: clusters are those of one map; examples in none are left out.
    """
    inside = rows.clusters[rows.clusters >= 0]
    if not len(inside):
        return undefined("no_clusters")
    counts = np.bincount(inside)
    return Number(effective_number(counts), values={"clusters": int((counts > 0).sum())})


def _topics_reached(rows: Rows) -> Number:
    """Share of the reference's topics with at least five of these examples; higher covers more.

    Limits: a set smaller than five examples per topic cannot reach all of them.
    """
    theirs = _theirs(rows)
    if theirs is None:
        return undefined("no_clusters")
    own = np.bincount(rows.clusters[rows.clusters >= 0], minlength=len(theirs))[: len(theirs)]
    reached = int(((own >= REACHED) & (theirs > 0)).sum())
    n_topics = int((theirs > 0).sum())
    return Number(reached / n_topics, values={"reached": reached, "topics": n_topics, "least": REACHED})


def _topics_apart(rows: Rows) -> Number:
    """Jensen-Shannon divergence of the topic shares from the reference's, in nats: 0 the same, ln 2 nothing in common.

    Paper: lin-1991.
    """
    theirs = _theirs(rows)
    if theirs is None:
        return undefined("no_clusters")
    value = jensen_shannon(np.bincount(rows.clusters[rows.clusters >= 0], minlength=len(theirs)), theirs)
    return Number(value) if np.isfinite(value) else undefined("no_clusters")


def _theirs(rows: Rows) -> Array | None:
    counts = rows.reference.counts.get("clusters")
    return None if counts is None or not counts.sum() else counts


_BOTH = ("clusters", "reference")
TOPICS = DiversityMeasure("topics", "meaning", "diversity.name.topics", ("clusters",), "kinds", "varied", True, MOST, 1,
                          "hill-1973", _topics)  # fmt: skip
TOPICS_REACHED = DiversityMeasure("topics_reached", "meaning", "diversity.name.topics_reached", _BOTH, "share", "close",
                                  True, MOST, 1, "", _topics_reached)  # fmt: skip
TOPICS_APART = DiversityMeasure("topics_apart", "meaning", "diversity.name.topics_apart", _BOTH, "nats", "apart", True,
                                MOST, 1, "lin-1991", _topics_apart)  # fmt: skip
