"""Two versions of a corpus held against each other, every number worked out by hand."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from studio.corpus.schema import write_snapshot
from studio.errors import CorpusError
from studio.store import corpora, diffs, lineage, snapshots, splits


def _version(store, rows, *, name, parent=None, corpus="c1", **facts) -> str:
    manifest = write_snapshot(rows, store.workspace.snapshots, groups=("g",), **facts)
    corpora.add(store, corpus_id=corpus, name="C", language="en", task="classification", by="t")
    snapshots.add(store, manifest, corpus_id=corpus, name=name, by="t", parent_id=parent)
    return manifest["snapshot_id"]


def _row(i, text=None, label="a", g="x", **more):
    return {"example_id": i, "text": text or f"text {i}", "label": label, "group_g": g, **more}


@pytest.fixture
def two(store):
    """10 rows; 2 dropped by a step, 1 dropped without a word, 1 text, 2 labels and 1 group changed, 3 added."""
    old = _version(store, [_row(i) for i in range(10)], name="one")
    new_rows = [_row(3, "TEXT 3"), _row(4, label="b"), _row(5, label="b"), _row(6, g="y"), _row(7), _row(8), _row(9)]
    new_rows += [_row(i, g="y") for i in (10, 11, 12)]
    new = _version(store, new_rows, name="two", parent=old, lineage={"method": "clean", "steps": ["short texts"]})
    table = pa.table(
        {"example_id": [0, 1], "step": ["1", "1"], "reason": ["too_short", "too_short"], "detail": ["6", "6"]}
    )
    pq.write_table(table, diffs.dropped_file(store, new))
    for snapshot_id, ids, test in ((old, range(10), (3, 4)), (new, range(3, 13), (4, 7))):
        names = np.array(["test" if i in test else "pool" for i in ids], dtype=object)
        splits.decide(store, snapshot_id, ids=np.array(ids), names=names, method="random", seed=0, shares={}, by="t")
    return old, new


def test_every_number_is_exact(store, two):
    assert diffs.facts(store, *two) == {"before": 10, "after": 10, "added": 3, "dropped": 3, "text": 1, "label": 2,
                                        "fields": 0, "attributes": 1, "moved": 2}  # fmt: skip
    found = diffs.reasons(store, *two, [two[1]])
    assert found.values.tolist() == [["1", "too_short", 2], ["", "absent", 1]]
    assert diffs.reasons(store, *two, []).values.tolist() == [["", "absent", 3]]
    assert diffs.label_changes(store, *two).values.tolist() == [["a", "b", 2]]
    assert diffs.split_moves(store, *two).values.tolist() == [["pool", "pool", 4], ["pool", "test", 1],
                                                              ["test", "pool", 1], ["test", "test", 1]]  # fmt: skip
    assert diffs.shares(store, *two, "group_g").values.tolist() == [["x", 10, 7, 6], ["y", 0, 0, 4]]


def test_the_rows_behind_each_number_and_no_label_of_the_pool(store, two):
    for kind in diffs.KINDS:
        assert len(diffs.rows(store, *two, kind, between=[two[1]])) == diffs.facts(store, *two)[kind]
    dropped = diffs.rows(store, *two, "dropped", between=[two[1]], part="too_short")
    assert dropped["example_id"].tolist() == [0, 1] and dropped["detail"].tolist() == ["6", "6"]
    labels = diffs.rows(store, *two, "label")
    # 4 is a test example in both versions, so its labels show; 5 lies in the pool
    assert labels[["example_id", "before_label", "after_label"]].fillna("").values.tolist() == [
        [4, "a", "b"],
        [5, "", ""],
    ]
    assert diffs.rows(store, *two, "added", limit=1, offset=1)["example_id"].tolist() == [11]
    with pytest.raises(CorpusError):
        diffs.rows(store, *two, "nothing")


def test_only_versions_of_one_corpus_are_compared(store, two):
    other = _version(store, [_row(0)], name="other", corpus="c2")
    with pytest.raises(CorpusError, match="one corpus"):
        diffs.facts(store, two[0], other)
    with pytest.raises(CorpusError):
        diffs.shares(store, *two, "group_none")


def test_the_lineage_knows_parents_methods_and_steps(store, two):
    known = lineage.versions(store, "c1")
    assert [(v.number, v.depth, v.method, v.steps) for v in known] == [
        (1, 0, "import", ()),
        (2, 1, "clean", ("short texts",)),
    ]
    assert [v.snapshot.snapshot_id for v in lineage.ancestors(store, two[1])] == list(two)
