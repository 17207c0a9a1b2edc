"""A simulated loop goes round by round through real workers to its own stop; a human one waits for people."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from studio.annotation import stopping
from studio.errors import AnnotationError
from studio.records import Actor
from studio.settings import Settings
from studio.store import annotations, labels, loops, rounds
from studio.workflows import annotate, annotate_desk, loop, loop_view, train
from studio.workflows.loop_config import LoopConfig, from_json
from studio.workflows.studio import open_studio
from tests.workflows import small_corpus

ANALYST = Actor("ann", "analyst")


@pytest.fixture
def studio(workspace):
    opened = open_studio(Settings(workspace=workspace, device="cpu"))
    yield opened
    opened.close()


def config(**changes) -> LoopConfig:
    plan = train.default_plan("ngrams", "linear_probe", 0).to_json()
    return replace(LoopConfig(seed_labels=24, batch=20, min_validation=60, annotator="simulated", plan=plan), **changes)


def run_out(studio, loop_id):
    row = loop.advance(studio, ANALYST, loop_id=loop_id)
    while row.state == "training":
        for run_id in row.detail["runs"].values():
            assert studio.supervisor.wait(run_id, 120).state == "done"
        row = loop.advance(studio, ANALYST, loop_id=loop_id)
    return row


@pytest.mark.slow
def test_a_simulated_loop_stops_by_itself_and_twice_started_is_one(studio):
    snapshot_id = small_corpus.make(studio.store, n=300, noise=6)
    asked = config(max_rounds=3, epsilon=0.01, compare_random=True)
    loop_id = loop.start(studio, ANALYST, snapshot_id=snapshot_id, config=asked, loop_id="0" * 31 + "1")
    assert loop.start(studio, ANALYST, snapshot_id=snapshot_id, config=asked, loop_id="0" * 31 + "1") == loop_id
    row = run_out(studio, loop_id)
    assert row.state == "stopped" and row.stop_reason in ("confident_gain", "max_rounds"), row.detail
    seen = loop_view.view(studio, loop_id)
    assert [turn.n_labels for turn in seen.turns] == [24 + 20 * n for n in range(len(seen.turns))]
    assert seen.turns[0].point.n_train == 24 and seen.turns[0].gain is None
    assert all(turn.random and turn.random.n_train == turn.point.n_train for turn in seen.turns)
    assert seen.turns[-1].point.accuracy > seen.turns[0].point.accuracy
    second = seen.turns[1]
    assert (second.control.n, second.picked.n) == (4, 16)
    events = annotations.events(studio.store, row.corpus_id)
    assert all(e.simulated and e.actor == "simulated annotator" for e in events)
    assert len(events) == len({e.example_id for e in events}) == seen.n_labels
    now = labels.current(studio.store, snapshot_id)
    assert now[now.decided == "pool"].simulated.all()
    assert seen.verdict.stop and seen.verdict.rule == row.stop_reason
    for key, values in loop_view.advice(seen):
        assert key.startswith("loop.") and values is not None
    assert loop.advance(studio, ANALYST, loop_id=loop_id) == row, "a stopped loop stays stopped"


def test_a_human_loop_waits_for_labels_and_goes_on_when_the_queue_is_done(studio):
    snapshot_id = small_corpus.make(studio.store)
    loop_id = loop.start(
        studio, ANALYST, snapshot_id=snapshot_id, config=config(annotator="human", seed_labels=16, max_rounds=2)
    )
    row = loop.advance(studio, ANALYST, loop_id=loop_id)
    assert row.state == "labelling"
    selection_id = row.detail["selection_id"]
    assert annotate.simulate_rest(studio, ANALYST, selection_id=selection_id, limit=15) == 15
    assert loop.advance(studio, ANALYST, loop_id=loop_id).state == "labelling"
    desk = annotate_desk.read(studio, ANALYST, selection_id=selection_id)
    shown = annotate.Shown(row.corpus_id, snapshot_id, selection_id, desk.waiting[0].example_id, "x")
    annotate.skip(studio, ANALYST, shown=shown, event_id="skipped")
    row = loop.advance(studio, ANALYST, loop_id=loop_id)
    assert row.state == "training", "a skipped example does not hold the loop up"
    studio.supervisor.wait(row.detail["runs"]["selection"], 120)
    row = loop.advance(studio, ANALYST, loop_id=loop_id)
    assert row.state == "labelling" and row.detail["turn"] == 2, "the finisher moved it on"
    assert row.detail["selection_id"] != selection_id
    queue = annotations.queue(studio.store, row.corpus_id, row.detail["selection_id"])
    assert len(queue) == 20 and (queue.state == "open").all() and (queue.reason == "control_random").sum() == 4
    loop.stop(studio, ANALYST, loop_id=loop_id)
    assert loops.require(studio.store, loop_id).stop_reason == "by_hand"


def test_enough_labels_train_at_once_and_a_closed_gate_pauses_until_it_is_mended(studio):
    snapshot_id = small_corpus.make(studio.store, with_labels=False)
    corpus_id = studio.store.one("SELECT corpus_id FROM snapshot")[0]
    with pytest.raises(AnnotationError, match="nothing to reveal"):
        loop.start(studio, ANALYST, snapshot_id=snapshot_id, config=config())
    annotate.add_label(studio, ANALYST, snapshot_id=snapshot_id, name="only")
    loop_id = loop.start(studio, ANALYST, snapshot_id=snapshot_id, config=config(annotator="human", seed_labels=5))
    row = loops.require(studio.store, loop_id)
    for event, waiting in enumerate(annotations.queue(studio.store, corpus_id, row.detail["selection_id"]).example_id):
        shown = annotate.Shown(
            corpus_id, snapshot_id, row.detail["selection_id"], int(waiting), "h", has_corpus_validation=False
        )
        annotate.label(studio, ANALYST, shown=shown, value="only", event_id=f"e{event}")
    assert annotations.split_counts(studio.store, corpus_id) == {"train": 4, "validation": 1}
    row = loop.advance(studio, ANALYST, loop_id=loop_id)
    assert row.state == "paused" and row.detail["problem"]["fix"]
    assert rounds.of_snapshot(studio.store, snapshot_id) == []
    loop.retry(studio, ANALYST, loop_id=loop_id)
    assert loops.require(studio.store, loop_id).detail["attempt"] == 2


def test_settings_survive_json_and_contradictions_are_refused():
    one = config(compare_random=True, by="entropy")
    assert from_json(one.to_json() | {"of_a_newer_winnow": 1}) == one
    assert one.stop_settings() == stopping.StopSettings(0.02, 2, 60, 10)
    for bad in (
        {"seed_labels": 1},
        {"control_share": 2.0},
        {"annotator": "cat"},
        {"by": "luck"},
        {"rule": "mood"},
        {"epsilon": 0.0},
        {"annotator": "human", "compare_random": True},
    ):
        with pytest.raises(AnnotationError):
            config(**bad)


def test_the_seed_queue_is_the_same_for_the_same_seed(studio):
    snapshot_id = small_corpus.make(studio.store)
    drawn = []
    for _ in range(2):
        loop_id = loop.start(studio, ANALYST, snapshot_id=snapshot_id, config=config(annotator="human", seed=7))
        row = loops.require(studio.store, loop_id)
        drawn.append(annotations.queue(studio.store, row.corpus_id, row.detail["selection_id"]).example_id.tolist())
    assert drawn[0] == drawn[1] and len(set(drawn[0])) == 24 == np.unique(drawn[0]).size
