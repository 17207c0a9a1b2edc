"""What the desk shows: the state of a queue for one person, read from the store on every key."""

from __future__ import annotations

import statistics
from dataclasses import dataclass

from studio.errors import AnnotationError
from studio.records import Actor, AnnotationEvent
from studio.store import annotations
from studio.workflows.acts import act
from studio.workflows.studio import Studio

LOOK_AHEAD = 25
PACE_WINDOW = 20
LONGEST_MS = 5 * 60 * 1000  # a longer gap is a break, not work on one example


@dataclass(frozen=True)
class Waiting:
    """One example of the queue: its place from 1, and why it was picked."""

    rank: int
    example_id: int
    reason: str


@dataclass(frozen=True)
class Desk:
    """A queue as one person sees it now; everything here was read from the store.

    `waiting` holds the next examples in order, at most 25; `seconds_each` is the median of this person's recent labels.
    """

    head: annotations.QueueHead
    n: int
    n_labelled: int
    n_skipped: int
    n_simulated: int
    waiting: tuple[Waiting, ...]
    newest: AnnotationEvent | None
    undoable: AnnotationEvent | None
    redoable: AnnotationEvent | None
    seconds_each: float | None

    @property
    def n_open(self) -> int:
        """Examples with neither a label nor a skip."""
        return self.n - self.n_labelled - self.n_skipped

    @property
    def is_finished(self) -> bool:
        """True when nothing is waiting."""
        return not self.waiting


@act("annotate.read", "viewer", log=False)
def read(studio: Studio, actor: Actor, *, selection_id: str, skipped_too: bool = False) -> Desk:
    """The queue now.

    Args:
        studio: the open workspace.
        actor: whose undo and pace are meant.
        selection_id: the frozen selection worked on.
        skipped_too: offer the skipped examples again once no other is open.

    Raises:
        AnnotationError: no selection has this id.
    """
    head = annotations.queue_head(studio.store, selection_id)
    if head is None:
        raise AnnotationError("This queue is not known", got=selection_id, fix="Freeze a selection on the Select page.")
    queue = annotations.queue(studio.store, head.corpus_id, selection_id)
    state = queue.state
    waiting = queue[state == "open"]
    if waiting.empty and skipped_too:
        waiting = queue[state == "skip"].sort_values("seq", kind="stable")  # skipped again goes to the back
    newest = annotations.newest_of(studio.store, head.corpus_id, selection_id, actor.name)
    undoable = newest
    if newest is not None and newest.event not in ("label", "skip"):
        undoable = annotations.last_of(studio.store, head.corpus_id, selection_id, actor.name)
    redoable = None
    if newest is not None and newest.event in ("undo", "note"):
        redoable = annotations.last_undone_of(studio.store, head.corpus_id, selection_id, actor.name)
    return Desk(
        head=head,
        n=len(queue),
        n_labelled=int((state == "label").sum()),
        n_skipped=int((state == "skip").sum()),
        n_simulated=int(((state == "label") & queue.simulated).sum()),
        waiting=tuple(
            Waiting(int(row.rank), int(row.example_id), str(row.reason))
            for row in waiting.head(LOOK_AHEAD).itertuples(index=False)
        ),
        newest=newest,
        undoable=undoable,
        redoable=redoable,
        seconds_each=_seconds_each(studio, head.corpus_id, actor.name),
    )


def _seconds_each(studio: Studio, corpus_id: str, actor: str) -> float | None:
    recent = annotations.recent(studio.store, corpus_id, actor, PACE_WINDOW).duration_ms.dropna()
    times = [float(ms) for ms in recent if 0 < ms <= LONGEST_MS]
    return statistics.median(times) / 1000 if len(times) >= 3 else None
