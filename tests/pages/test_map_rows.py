"""What the map must draw whatever the draw leaves out: the opened example, the last selection, the last labels."""

from __future__ import annotations

import numpy as np

from pages._ui import explore_data
from studio.records import Actor
from studio.settings import Settings
from studio.store import snapshots
from studio.workflows import annotate
from studio.workflows.studio import open_studio
from tests.workflows import small_corpus


def test_opened_then_selected_then_labelled(workspace):
    opened = open_studio(Settings(workspace=workspace, device="cpu"), supervise=False)
    try:
        snapshot_id = small_corpus.make(opened.store, n=60)
        snapshot = snapshots.require(opened.store, snapshot_id)
        ids = np.arange(1, 61)
        assert explore_data.must_draw(opened, snapshot, ids, "").tolist() == []
        queue = small_corpus.freeze(opened.store, snapshot_id, [7, 5])
        for number, example_id in enumerate((9, 5)):
            shown = annotate.Shown(snapshot.corpus_id, snapshot_id, queue, example_id, "h")
            annotate.label(opened, Actor("ann", "annotator"), shown=shown, value="login", event_id=f"e{number}")
        assert ids[explore_data.must_draw(opened, snapshot, ids, "33")].tolist() == [33, 7, 5, 5, 9]
        filtered = np.array([5, 9, 33])
        assert filtered[explore_data.must_draw(opened, snapshot, filtered, "nonsense")].tolist() == [5, 5, 9]
    finally:
        opened.close()
