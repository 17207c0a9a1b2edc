"""What the map must draw whatever the draw leaves out: opened, outlying, of the last selection, last labelled."""

from __future__ import annotations

import numpy as np

from studio.records import Actor
from studio.settings import Settings
from studio.store import snapshots, vectors
from studio.workflows import annotate, explore_colours
from studio.workflows.studio import open_studio
from tests.workflows import small_corpus


def test_opened_then_outlying_then_selected_then_labelled(workspace):
    opened = open_studio(Settings(workspace=workspace, device="cpu"), supervise=False)
    try:
        snapshot_id = small_corpus.make(opened.store, n=60)
        snapshot = snapshots.require(opened.store, snapshot_id)

        def wanted(example=""):
            return explore_colours.must_draw(opened, snapshot, example, 100).tolist()

        assert wanted() == []
        queue = small_corpus.freeze(opened.store, snapshot_id, [7, 5])
        for number, example_id in enumerate((9, 5)):
            shown = annotate.Shown(snapshot.corpus_id, snapshot_id, queue, example_id, "h")
            annotate.label(opened, Actor("ann", "annotator"), shown=shown, value="login", event_id=f"e{number}")
        assert wanted("33") == [33, 7, 5, 5, 9]
        assert wanted("nonsense") == wanted("9" * 30) == [7, 5, 5, 9]
        folder = workspace.vectors_dir(snapshot_id, "lexical@1") / "knn_12"
        folder.mkdir(parents=True)
        radius = np.full((60, 12), 0.1, dtype=np.float32)
        radius[[20, 40]] = [[0.9], [0.7]]
        np.save(folder / "dist.npy", radius)
        meta = {
            "encoder": "lexical",
            "version": 1,
            "dim": 2,
            "n": 60,
            "k": 12,
            "unknown_share": 0.0,
            "content_hash": "x",
        }
        path = folder.parent.relative_to(workspace.root).as_posix()
        vectors.put(opened.store, snapshot_id, meta, path=path, run_id=None)
        found = wanted("33")
        assert found[:3] == [33, 21, 41] and found[-4:] == [7, 5, 5, 9], "ids are positions + 1"
        some = np.array([5, 9, 33])
        assert some[explore_colours.positions(some, np.array([33, 7, 5, 5, 9]))].tolist() == [33, 5, 5, 9]
    finally:
        opened.close()
