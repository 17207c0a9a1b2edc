"""Labels of the train part as the pages read them: kept in memory while no label, split decision or round came in."""

from __future__ import annotations

import threading
from collections import OrderedDict

import pandas as pd

from studio.store import annotation_facts, labels
from studio.workflows.studio import Studio

_KEPT = 4
_kept: OrderedDict[tuple[str, str, str], pd.DataFrame] = OrderedDict()
_lock = threading.Lock()


def train(studio: Studio, snapshot_id: str) -> pd.DataFrame:
    """The rows of `labels.current` whose label is used for training; shared, so nobody writes into it.

    Raises:
        AnnotationError: an unknown snapshot.
    """
    key = (str(studio.workspace.root), snapshot_id, annotation_facts.mark(studio.store, snapshot_id))
    with _lock:
        if key in _kept:
            _kept.move_to_end(key)
            return _kept[key]
    known = labels.current(studio.store, snapshot_id)
    found = known[known["split"] == "train"]
    with _lock:
        _kept[key] = found
        while len(_kept) > _KEPT:
            _kept.popitem(last=False)
    return found
