"""What a choice costs: how much there is to read, how long labelling takes at the pace of this corpus."""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import stats

from studio.records import Array, Snapshot
from studio.store import examples, proposals, selections
from studio.tokenise import units
from studio.workflows.select import Choice
from studio.workflows.studio import Studio

LEAST_PACE, MOST_PACE = 20, 500  # labels the pace is taken from
PAUSE_MS = 300_000  # ours: a label that took longer than five minutes was a pause
_KEPT = 16
_lock = threading.Lock()
_read: OrderedDict[tuple[str, str, str], tuple[int, int]] = OrderedDict()


def of_choice(studio: Studio, snapshot: Snapshot, choice: Choice) -> dict[str, Any]:
    """The cost of a choice now; see `cost`."""
    return cost(studio, corpus_id=snapshot.corpus_id, snapshot_id=snapshot.snapshot_id, ids=choice.ids)


def cost(studio: Studio, *, corpus_id: str, snapshot_id: str, ids: Array) -> dict[str, Any]:
    """characters, words (each Chinese character counts as one), pace (see `pace`, or None) and n_durations.

    The texts are read once per set of ids.

    Args:
        studio: the open workspace.
        corpus_id: whose labels the pace is measured on.
        snapshot_id: whose texts.
        ids: which examples.
    """
    key = (str(studio.workspace.root), snapshot_id, selections.hash_ids(np.sort(np.asarray(ids, np.int64))))
    found = _read.get(key)
    if found is None:
        texts = examples.by_ids(studio.store, snapshot_id, ids, ["example_id", "text"])["text"].dropna()
        found = int(texts.str.len().sum()), int(sum(len(units(text)) for text in texts))
        with _lock:
            _read[key] = found
            while len(_read) > _KEPT:
                _read.popitem(last=False)
    characters, words = found
    given = proposals.durations(studio.store, corpus_id, MOST_PACE)
    return {"characters": characters, "words": words, "pace": pace(given, len(ids)), "n_durations": len(given)}


def pace(durations_ms: Sequence[int], n: int) -> dict[str, Any] | None:
    """How long n labels take at the pace measured in this corpus; None below 20 labels.

    minutes = n * m / 60 with m the mean seconds of the newest 500 labels, those of more than five minutes left out as
    pauses; low, high = the same with m -+ 1.96 s / sqrt(k), s their standard deviation and k their number. The mean,
    not the median: a few slow labels are part of the work. median with its distribution-free 95 % interval (order
    statistics by the binomial) says what one label usually takes.

    Limits: the pace of those who labelled before, on what they saw; other people and harder examples take longer.

    Example:
        >>> round(pace([6_000] * 10 + [8_000] * 10, 60)["minutes"], 9)
        7.0
    """
    seconds = np.array([value / 1000 for value in durations_ms if value <= PAUSE_MS], dtype=np.float64)
    if len(seconds) < LEAST_PACE:
        return None
    mean, half = float(seconds.mean()), float(1.96 * seconds.std(ddof=1) / math.sqrt(len(seconds)))
    ordered = np.sort(seconds)
    edge = int(stats.binom.ppf(0.025, len(ordered), 0.5))  # P(fewer than edge below the median) < 2.5 %
    return {
        "seconds": mean,
        "minutes": n * mean / 60,
        "low": n * max(0.0, mean - half) / 60,
        "high": n * (mean + half) / 60,
        "labels": len(seconds),
        "pauses": len(durations_ms) - len(seconds),
        "median": float(np.median(ordered)),
        "median_low": float(ordered[edge - 1]),
        "median_high": float(ordered[len(ordered) - edge]),
    }
