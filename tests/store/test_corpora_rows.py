"""Rows of corpora, snapshots, splits and references."""

from __future__ import annotations

import numpy as np
import pytest

from studio.corpus import schema
from studio.errors import CorpusError
from studio.store import corpora, references, snapshots, splits


def _snapshot(store, corpus_id="c", n=4, name="C", **how):
    corpora.add(store, corpus_id=corpus_id, name=name, language="zh", task="classification", by="t")
    rows = [{"text": f"{corpus_id} {n} {i}", "label": "ab"[i % 2], "group_age": "x"} for i in range(n)]
    manifest = schema.write_snapshot(rows, store.workspace.snapshots, groups=["age"], language="zh")
    assert snapshots.add(store, manifest, corpus_id=corpus_id, name=name, by="t", **how)
    return manifest


def test_a_snapshot_is_kept_with_what_is_inside(store):
    manifest = _snapshot(store, run_id="r1")
    found = snapshots.get(store, manifest["snapshot_id"])
    assert (found.language, found.n_examples, found.groups, found.label_names) == ("zh", 4, ("age",), ("a", "b"))
    assert found.group_columns == ("group_age",)
    assert found.manifest["content_sha256"].startswith(found.snapshot_id)
    assert found.created_at.endswith("+00:00")
    assert snapshots.of_run(store, "r1") == found.snapshot_id
    assert snapshots.get(store, "nope") is None
    with pytest.raises(CorpusError, match="not known"):
        snapshots.require(store, "nope")


def test_adding_twice_changes_nothing(store):
    manifest = _snapshot(store)
    assert not snapshots.add(store, manifest, corpus_id="other", name="other", by="u")
    assert [item.corpus_id for item in snapshots.list_all(store)] == ["c"]


def test_corpora_are_listed_with_their_newest_snapshot(store):
    _snapshot(store, "c", 4)
    newest = _snapshot(store, "c", 6)
    _snapshot(store, "d", 3, "D")
    listed = corpora.list_all(store)
    assert listed["corpus_id"].tolist() == ["d", "c"]
    row = listed.iloc[1]
    assert (row["snapshot_id"], row["n_examples"], row["n_snapshots"]) == (newest["snapshot_id"], 6, 2)
    assert [item.n_examples for item in snapshots.of_corpus(store, "c")] == [6, 4]
    assert corpora.named(store, "d")["corpus_id"] == "d"
    assert corpora.named(store, "nope") is None
    with pytest.raises(CorpusError, match="not known"):
        corpora.get(store, "nope")


def test_the_id_counter_never_goes_back(store):
    _snapshot(store)
    for value in (10, 7, 12, 12, 3):
        corpora.set_next_example_id(store, "c", value)
    assert corpora.get(store, "c")["next_example_id"] == 12


def test_progress_counts_what_was_done(store):
    manifest = _snapshot(store)
    assert set(corpora.progress(store, manifest["snapshot_id"]).values()) == {0}
    assert corpora.progress(store, "nope")["train"] == 0


def test_a_new_split_decision_replaces_the_rows_and_keeps_the_record(store):
    snapshot_id = _snapshot(store)["snapshot_id"]
    assert splits.decision(store, snapshot_id) is None
    ids = np.arange(4)
    for seed, names in ((1, ["pool"] * 4), (2, ["pool", "test", "test", "train"])):
        splits.decide(store, snapshot_id, ids=ids, names=np.array(names, dtype=object), method="random", seed=seed,
                      shares={"pool": 1}, by="me")  # fmt: skip
    assert splits.counts(store, snapshot_id) == {"pool": 1, "test": 2, "train": 1}
    assert splits.ids(store, snapshot_id, "test").tolist() == [1, 2]
    assert splits.frame(store, snapshot_id)["split"].tolist() == ["pool", "test", "test", "train"]
    now = splits.decision(store, snapshot_id)
    assert (now["method"], now["seed"], now["shares"], now["created_by"]) == ("random", 2, {"pool": 1}, "me")
    assert store.one("SELECT count(*) FROM split_decision") == (2,)


def test_the_newest_reference_is_in_force_and_can_be_taken_back(store):
    for shares in ({"x": 0.5, "y": 0.5}, {"x": 0.25, "y": 0.75}):
        references.set_shares(store, "s", "age", shares, by="me", note="census")
    references.set_shares(store, "s", "地区", {"北": 1.0}, by="me")
    assert references.shares(store, "s") == {"age": {"x": 0.25, "y": 0.75}, "地区": {"北": 1.0}}
    assert references.decisions(store, "s")["age"]["note"] == "census"
    references.set_shares(store, "s", "age", {}, by="me")
    assert references.shares(store, "s") == {"地区": {"北": 1.0}}


@pytest.mark.parametrize("shares", [{"x": 0.5}, {"x": 1.5, "y": -0.5}, {"x": float("nan")}])
def test_shares_that_do_not_sum_to_one_are_refused(store, shares):
    with pytest.raises(CorpusError):
        references.set_shares(store, "s", "age", shares, by="me")
