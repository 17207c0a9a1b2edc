"""What an annotator does, through the workflows: idempotent presses, undo and redo, files out and in, simulation."""

from __future__ import annotations

import csv
import json
import uuid

import pytest

from studio.errors import AccessError, AnnotationError, CorpusError
from studio.records import Actor
from studio.store import annotations, audit_log, labels
from studio.workflows import annotate, annotate_desk, annotate_files
from tests.workflows import small_corpus

ANN, BEN, ANALYST = Actor("ann", "annotator"), Actor("ben", "annotator"), Actor("lee", "analyst")


@pytest.fixture
def queue(studio):
    snapshot_id = small_corpus.make(studio.store, n=80)
    ids = labels.pool_left(studio.store, snapshot_id)[:12]
    return small_corpus.freeze(studio.store, snapshot_id, ids)


def press(studio, actor, queue, value="login", *, display=None, skipped_too=False):
    """What a key on the desk does: read the desk, label the example it shows."""
    desk = annotate_desk.read(studio, actor, selection_id=queue, skipped_too=skipped_too)
    shown = shown_of(desk)
    event_id = annotate.press_id(display or str(uuid.uuid4()), "label", value)
    return annotate.label(studio, actor, shown=shown, value=value, event_id=event_id, duration_ms=4000)


def shown_of(desk):
    head = desk.head
    return annotate.Shown(head.corpus_id, head.snapshot_id, head.selection_id, desk.waiting[0].example_id, "h")


def test_a_press_sent_twice_is_one_label_and_the_queue_moves_by_one(studio, queue):
    desk = annotate_desk.read(studio, ANN, selection_id=queue)
    shown, display = shown_of(desk), str(uuid.uuid4())
    one, two = (
        annotate.label(studio, ANN, shown=shown, value="login", event_id=annotate.press_id(display, "label", "login"))
        for _ in range(2)
    )
    assert one == two and one.seq == 1
    after = annotate_desk.read(studio, ANN, selection_id=queue)
    assert (after.n_labelled, after.n_open) == (1, 11)
    assert after.waiting[0].example_id == desk.waiting[1].example_id
    late = annotate.label(
        studio, ANN, shown=shown, value="refund", event_id=annotate.press_id(display, "label", "refund")
    )
    assert late.example_id == one.example_id, "a late key labels the example it was shown for"
    assert annotations.of_example(studio.store, desk.head.corpus_id, one.example_id)[-1].label == "refund"


def test_undo_and_redo_are_new_events_and_survive_a_reload(studio, queue):
    first, second = press(studio, ANN, queue), press(studio, ANN, queue, "billing")
    desk = annotate_desk.read(studio, ANN, selection_id=queue)
    assert desk.undoable == second == desk.newest and desk.redoable is None
    for _ in range(2):  # the same press twice takes back one label
        annotate.undo(studio, ANN, selection_id=queue, supersedes=second.event_id, event_id="u1")
    desk = annotate_desk.read(studio, ANN, selection_id=queue)
    assert desk.n_labelled == 1 and desk.waiting[0].example_id == second.example_id
    assert desk.undoable == first and desk.redoable == second
    again = annotate.redo(studio, ANN, selection_id=queue, undone=second.event_id, event_id="r1")
    assert (again.label, again.example_id, again.event_id) == ("billing", second.example_id, "r1")
    assert annotate.redo(studio, ANN, selection_id=queue, undone=second.event_id, event_id="r1") == again
    assert annotate_desk.read(studio, ANN, selection_id=queue).redoable is None
    with pytest.raises(AnnotationError, match="nothing to bring back"):
        annotate.redo(studio, ANN, selection_id=queue, undone=second.event_id, event_id="r2")
    with pytest.raises(AnnotationError, match="another person"):
        annotate.undo(studio, BEN, selection_id=queue, supersedes=first.event_id, event_id="u2")
    with pytest.raises(AnnotationError, match="nothing to undo"):
        annotate.undo(studio, ANN, selection_id=queue, supersedes="nowhere", event_id="u3")
    assert annotations.count(studio.store) == 4


def test_skipped_examples_come_back_last_and_in_turn(studio, queue):
    seen = []
    for number in range(12):
        desk = annotate_desk.read(studio, ANN, selection_id=queue)
        if number < 2:
            annotate.skip(studio, ANN, shown=shown_of(desk), event_id=f"s{number}")
            seen.append(desk.waiting[0].example_id)
        else:
            press(studio, ANN, queue)
    desk = annotate_desk.read(studio, ANN, selection_id=queue)
    assert desk.is_finished and desk.n_skipped == 2 and desk.seconds_each == 4.0
    desk = annotate_desk.read(studio, ANN, selection_id=queue, skipped_too=True)
    assert [w.example_id for w in desk.waiting] == seen
    annotate.skip(studio, ANN, shown=shown_of(desk), event_id="again")
    desk = annotate_desk.read(studio, ANN, selection_id=queue, skipped_too=True)
    assert [w.example_id for w in desk.waiting] == seen[::-1]


def test_two_people_on_one_queue_lose_nothing(studio, queue):
    desks = [annotate_desk.read(studio, actor, selection_id=queue) for actor in (ANN, BEN)]
    assert desks[0].waiting == desks[1].waiting
    for actor, desk, value in ((ANN, desks[0], "login"), (BEN, desks[1], "refund")):
        annotate.label(studio, actor, shown=shown_of(desk), value=value, event_id=uuid.uuid4().hex)
    kept = annotations.of_example(studio.store, desks[0].head.corpus_id, desks[0].waiting[0].example_id)
    assert [(e.actor, e.label) for e in kept] == [("ann", "login"), ("ben", "refund")]
    assert annotate_desk.read(studio, ANN, selection_id=queue).undoable.label == "login"


def test_bad_input_is_refused_with_a_mend(studio, queue):
    desk = annotate_desk.read(studio, ANN, selection_id=queue)
    with pytest.raises(AnnotationError, match="does not exist"):
        annotate.label(studio, ANN, shown=shown_of(desk), value="nonsense", event_id="x")
    with pytest.raises(AccessError):
        annotate.label(studio, Actor("eve", "viewer"), shown=shown_of(desk), value="login", event_id="x")
    with pytest.raises(AnnotationError):
        annotate.note(studio, ANN, shown=shown_of(desk), text="   ", event_id="x")
    with pytest.raises(AccessError):
        annotate.add_label(studio, ANN, snapshot_id=desk.head.snapshot_id, name="new")
    with pytest.raises(AnnotationError):
        annotate.add_label(studio, ANALYST, snapshot_id=desk.head.snapshot_id, name=" login ")
    with pytest.raises(AnnotationError):
        annotate_desk.read(studio, ANN, selection_id="gone")
    assert annotations.count(studio.store) == 0


def test_a_note_changes_nothing_but_stays(studio, queue):
    desk = annotate_desk.read(studio, ANN, selection_id=queue)
    annotate.note(studio, ANN, shown=shown_of(desk), text=" 看不懂 \ud800", event_id="n1")
    after = annotate_desk.read(studio, ANN, selection_id=queue)
    assert after.waiting == desk.waiting and after.newest.payload["value"].startswith("看不懂")
    assert after.undoable is None


def test_the_simulated_annotator_is_marked_and_leaves_people_alone(studio, queue):
    mine = press(studio, ANN, queue, "refund")
    assert annotate.simulate_rest(studio, ANALYST, selection_id=queue, seed=3) == 11
    assert annotate.simulate_rest(studio, ANALYST, selection_id=queue) == 0
    desk = annotate_desk.read(studio, ANN, selection_id=queue)
    assert desk.is_finished and desk.n_simulated == 11 and desk.undoable == mine
    now = labels.current(studio.store, desk.head.snapshot_id).set_index("example_id")
    truth = labels.hidden(studio.store, desk.head.snapshot_id).set_index("example_id").label
    simulated = now[now.simulated]
    assert (simulated.label == truth[simulated.index]).all() and now.loc[mine.example_id, "label"] == "refund"
    with pytest.raises(AccessError):
        annotate.simulate_rest(studio, ANN, selection_id=queue)
    log = audit_log.latest(studio.store)
    assert (log.act == "annotate.simulate").sum() == 3


@pytest.mark.parametrize("fmt", ["jsonl", "csv"])
def test_a_queue_goes_out_and_its_labels_come_home_once(studio, queue, tmp_path, fmt):
    press(studio, ANN, queue, "billing")
    path = annotate_files.export_queue(studio, ANN, selection_id=queue, path=tmp_path / f"q.{fmt}", fmt=fmt)
    if fmt == "csv":
        rows = list(csv.DictReader(path.open(encoding="utf-8", newline="")))
    else:
        rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert len(rows) == 12 and rows[0]["label"] == "billing" and not rows[1].get("label")
    filled = tmp_path / "filled.jsonl"
    for row, value in zip(rows[1:6], ("login", "refund", "unknown", "login", ""), strict=True):
        row["label"] = value
    rows[4]["row_hash"] = "0" * 64
    rows.append({"example_id": 999_999, "label": "login"})
    filled.write_text("\n".join(json.dumps(row) for row in rows[1:]), "utf-8")
    found = annotate_files.import_labels(studio, ANN, selection_id=queue, path=filled)
    assert (found.n_new, found.n_known) == (2, 0) and sum(found.refused.values()) == 3
    assert found.n_empty == len(rows) - 1 - 2 - 3
    again = annotate_files.import_labels(studio, ANN, selection_id=queue, path=filled)
    assert (again.n_new, again.n_known) == (0, 2)
    assert annotate_desk.read(studio, ANN, selection_id=queue).n_labelled == 3


def test_a_file_of_labels_whose_encoding_is_a_guess_waits_for_a_person(studio, queue, tmp_path):
    """Two Chinese characters are valid in GB18030 and in Big5: a label read the wrong way would be stored as a fact."""
    press(studio, ANN, queue, "billing")
    path = annotate_files.export_queue(studio, ANN, selection_id=queue, path=tmp_path / "q.jsonl", fmt="jsonl")
    first = json.loads(path.read_text("utf-8").splitlines()[1])
    filled = tmp_path / "filled.csv"
    filled.write_bytes(f"example_id,label\n{first['example_id']},退款\n".encode("gb18030"))
    with pytest.raises(CorpusError, match="encoding of the file is not certain"):
        annotate_files.import_labels(studio, ANALYST, selection_id=queue, path=filled, add_labels=True)
    found = annotate_files.import_labels(
        studio, ANALYST, selection_id=queue, path=filled, add_labels=True, encoding="gb18030"
    )
    assert (found.n_new, found.refused) == (1, {})
    stored = labels.current(studio.store, annotate_desk.read(studio, ANN, selection_id=queue).head.snapshot_id)
    assert dict(zip(stored.example_id, stored.label, strict=True))[first["example_id"]] == "退款"
