"""The current label is the fold of the events; corpus labels show through only outside the pool."""

from __future__ import annotations

import uuid

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from studio.errors import AnnotationError
from studio.records import AnnotationEvent
from studio.settings import Workspace
from studio.store import annotations, labels
from studio.store.connection import Store

CORPUS = """INSERT INTO corpus (corpus_id, name, language, task, created_at, created_by, next_example_id)
VALUES ($c, 'n', 'en', 'classification', now(), 'a', 100)"""
SNAPSHOT = """INSERT INTO snapshot (snapshot_id, corpus_id, name, language, task, n_examples, n_rejects, "groups",
label_names, columns, manifest, created_at, created_by)
VALUES ($s, $c, 'n', 'en', 'classification', 6, 0, [], ['a', 'b'], ['text', 'label'], '{}', now(), 'a')"""
ROWS = pd.DataFrame(
    {
        "example_id": [1, 2, 3, 4, 5, 6],
        "text": list("tuvwxy"),
        "label": ["a", "b", "a", "b", None, "a"],
        "row_hash": [f"h{n}" for n in range(1, 7)],
    }
)
SPLITS = {1: "pool", 2: "pool", 3: "train", 4: "validation", 5: "test", 6: "test"}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    store = Store(Workspace(tmp_path_factory.mktemp("w")).make())
    make_corpus(store, "c", "s")
    yield store
    store.close()


def make_corpus(store: Store, corpus_id: str, snapshot_id: str) -> None:
    file = store.workspace.examples_file(snapshot_id)
    if not file.exists():
        file.parent.mkdir()
        ROWS.to_parquet(file)
    with store.write() as cursor:
        cursor.execute(CORPUS, {"c": corpus_id})
        cursor.execute(SNAPSHOT, {"s": snapshot_id, "c": corpus_id})
        for example_id, split in SPLITS.items():
            cursor.execute("INSERT INTO split VALUES ($s, $e, $p)", {"s": snapshot_id, "e": example_id, "p": split})


def event(corpus_id, kind, example_id=1, value="a", **more) -> AnnotationEvent:
    payload = {"version": 1, "kind": "class", "value": value} if kind == "label" else {"version": 1}
    values = {"row_hash": f"h{example_id}", "split": "train" if kind == "label" else None} | more
    return AnnotationEvent(
        event_id=uuid.uuid4().hex,
        corpus_id=corpus_id,
        snapshot_id="s",
        example_id=example_id,
        event=kind,
        payload=payload,
        actor="ann",
        role="annotator",
        selection_id="q",
        **values,
    )


def table(store, snapshot_id="s"):
    return labels.current(store, snapshot_id).set_index("example_id")


def test_pool_labels_of_the_corpus_stay_hidden(store):
    make_corpus(store, "c1", "s1")
    seen = table(store, "s1")
    assert seen.label.to_dict() == {3: "a", 4: "b", 6: "a"}
    assert seen.split.to_dict() == {3: "train", 4: "validation", 6: "test"} and set(seen.origin) == {"corpus"}
    assert labels.hidden(store, "s1").example_id.tolist() == [1, 2, 3, 4, 6]
    assert labels.hidden(store, "s1", [2]).label.tolist() == ["b"]
    assert labels.has_corpus_labels(store, "s1") and labels.has_corpus_validation(store, "s1")
    assert labels.pool_left(store, "s1") == [1, 2]


def test_an_annotation_wins_goes_where_it_was_sent_and_a_changed_text_is_flagged(store):
    make_corpus(store, "c2", "s2")
    annotations.append(
        store,
        [
            event("c2", "label", 1, "b", split="validation"),
            event("c2", "label", 2, "x", row_hash="old", simulated=True),
            event("c2", "label", 4, "a"),
        ],
    )
    seen = table(store, "s2")
    assert seen.loc[1, ["label", "origin", "split", "decided"]].tolist() == ["b", "annotation", "validation", "pool"]
    assert bool(seen.loc[2, "stale"]) and bool(seen.loc[2, "simulated"]) and not seen.loc[2, "row_hash_ok"]
    assert seen.loc[4, ["label", "split"]].tolist() == ["a", "validation"], "an annotation never moves a decided row"
    assert not seen.loc[3, "simulated"] and labels.pool_left(store, "s2") == []
    counted = labels.counts(store, "s2")
    assert counted.n.sum() == 5 and counted[counted.simulated].n.sum() == 1


def test_added_labels_follow_the_corpus_labels_and_guidelines_are_kept(store):
    make_corpus(store, "c3", "s3")
    labels.add_name(store, "s3", "new")
    labels.add_name(store, "s3", "旧")
    labels.set_guidelines(store, "c3", "读两遍")
    labels.set_guidelines(store, "c3", "读三遍")
    assert labels.names(store, "s3") == ["a", "b", "new", "旧"] and labels.guidelines(store, "c3") == "读三遍"
    with pytest.raises(AnnotationError):
        labels.current(store, "unknown")


def fold(events: list[AnnotationEvent]) -> dict[int, str]:
    """The rule in its plainest form: drop what was undone, then the last label of each example."""
    undone = {e.supersedes for e in events if e.event == "undo"}
    return {e.example_id: e.label for e in events if e.event == "label" and e.event_id not in undone}


STEP = st.one_of(
    st.tuples(st.just("label"), st.sampled_from([1, 2, 3]), st.sampled_from("abx")),
    st.tuples(st.sampled_from(["skip", "note"]), st.sampled_from([1, 2, 3]), st.just("")),
    st.tuples(st.sampled_from(["undo", "redo"]), st.just(0), st.just("")),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(STEP, max_size=12))
def test_any_history_folds_to_the_same_labels_in_sql(store, steps):
    corpus_id = snapshot_id = uuid.uuid4().hex
    make_corpus(store, corpus_id, snapshot_id)
    history: list[AnnotationEvent] = []
    for kind, example_id, value in steps:
        if kind == "undo":
            last = annotations.last_of(store, corpus_id, "q", "ann")
            undone = {e.supersedes for e in history if e.event == "undo"}
            live = [e for e in history if e.event in ("label", "skip") and e.event_id not in undone]
            assert last == (live[-1] if live else None)
            if last is None:
                continue
            made = event(corpus_id, "undo", last.example_id, supersedes=last.event_id)
        elif kind == "redo":
            back = annotations.last_undone_of(store, corpus_id, "q", "ann")
            last_act = [e for e in history if e.event != "note"]
            assert (back is not None) == bool(last_act and last_act[-1].event == "undo")
            if back is None:
                continue
            made = event(corpus_id, back.event, back.example_id, back.label or "")
        else:
            made = event(corpus_id, kind, example_id, value)
        history += annotations.append(store, [made])
    seen = table(store, snapshot_id)
    assert seen[seen.origin == "annotation"].label.to_dict() == fold(history)
    assert annotations.events(store, corpus_id) == history
