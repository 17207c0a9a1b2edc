"""What the map must draw whatever the draw leaves out: opened, outlying, of the last selection, last labelled."""

from __future__ import annotations

import numpy as np

from studio.corpus import schema
from studio.records import Actor
from studio.settings import Settings
from studio.store import corpora, snapshots, splits, vectors
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


def test_several_labels_are_one_value_of_the_map_and_stay_hidden_in_the_pool(workspace):
    """The column was empty: it looked for the one label of an example."""
    opened = open_studio(Settings(workspace=workspace, device="cpu"), supervise=False)
    try:
        own = ['["love","joy"]', '["joy","love"]', '["joy"]', "[]", None, '["joy"]', '["hidden"]']
        rows = [{"example_id": i, "text": f"t{i}", "labels": value} for i, value in enumerate(own)]
        manifest = schema.write_snapshot(rows, workspace.snapshots, task="classification_multi")
        snapshot_id = manifest["snapshot_id"]
        corpora.add(opened.store, corpus_id="c", name="c", language="en", task="classification_multi", by="t")
        snapshots.add(opened.store, manifest, corpus_id="c", name="c", by="t")
        splits.decide(opened.store, snapshot_id, ids=np.arange(6), names=np.array(["train"] * 6, dtype=object),
                      method="random", seed=0, shares={}, by="t")  # fmt: skip
        snapshot = snapshots.require(opened.store, snapshot_id)
        found = explore_colours.column(opened, snapshot, "", "label_now")
        assert found.names == ("joy", "joy, love"), "equally common ones by name"
        assert found.codes.tolist() == [1, 1, 0, -1, -1, 0, -1]
    finally:
        opened.close()
