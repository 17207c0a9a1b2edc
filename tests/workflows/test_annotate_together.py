"""Twenty annotators on one queue in threads: nobody is shown another's example, and every label is there."""

from __future__ import annotations

import threading
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from studio.annotation.leases import Leases
from studio.records import Actor
from studio.store import annotations, journal_files
from studio.workflows import annotate, annotate_desk
from tests.workflows import small_corpus

N_PEOPLE, N_EXAMPLES = 20, 120
NAMES = ("billing", "delivery", "login", "refund")


@pytest.fixture
def queue(studio) -> str:
    snapshot_id = small_corpus.make(studio.store, n=200)
    return small_corpus.freeze(studio.store, snapshot_id, range(1, N_EXAMPLES + 1))


def shown(desk: annotate_desk.Desk) -> annotate.Shown:
    head = desk.head
    return annotate.Shown(head.corpus_id, head.snapshot_id, head.selection_id, desk.waiting[0].example_id, "h")


def test_twenty_people_share_a_queue(studio, queue):
    start = threading.Barrier(N_PEOPLE)
    seen: list[tuple[str, int]] = []

    def person(number: int) -> None:
        actor = Actor(f"person {number}", "annotator")
        start.wait()
        while True:
            desk = annotate_desk.read(studio, actor, selection_id=queue, session=f"tab {number}")
            if not desk.waiting:
                return
            now = shown(desk)
            seen.append((actor.name, now.example_id))
            if now.example_id % 10 == 0:
                annotate.skip(studio, actor, shown=now, event_id=uuid.uuid4().hex)
            else:
                value = NAMES[now.example_id % 4]
                annotate.label(studio, actor, shown=now, value=value, event_id=uuid.uuid4().hex)

    with ThreadPoolExecutor(N_PEOPLE) as people:
        for done in [people.submit(person, number) for number in range(N_PEOPLE)]:
            done.result(timeout=120)
    assert Counter(example for _, example in seen) == Counter(range(1, N_EXAMPLES + 1)), "each example exactly once"
    corpus_id = annotations.queue_head(studio.store, queue).corpus_id
    state = annotations.queue(studio.store, corpus_id, queue).set_index("example_id").state
    assert state.to_dict() == {n: "skip" if n % 10 == 0 else "label" for n in range(1, N_EXAMPLES + 1)}
    stored = annotations.events(studio.store, corpus_id)
    assert {(e.actor, e.example_id) for e in stored} == set(seen)
    assert {e.event_id for e in journal_files.read(studio.workspace)} == {e.event_id for e in stored}


def test_undo_returns_the_example_to_its_desk_and_redo_gives_it_up(studio, queue):
    ann, ben = Actor("ann", "annotator"), Actor("ben", "annotator")
    desk = annotate_desk.read(studio, ann, selection_id=queue, session="a")
    event = annotate.label(studio, ann, shown=shown(desk), value="login", event_id="e1")
    assert annotate_desk.read(studio, ann, selection_id=queue, session="a").waiting[0].example_id == 2
    undone = annotate.undo(studio, ann, selection_id=queue, supersedes=event.event_id, event_id="u1", session="a")
    assert annotate_desk.read(studio, ben, selection_id=queue, session="b").waiting[0].example_id == 2
    desk = annotate_desk.read(studio, ann, selection_id=queue, session="a")
    assert (
        desk.waiting[0].example_id == 1 and desk.held[2].name == "ben" and 2 not in [w.example_id for w in desk.waiting]
    )
    assert undone.supersedes == "e1"
    annotate.redo(studio, ann, selection_id=queue, undone="e1", event_id="r1")
    assert annotate_desk.read(studio, ann, selection_id=queue, session="a").waiting[0].example_id == 3


def test_the_last_examples_of_others_are_not_the_end_of_the_queue(studio):
    snapshot_id = small_corpus.make(studio.store, n=40)
    queue = small_corpus.freeze(studio.store, snapshot_id, [1, 2], selection_id="short")
    desks = [annotate_desk.read(studio, Actor(n, "annotator"), selection_id=queue, session=n) for n in ("a", "b", "c")]
    assert [desk.waiting[0].example_id for desk in desks[:2]] == [1, 2]
    assert desks[2].waiting == () and not desks[2].is_finished
    assert {n: who.name for n, who in desks[2].held.items()} == {1: "a", 2: "b"}
    gone = annotate_desk.read(
        studio, Actor("c", "annotator"), selection_id=queue, session="c", is_here=lambda session: session != "b"
    )
    assert gone.waiting[0].example_id == 2


def test_a_link_asks_for_an_example_and_a_restart_forgets_the_leases(studio, queue):
    ann, ben = Actor("ann", "annotator"), Actor("ben", "annotator")
    assert annotate_desk.read(studio, ann, selection_id=queue, session="a", first=60).waiting[0].example_id == 60
    desk = annotate_desk.read(studio, ben, selection_id=queue, session="b", first=60)
    assert desk.waiting[0].example_id == 1 and desk.held[60].name == "ann"
    assert 60 in annotate_desk.read(studio, ann, selection_id=queue, session="a").block
    studio.leases = Leases()  # what a new process starts with
    assert annotate_desk.read(studio, ben, selection_id=queue, session="b", first=60).waiting[0].example_id == 60


def test_examples_near_each_other_share_a_block_of_texts(studio, queue):
    blocks = []
    for number in range(annotate_desk.LOOK_AHEAD):
        desk = annotate_desk.read(studio, Actor("ann", "annotator"), selection_id=queue, session=f"tab {number}")
        blocks.append(desk.block)
    assert set(blocks) == {tuple(range(1, annotate_desk.LOOK_AHEAD + 1))}
