from __future__ import annotations

from studio.records import Actor
from studio.settings import Settings
from studio.store import annotation_facts, snapshots
from studio.workflows import annotate
from studio.workflows.studio import open_studio
from tests.workflows import small_corpus


def test_states_and_rounds_of_each_kind(workspace):
    """A label for round 1, one since, a skip, a stale label, one taken back, and labels the corpus came with."""
    opened = open_studio(Settings(workspace=workspace, device="cpu"), supervise=False)
    try:
        store, actor = opened.store, Actor("ann", "annotator")
        made = small_corpus.make(store, n=40)
        corpus_id = snapshots.require(store, made).corpus_id
        before = annotation_facts.states(store, made).to_pandas().set_index("example_id")
        assert before["state"].value_counts().to_dict() == {"unlabelled": 24, "imported": 16}
        pool = before.index[before["state"] == "unlabelled"].tolist()
        first, late, skipped, stale, undone = pool[:5]
        queue = small_corpus.freeze(store, made, pool[:5])
        mark = annotation_facts.mark(store, made)

        def shown(example_id, row_hash):
            return annotate.Shown(corpus_id, made, queue, example_id, row_hash)

        hashes = {i: opened.store.one("SELECT row_hash FROM read_parquet($f) WHERE example_id = $i", {
            "f": str(workspace.examples_file(made).resolve()), "i": i})[0] for i in pool[:5]}  # fmt: skip
        annotate.label(opened, actor, shown=shown(first, hashes[first]), value="login", event_id="a")
        with store.write() as cursor:
            cursor.execute(
                "INSERT INTO round SELECT 'r', $c, $s, 1, 'one', 'selection', 'x', NULL, '{}', 1, 1, 0, 0, '{}', '', "
                "0, now() + INTERVAL 1 SECOND, 'a'", {"c": corpus_id, "s": made})  # fmt: skip
            cursor.execute("UPDATE annotation SET created_at = created_at - INTERVAL 1 DAY")
        annotate.label(opened, actor, shown=shown(stale, "another text"), value="login", event_id="b")
        annotate.label(opened, actor, shown=shown(late, hashes[late]), value="refund", event_id="c")
        with store.write() as cursor:
            cursor.execute("UPDATE round SET created_at = created_at - INTERVAL 1 HOUR")
        annotate.skip(opened, actor, shown=shown(skipped, hashes[skipped]), event_id="d")
        annotate.label(opened, actor, shown=shown(undone, hashes[undone]), value="login", event_id="e")
        annotate.undo(opened, actor, selection_id=queue, supersedes="e", event_id="f")
        after = annotation_facts.states(store, made).to_pandas().set_index("example_id")
        assert after.loc[[first, late, skipped, stale, undone], "state"].tolist() == [
            "labelled", "labelled", "skipped", "stale", "unlabelled"]  # fmt: skip
        assert after.loc[[first, late, stale], "round"].tolist() == [1, 0, 0]
        assert after["round"].notna().sum() == 3
        assert annotation_facts.mark(store, made) != mark
    finally:
        opened.close()
