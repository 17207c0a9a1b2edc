"""Splitting again: what would move, what it does to labels and rounds, consent, restoring, leaks and mending them."""

from __future__ import annotations

import json
import uuid

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from studio.corpus.importing import Source, import_files
from studio.corpus.roles import Roles
from studio.corpus.schema import write_snapshot
from studio.corpus.splits import METHODS
from studio.errors import AccessError, CorpusError, StoreError
from studio.records import SPLITS, Actor, AnnotationEvent
from studio.settings import Settings
from studio.store import annotations, corpora, examples, rounds, snapshots
from studio.store import splits as split_rows
from studio.workflows import adopt, split_leaks, splits
from studio.workflows.studio import open_studio
from tests.workflows import small_corpus

ANALYST = Actor("lee", "analyst")
STRATIFIED = {"method": "stratified", "strata": ["label"], "seed": 3}


@pytest.fixture
def studio(workspace):
    opened = open_studio(Settings(workspace=workspace), supervise=False)
    yield opened
    opened.close()


def _copies(store, *, n: int = 40) -> str:
    """40 texts; 0 and 20 are equal, 1 and 21 nearly equal with another label."""
    base = "the parcel of my order number {i} came late and the box was open on one side when it reached my door"
    rows = [
        {
            "example_id": i,
            "text": base.format(i=i * 1111) + f" word{i} thing{i * 7} item{i * 13} about{i}",
            "label": "ab"[i % 2],
            "source": f"desk {i % 5}",
            "time": f"2024-01-{1 + i % 28:02}",
        }
        for i in range(n)
    ]
    rows[20] = rows[20] | {"text": rows[0]["text"].upper()}
    rows[21] = rows[21] | {"text": rows[1]["text"] + " please", "label": "a"}
    manifest = write_snapshot(rows, store.workspace.snapshots)
    corpora.add(store, corpus_id="c", name="C", language="en", task="classification", by="t")
    snapshots.add(store, manifest, corpus_id="c", name="C", by="t")
    names = np.array(["pool"] * 20 + ["validation"] * 5 + ["test"] * 15, dtype=object)
    names[20], names[21], names[30], names[31] = "test", "test", "validation", "validation"
    split_rows.decide(store, manifest["snapshot_id"], ids=np.arange(n), names=names, method="random", seed=1, shares={},
                      by="t")  # fmt: skip
    return manifest["snapshot_id"]


def _round(store, snapshot_id: str, openings: int) -> None:
    values = {"round_id": "r1", "corpus_id": "c", "snapshot_id": snapshot_id, "name": "R", "arm": "selection"}
    values |= {"run_id": "x", "loop_id": None, "plan": {}, "n_train": 1, "n_validation": 1, "accuracy": 0.5}
    values |= {"macro_f1": 0.5, "report": {}, "path": "models/r1", "test_openings": openings, "created_by": "t"}
    rounds.add(store, values)


def test_a_plan_is_shown_before_it_is_decided(studio):
    snapshot_id = small_corpus.make(studio.store, n=200)
    found = splits.preview(studio, snapshot_id, STRATIFIED)
    assert found.after == {"pool": 140, "train": 0, "validation": 20, "test": 40}
    assert sum(found.moves.values()) == found.n_moved > 0
    assert split_rows.counts(studio.store, snapshot_id) == {"pool": 120, "validation": 60, "test": 20}
    splits.decide(studio, ANALYST, snapshot_id=snapshot_id, plan=STRATIFIED)
    table = splits.shares_by_split(studio, snapshot_id, splits.in_force(studio, snapshot_id), "label")
    assert (table["n"] == table["size"] / 4).all() and len(table) == 12  # four labels of 50, alike in three splits
    assert splits.preview(studio, snapshot_id, STRATIFIED).n_moved == 0


def test_annotated_examples_and_rounds_are_named(studio):
    snapshot_id = small_corpus.make(studio.store, n=60)
    pool = split_rows.ids(studio.store, snapshot_id, "pool")
    found = examples.by_ids(studio.store, snapshot_id, pool[:10], ("example_id", "row_hash"))
    corpus_id = snapshots.require(studio.store, snapshot_id).corpus_id
    annotations.append(studio.store, [
        AnnotationEvent(str(uuid.uuid4()), corpus_id, snapshot_id, int(i), h,
                        "label", "lee", "annotator", {"version": 1, "kind": "class", "value": "login"}, split="train")
        for i, h in found.itertuples(index=False)
    ])  # fmt: skip
    _round(studio.store, snapshot_id, 0)
    found = splits.preview(studio, snapshot_id, {"method": "random", "seed": 9})
    assert 0 < sum(found.labelled.values()) <= 10 and all(before == "pool" for before, _ in found.labelled)
    assert found.n_rounds == 1 and not found.needs_consent and found.hidden > 0 and found.shown > 0


def test_examples_leave_an_opened_test_split_only_with_consent(studio):
    snapshot_id = small_corpus.make(studio.store, n=100)
    _round(studio.store, snapshot_id, 2)
    plan = {"method": "random", "seed": 9}
    found = splits.preview(studio, snapshot_id, plan)
    assert found.needs_consent and found.openings == 2 and found.out_of_test > 0
    with pytest.raises(CorpusError, match="opened"):
        splits.decide(studio, ANALYST, snapshot_id=snapshot_id, plan=plan)
    splits.decide(studio, ANALYST, snapshot_id=snapshot_id, plan=plan, accept_test_leaves=True)
    with pytest.raises(AccessError):
        splits.decide(studio, Actor("x", "annotator"), snapshot_id=snapshot_id, plan=plan)


def test_an_earlier_decision_comes_back_example_by_example(studio):
    snapshot_id = small_corpus.make(studio.store, n=80)
    first = splits.in_force(studio, snapshot_id).tolist()
    splits.decide(studio, ANALYST, snapshot_id=snapshot_id, plan=STRATIFIED)
    second = splits.in_force(studio, snapshot_id).tolist()
    known = splits.history(studio, snapshot_id)
    assert [one["method"] for one in known] == ["stratified", "random"] and first != second
    splits.restore(studio, ANALYST, snapshot_id=snapshot_id, decision_id=known[1]["decision_id"])
    assert splits.in_force(studio, snapshot_id).tolist() == first
    known = splits.history(studio, snapshot_id)
    assert len(known) == 3 and known[0]["plan"]["restored_from"] == known[2]["decision_id"]
    with pytest.raises(StoreError):
        splits.restore(studio, ANALYST, snapshot_id=snapshot_id, decision_id="nothing")


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(0, 2**31 - 1), min_size=1, max_size=4), st.data())
def test_any_decision_on_record_can_be_restored(studio, seeds, data):
    known = snapshots.list_all(studio.store)
    snapshot_id = known[0].snapshot_id if known else small_corpus.make(studio.store, n=30)
    made = []
    for seed in seeds:
        made.append((splits.decide(studio, ANALYST, snapshot_id=snapshot_id, plan={"seed": seed}),
                     splits.in_force(studio, snapshot_id).tolist()))  # fmt: skip
    decision_id, names = data.draw(st.sampled_from(made))
    splits.restore(studio, ANALYST, snapshot_id=snapshot_id, decision_id=decision_id)
    assert splits.in_force(studio, snapshot_id).tolist() == names


def test_a_decision_made_before_assignments_were_kept_is_kept_when_it_is_replaced(studio):
    snapshot_id = small_corpus.make(studio.store, n=20)
    with studio.store.write() as cursor:
        cursor.execute("UPDATE split_decision SET assignment = NULL, decision_id = NULL, plan = NULL")
    before = splits.in_force(studio, snapshot_id).tolist()
    splits.decide(studio, ANALYST, snapshot_id=snapshot_id, plan=STRATIFIED)
    old = splits.history(studio, snapshot_id)[1]
    assert old["is_kept"]
    splits.restore(studio, ANALYST, snapshot_id=snapshot_id, decision_id=old["decision_id"])
    assert splits.in_force(studio, snapshot_id).tolist() == before


def test_leaks_are_found_shown_and_mended(studio):
    snapshot_id = _copies(studio.store)
    found = split_leaks.report(studio, snapshot_id)
    assert {(leak.kind, leak.first, leak.second, leak.n_second) for leak in found.leaks if leak.n_pairs} == {
        ("exact", "pool", "test", 1), ("near", "pool", "test", 1), ("conflict", "pool", "test", 1)}  # fmt: skip
    assert found.n_mendable == 4 and found.encoder is None
    pairs, n = split_leaks.side_by_side(studio, snapshot_id, found, "near", "pool", "test")
    assert n == 1 and pairs.loc[0, ["second_id", "first_id"]].tolist() == [21, 1]
    assert 0.7 <= pairs.loc[0, "likeness"] < 1
    assert pairs.loc[0, "second_label"] == "a" and pairs.isna().loc[0, "first_label"]  # the pool's label stays hidden
    plan = split_leaks.mending_plan(studio, snapshot_id)
    mended = splits.preview(studio, snapshot_id, plan)
    assert mended.n_moved == 2 and not mended.labelled
    splits.decide(studio, ANALYST, snapshot_id=snapshot_id, plan=plan)
    assert split_leaks.report(studio, snapshot_id).n_mendable == 0
    assert split_leaks.mending_plan(studio, snapshot_id)["guard"] == []
    _round(studio.store, snapshot_id, 1)
    assert split_leaks.mending_plan(studio, snapshot_id)["guard"] == ["test"]


def test_every_method_works_on_a_snapshot_or_says_why_not(studio):
    snapshot_id = _copies(studio.store)
    needs = {
        "stratified": {"strata": ["label"]},
        "grouped": {"together": ["near", "source"]},
        "mended": {"together": ["near"]},
    }
    for method in METHODS:
        plan = {"method": method, "seed": 2, **needs.get(method, {})}
        if method == "imported":
            with pytest.raises(CorpusError, match="names no split"):
                splits.preview(studio, snapshot_id, plan)
        else:
            assert sum(splits.preview(studio, snapshot_id, plan).after.values()) == 40
    assert splits.columns_to_split_by(studio, snapshot_id) == {"strata": ["label", "source"], "together": ["source"],
                                                               "time": ["time"], "imported": []}  # fmt: skip
    by_desk = splits.preview(studio, snapshot_id, {"method": "grouped", "together": ["source"]})
    desks = [f"desk {i % 5}" for i in range(40)]
    for desk in set(desks):
        assert len({by_desk.found.names[i] for i in range(40) if desks[i] == desk}) == 1


def test_an_original_column_without_a_role_holds_its_rows_together(studio, tmp_path):
    """Forty posts of eight authors, twenty threads of two: no author and no thread lies in two splits."""
    path = tmp_path / "posts.jsonl"
    rows = [{"text": f"post number {i} about thing {i * 7}", "label": "ab"[i % 2], "writer": f"W{i % 8}",
             'thread "x"': f"T{i // 2}", "likes": i, "note": "long " * 60} for i in range(40)]  # fmt: skip
    path.write_text("\n".join(json.dumps(row) for row in rows), "utf-8")
    result = import_files([Source(path, path.name)], Roles(text="text", label="label"),
                          studio.store.workspace.snapshots, rejects_path=tmp_path / "rejects.jsonl")  # fmt: skip
    corpora.add(studio.store, corpus_id="p", name="P", language="en", task="classification", by="t")
    snapshots.add(studio.store, result.manifest, corpus_id="p", name="P", by="t")
    able = splits.columns_to_split_by(studio, result.snapshot_id)
    assert able["together"] == ['meta.thread "x"', "meta.writer"]  # likes differ in every row, notes are texts
    assert able["strata"] == ["label", 'meta.thread "x"', "meta.writer"]
    plan = {"method": "grouped", "together": ["meta.writer"], "seed": 5}
    names = splits.preview(studio, result.snapshot_id, plan).found.names
    for writer in range(8):
        assert len({names[i] for i in range(40) if i % 8 == writer}) == 1
    plan = {"method": "grouped", "together": ['meta.thread "x"'], "seed": 5}
    names = splits.preview(studio, result.snapshot_id, plan).found.names
    assert all(names[i] == names[i + 1] for i in range(0, 40, 2)) and len(set(names)) == 3
    table = splits.shares_by_split(studio, result.snapshot_id, names, "meta.writer")
    assert table.groupby("value")["n"].sum().tolist() == [5] * 8
    with pytest.raises(CorpusError, match="no such column"):
        splits.preview(studio, result.snapshot_id, plan | {"together": ["meta.nobody"]})


def test_an_import_that_cannot_be_split_as_asked_is_split_at_random_and_says_so(studio):
    snapshot_id = small_corpus.make(studio.store, n=20)
    adopt.assign_splits(studio, snapshot_id, {"method": "time"}, "lee", None)
    last = splits.history(studio, snapshot_id)[0]
    assert last["method"] == "random" and last["notes"][0][0] == "refused"
    with pytest.raises(CorpusError):
        adopt.assign_splits(studio, snapshot_id, {"method": "time"}, "lee", None, strict=True)


def test_two_examples_and_shares_that_do_not_add_up(studio):
    manifest = write_snapshot([{"text": "a"}, {"text": "b"}], studio.store.workspace.snapshots)
    corpora.add(studio.store, corpus_id="t", name="T", language="en", task="classification", by="t")
    snapshots.add(studio.store, manifest, corpus_id="t", name="T", by="t")
    two = manifest["snapshot_id"]
    assert splits.preview(studio, two, {}).after == {"pool": 2, "train": 0, "validation": 0, "test": 0}
    assert {note[1]["split"] for note in splits.preview(studio, two, {}).found.notes} == {"validation", "test"}
    for bad in ({"shares": {"pool": 0.5}}, {"method": "time"}, {"method": "stratified", "strata": ["nothing"]}):
        with pytest.raises(CorpusError):
            splits.preview(studio, two, bad)
    assert set(SPLITS) == set(splits.preview(studio, two, {}).before)
