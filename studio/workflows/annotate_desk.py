"""What the desk shows: the state of a queue for one person, read from the store on every key."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pandas as pd

from studio.annotation.leases import Holder, Leases
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
    """A queue as one desk sees it now; everything but `held` was read from the store.

    `waiting` holds the next examples in order, at most 25, the one this desk works on first; what other desks have is
    left out and stands in `held`, example id -> who. `block` are the ids around the first one, the same for every
    example among them, so that their texts are read once. `seconds_each` is the median of this person's recent labels.
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
    block: tuple[int, ...] = ()
    held: Mapping[int, Holder] = field(default_factory=dict)

    @property
    def n_open(self) -> int:
        """Examples with neither a label nor a skip."""
        return self.n - self.n_labelled - self.n_skipped

    @property
    def is_finished(self) -> bool:
        """True when nothing is waiting, here or on another desk."""
        return not self.waiting and not self.held


@act("annotate.read", "viewer", log=False)
def read(
    studio: Studio,
    actor: Actor,
    *,
    selection_id: str,
    skipped_too: bool = False,
    session: str = "",
    is_here: Callable[[str], bool] = lambda session: True,
    first: int | None = None,
) -> Desk:
    """The queue now, and for a desk the example it works on, which no other desk gets meanwhile.

    Args:
        studio: the open workspace.
        actor: whose undo and pace are meant.
        selection_id: the frozen selection worked on.
        skipped_too: offer the skipped examples again once no other is open.
        session: the browser session that asks; empty to look without taking an example.
        is_here: False for a browser session that is gone; what it had is free again.
        first: an example asked for by a link; it comes first when it waits and nobody has it.

    Raises:
        AnnotationError: no selection has this id.
    """
    head = annotations.queue_head(studio.store, selection_id)
    if head is None:
        raise AnnotationError("This queue is not known", got=selection_id, fix="Freeze a selection on the Select page.")
    mark = studio.leases.mark()  # before the reading: what is finished after it is not handed out by it
    queue = annotations.queue(studio.store, head.corpus_id, selection_id)
    state = queue.state
    waiting = queue[state == "open"]
    if waiting.empty and skipped_too:
        waiting = queue[state == "skip"].sort_values("seq", kind="stable")  # skipped again goes to the back
    held: Mapping[int, Holder] = {}
    if session:
        waiting, held = _take(studio.leases, selection_id, waiting, Holder(session, actor.name), mark, is_here, first)
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
        block=_block(queue, waiting),
        held=held,
    )


def _take(
    leases: Leases,
    selection_id: str,
    waiting: pd.DataFrame,
    holder: Holder,
    mark: int,
    is_here: Callable[[str], bool],
    first: int | None,
) -> tuple[pd.DataFrame, Mapping[int, Holder]]:
    """What a desk may be shown next, the example it now holds first, and what others hold."""
    ids = [int(i) for i in waiting.example_id]
    now = leases.claim(selection_id, ids, holder, mark=mark, is_here=is_here, first=first)
    known = set(ids)
    others = leases.held_by_others(selection_id, holder, is_here).items()
    held = {example_id: who for example_id, who in others if example_id in known}
    if now is None:
        return waiting.head(0), held
    rest = waiting[~waiting.example_id.isin([now, *held])].head(LOOK_AHEAD - 1)
    return pd.concat([waiting[waiting.example_id == now], rest]), held


def _block(queue: pd.DataFrame, waiting: pd.DataFrame) -> tuple[int, ...]:
    """The ids of the stretch of the queue, 25 long, that holds the first waiting example."""
    if waiting.empty:
        return ()
    place = int((queue.example_id == waiting.example_id.iloc[0]).to_numpy().argmax())
    start = place - place % LOOK_AHEAD
    return tuple(int(i) for i in queue.example_id.iloc[start : start + LOOK_AHEAD])


def _seconds_each(studio: Studio, corpus_id: str, actor: str) -> float | None:
    recent = annotations.recent(studio.store, corpus_id, actor, PACE_WINDOW).duration_ms.dropna()
    times = [float(ms) for ms in recent if 0 < ms <= LONGEST_MS]
    return statistics.median(times) / 1000 if len(times) >= 3 else None
