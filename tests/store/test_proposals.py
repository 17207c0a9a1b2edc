"""Proposals, comments and decisions as rows: what goes in comes out, once, in order, and a kill loses nothing said."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from studio.errors import StoreError
from studio.records import Actor
from studio.store import comments, proposals
from studio.store.connection import Store
from tests.conftest import ROOT

ANN, BEN = Actor("Ann 安", "analyst"), Actor("Ben", "reviewer", verified=True)
HOSTILE = "<script>alert(1)</script> **bold** [x](javascript:1) 🙂 中文 \x00 '; DROP TABLE proposal --"


def put(store, proposal_id="p1", *, by=ANN, **changed):
    given = {
        "corpus_id": "c", "snapshot_id": "s", "selection_id": "sel", "name": HOSTILE, "purpose": "why\nnot",
        "known_limits": "", "content": {"version": 1, "n": 3, "名": HOSTILE},
    }  # fmt: skip
    return proposals.add(store, proposal_id=proposal_id, by=by, **(given | changed))


def test_a_proposal_comes_back_as_it_was_written_and_only_once(store):
    first = put(store)
    again = put(store, name="another", content={"version": 1})
    assert again == first == proposals.get(store, "p1")
    assert (first.name, first.purpose, first.content["名"]) == (HOSTILE, "why\nnot", HOSTILE)
    assert (first.created_by, first.role, first.verified, first.state) == ("Ann 安", "analyst", False, "waiting")
    # sha256 of '{"a":"é","b":1}' in UTF-8, by coreutils
    digest = proposals.content_hash({"b": 1, "a": "é"})
    assert digest == subprocess.run(["sha256sum"], input='{"a":"é","b":1}'.encode(), capture_output=True,
                                    check=True).stdout.decode().split()[0]  # fmt: skip
    with pytest.raises(StoreError, match="not known"):
        proposals.get(store, "<b>")


def test_the_newest_decision_is_the_state_and_a_successor_is_named(store):
    put(store)
    put(store, "p2", previous_id="p1", selection_id="other")
    assert [p.proposal_id for p in proposals.of_corpus(store, "c")] == ["p2", "p1"]
    assert [p.proposal_id for p in proposals.of_selection(store, "sel")] == ["p1"]
    assert proposals.get(store, "p1").next_id == "p2"
    for number, kind in enumerate(("changes", "withdraw"), 1):
        proposals.decide(store, "p1", decision_id=f"d{number}", kind=kind, note=HOSTILE, by=BEN,
                         stale=[{"key": "proposal.stale.splits", "values": {}}])  # fmt: skip
    found = proposals.decisions(store, "p1")
    assert [(d.number, d.kind, d.note, d.created_by, d.verified) for d in found] == [
        (1, "changes", HOSTILE, "Ben", True), (2, "withdraw", HOSTILE, "Ben", True),
    ]  # fmt: skip
    assert found[0].stale == [{"key": "proposal.stale.splits", "values": {}}]
    assert (proposals.get(store, "p1").state, proposals.get(store, "p2").state) == ("withdrawn", "waiting")
    assert proposals.decisions(store, "p2") == []


def test_comments_keep_their_order_and_their_example(store):
    put(store)
    comments.add(store, "p1", comment_id="k1", body=HOSTILE * 1000, by=BEN)
    comments.add(store, "p1", comment_id="k1", body="pressed twice", by=BEN)
    comments.add(store, "p1", comment_id="k2", body="this one", by=ANN, example_id=7)
    comments.add(store, "unknown", comment_id="k3", body="lost", by=ANN)
    assert [(c.body, c.example_id, c.created_by) for c in comments.of_proposal(store, "p1")] == [
        (HOSTILE * 1000, None, "Ben"), ("this one", 7, "Ann 安"),
    ]  # fmt: skip
    assert comments.counts(store, "c") == {"p1": 2}


def test_a_write_that_breaks_off_leaves_nothing(store):
    with pytest.raises(RuntimeError), store.write():
        put(store)
        proposals.decide(store, "p1", decision_id="d", kind="approve", note="", by=BEN)
        raise RuntimeError
    assert proposals.get_or_none(store, "p1") is None
    assert store.rows("SELECT count(*) FROM proposal_decision") == [(0,)]


WRITER = """
import sys
from pathlib import Path
from studio.records import Actor
from studio.settings import Workspace
from studio.store import comments, proposals
from studio.store.connection import Store

store = Store(Workspace(Path(sys.argv[1])))
for number in range(100_000):
    with store.write():
        proposals.add(store, proposal_id=f"p{number}", corpus_id="c", snapshot_id="s", selection_id="x", name="n",
                      purpose="", known_limits="", content={"n": number}, by=Actor("a", "analyst"))
        comments.add(store, f"p{number}", comment_id=f"k{number}", body="b", by=Actor("b", "reviewer"))
        proposals.decide(store, f"p{number}", decision_id=f"d{number}", kind="approve", note="", by=Actor("b", "admin"))
    print(number, flush=True)
"""


def test_what_was_said_to_be_stored_is_there_whole_after_kill_9(workspace):
    process = subprocess.Popen([sys.executable, "-c", WRITER, str(workspace.root)], cwd=ROOT, stdout=subprocess.PIPE,
                               text=True, env=os.environ | {"PYTHONPATH": str(ROOT)})  # fmt: skip
    said = 0
    for line in process.stdout:
        said = int(line) + 1
        if said == 30:
            process.send_signal(signal.SIGKILL)
    process.wait(timeout=30)
    store = Store(workspace)
    try:
        rows = proposals.of_corpus(store, "c")
        assert said >= 30
        assert said <= len(rows) <= said + 1
        assert {row.state for row in rows} == {"approved"}
        assert set(comments.counts(store, "c")) == {row.proposal_id for row in rows}
    finally:
        store.close()
