"""Ratings and comparisons: append-only, durable, taken back by a new row, used only where the row is what it was."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest

from studio.errors import SelectionError
from studio.records import Actor
from studio.store import examples, purge, ratings, snapshots
from tests.conftest import ROOT
from tests.workflows import small_corpus

ANN, BEN = Actor("ann", "annotator"), Actor("ben", "annotator")


@pytest.fixture
def made(store):
    return small_corpus.make(store, n=40)


def hash_of(store, made, number):
    return str(examples.by_ids(store, made, [number], ["row_hash"])["row_hash"].iloc[0])


def rate(store, made, number, value, entry="", by=ANN, view="quality", row_hash=None):
    return ratings.rate(
        store, entry_id=entry or f"{by.name}-{view}-{number}-{value}", corpus_id=f"c{made}", snapshot_id=made,
        view=view, example_id=number, row_hash=row_hash or hash_of(store, made, number), value=value, by=by,
    )  # fmt: skip


def compare(store, made, pair, outcome, entry, by=ANN):
    hashes = (hash_of(store, made, pair[0]), hash_of(store, made, pair[1]))
    return ratings.compare(store, entry_id=entry, corpus_id=f"c{made}", snapshot_id=made, view="quality", pair=pair,
                           hashes=hashes, outcome=outcome, by=by)  # fmt: skip


def holds(store, made, table="rating", view="quality"):
    return ratings.in_force(store, table, made, view)


def test_a_rating_is_one_row_however_often_it_is_sent(store, made):
    first = rate(store, made, 3, 5, "e1")
    again = rate(store, made, 3, 5, "e1")
    assert first["seq"] == again["seq"] == 1 and (first["actor"], first["value"]) == ("ann", 5)
    assert ratings.count(store, "rating", f"c{made}") == 1


def test_the_newest_of_each_person_counts_and_views_are_apart(store, made):
    rate(store, made, 3, 5, "e1")
    rate(store, made, 3, 2, "e2")
    rate(store, made, 3, 4, "e3", by=BEN)
    rate(store, made, 3, 1, "e4", view="difficulty")
    found = holds(store, made)
    assert found[["actor", "value"]].to_numpy().tolist() == [["ann", 2], ["ben", 4]]
    assert len(ratings.everything(store, "rating", f"c{made}")) == 4, "nothing is overwritten"


def test_what_is_taken_back_does_not_count_and_the_one_before_counts_again(store, made):
    rate(store, made, 3, 5, "e1")
    rate(store, made, 3, 2, "e2")
    assert ratings.newest(store, "rating", f"c{made}", "quality", "ann") == "e2"
    with pytest.raises(SelectionError, match="oneself"):
        ratings.undo(store, "rating", entry_id="u0", supersedes="e2", by=BEN)
    ratings.undo(store, "rating", entry_id="u1", supersedes="e2", by=ANN)
    assert holds(store, made)["value"].tolist() == [5]
    assert ratings.newest(store, "rating", f"c{made}", "quality", "ann") == "e1"
    ratings.undo(store, "rating", entry_id="u2", supersedes="e1", by=ANN)
    assert len(holds(store, made)) == 0 and ratings.newest(store, "rating", f"c{made}", "quality", "ann") is None


def test_a_pair_in_the_other_order_is_the_same_pair(store, made):
    compare(store, made, (1, 2), "first", "p1")
    compare(store, made, (2, 1), "tie", "p2")
    compare(store, made, (1, 2), None, "p3", by=BEN)
    found = holds(store, made, "comparison")
    assert found[["actor", "kind", "example_id", "other_id"]].to_numpy().tolist() == [
        ["ann", "compare", 2, 1],
        ["ben", "skip", 1, 2],
    ]
    ratings.undo(store, "comparison", entry_id="u1", supersedes="p2", by=ANN)
    assert holds(store, made, "comparison")["outcome"].tolist()[0] == "first"


def test_a_changed_and_a_missing_row_are_marked(store, made):
    rate(store, made, 3, 5, "e1", row_hash="another text")
    rate(store, made, 4, 5, "e2")
    rate(store, made, 9_999, 5, "e3", row_hash="x")
    found = holds(store, made).set_index("example_id")
    assert found["is_changed"].to_dict() == {3: True, 4: False, 9_999: False}
    assert found["is_gone"].to_dict() == {3: False, 4: False, 9_999: True}


@pytest.mark.parametrize("value", [0, 6, 2.5, "5"])
def test_other_numbers_are_refused(store, made, value):
    with pytest.raises(SelectionError, match="whole number"):
        rate(store, made, 3, value, "e1")


def test_pairs_that_make_no_sense_are_refused(store, made):
    with pytest.raises(SelectionError, match="itself"):
        compare(store, made, (1, 1), "first", "p1")
    with pytest.raises(SelectionError, match="outcome"):
        compare(store, made, (1, 2), "both", "p1")


def test_a_rating_survives_a_process_that_is_killed_right_after(workspace):
    """The row is on the disk when `rate` returns: the process ends without closing the database."""
    code = f"""
        import os, sys
        from pathlib import Path
        sys.path.insert(0, {str(ROOT)!r})
        from studio.settings import Workspace
        from studio.store.connection import Store
        from tests.store import test_ratings as t
        from tests.workflows import small_corpus
        store = Store(Workspace(Path({str(workspace.root)!r})))
        made = small_corpus.make(store, n=40)
        t.rate(store, made, 3, 5, "e1")
        t.compare(store, made, (1, 2), "second", "p1")
        print(made, flush=True)
        os._exit(9)
    """
    from studio.store.connection import Store

    env = os.environ | {"PYTHONPATH": str(ROOT)}
    told = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, env=env)
    assert told.returncode == 9, told.stderr
    made = told.stdout.strip().splitlines()[-1]
    opened = Store(workspace)
    try:
        assert holds(opened, made)["value"].tolist() == [5]
        assert holds(opened, made, "comparison")["outcome"].tolist() == ["second"]
    finally:
        opened.close()


def test_a_removal_takes_ratings_and_either_half_of_a_pair(store, made):
    rate(store, made, 3, 5, "e1")
    rate(store, made, 4, 5, "e2")
    compare(store, made, (3, 5), "first", "p1")
    compare(store, made, (5, 3), "first", "p2", by=BEN)
    compare(store, made, (5, 6), "first", "p3")
    snapshot = snapshots.require(store, made)
    told = purge.counts(store, {snapshot.corpus_id: frozenset({3})}, [made])
    assert told["ratings"] == 3, "one rating and both pairs, whichever side it was on"
    removal = purge.Removal("r1", (), {snapshot.corpus_id: frozenset({3})}, (), {}, {})
    done = purge.apply(store, removal, lambda text: text.replace("quality", "***"))
    assert (done["rating"], done["comparison"]) == (1, 2)
    assert holds(store, made)["example_id"].tolist() == [4], "the name of the view is no text of an example"
    assert holds(store, made, "comparison")["entry_id"].tolist() == ["p3"]
