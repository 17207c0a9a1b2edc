"""Who has which example of a queue on the screen, so that two people never label the same one unknowingly.

A lease lives in the memory of the process that serves the pages: a restart forgets all of them, which costs at most one
example seen twice, and every label given is stored either way (decision 0121).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

LEASE_S = 600.0  # ours: ten minutes without a key is a break, not work on one example
_FORGET_S = 60.0  # ours: no reading of a queue takes longer, so a finish older than this is in what it read


@dataclass(frozen=True)
class Holder:
    """One desk: a browser session, and the name it goes by; two tabs of a person are two sessions under one name."""

    session: str
    name: str = field(default="", compare=False)


@dataclass(frozen=True)
class Lease:
    """An example on somebody's screen until `until` (seconds of the clock), renewed by every act at that desk."""

    holder: Holder
    until: float


class Leases:
    """All leases of one process. Every method may be called from any thread.

    Args:
        clock: seconds that never go back; tests pass their own.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._held: dict[tuple[str, int], Lease] = {}
        self._mine: dict[Holder, tuple[str, int]] = {}
        self._finished: dict[tuple[str, int], tuple[int, float]] = {}
        self._count = 0

    def mark(self) -> int:
        """What was finished so far; taken before a queue is read and given to `claim` with what was read."""
        with self._lock:
            return self._count

    def claim(
        self,
        queue: str,
        waiting: Iterable[int],
        holder: Holder,
        *,
        mark: int,
        is_here: Callable[[str], bool] = lambda session: True,
        first: int | None = None,
    ) -> int | None:
        """The example this desk works on: the one it has, else the first that is nobody's.

        An example that was finished after `mark` is left out: the reading is older than the label.

        Args:
            queue: the frozen selection.
            waiting: its examples without a label in order, as read after `mark`.
            holder: who asks.
            mark: from `mark()`.
            is_here: False for a session that is gone; what it held is free.
            first: an example asked for by name; taken instead of the one held when it waits and is nobody's.

        Returns:
            The example id, or None when others hold all that wait.
        """
        with self._lock:
            now = self._clock()
            self._forget(now)
            order = list(waiting)
            kept = self._mine.get(holder)
            if kept is not None and kept[0] == queue and kept[1] in order:
                order = [kept[1], *order]
            if first is not None and first in order:
                order = [first, *order]
            for example_id in order:
                key = (queue, example_id)
                if self._finished.get(key, (0, 0.0))[0] <= mark and self._is_free(key, holder, now, is_here):
                    self._put(key, holder, now)
                    return example_id
            self._drop(holder)
            return None

    def take(self, queue: str, example_id: int, holder: Holder) -> bool:
        """Hold an example that is open again after an undo; False when somebody else has it."""
        with self._lock:
            now = self._clock()
            if not self._is_free((queue, example_id), holder, now, lambda session: True):
                return False
            self._put((queue, example_id), holder, now)
            return True

    def finish(self, queue: str, example_id: int) -> None:
        """A label or skip of this example is stored: no older reading of the queue may hand it out.

        The lease stays until its desk moves on: it may be another desk than the one that labelled (an expired lease
        was taken over), and an undo must not put the example on two screens.
        """
        with self._lock:
            self._count += 1
            self._finished[(queue, example_id)] = (self._count, self._clock())

    def release(self, holder: Holder) -> None:
        """This desk is left: what it held is free."""
        with self._lock:
            self._drop(holder)

    def held_by_others(
        self, queue: str, holder: Holder, is_here: Callable[[str], bool] = lambda session: True
    ) -> dict[int, Holder]:
        """Example id -> who has it, for the examples of a queue that other desks hold now."""
        with self._lock:
            now = self._clock()
            return {
                example_id: lease.holder
                for (of, example_id), lease in self._held.items()
                if of == queue and lease.holder != holder and lease.until > now and is_here(lease.holder.session)
            }

    # --- under the lock -----------------------------------------------------------------------------------------------
    def _is_free(self, key: tuple[str, int], holder: Holder, now: float, is_here: Callable[[str], bool]) -> bool:
        lease = self._held.get(key)
        return lease is None or lease.holder == holder or lease.until <= now or not is_here(lease.holder.session)

    def _put(self, key: tuple[str, int], holder: Holder, now: float) -> None:
        before = self._held.get(key)
        if before is not None and before.holder != holder:
            self._mine.pop(before.holder, None)
        if self._mine.get(holder) != key:
            self._drop(holder)
        self._held[key] = Lease(holder, now + LEASE_S)
        self._mine[holder] = key

    def _drop(self, holder: Holder) -> None:
        key = self._mine.pop(holder, None)
        if key is not None and key in self._held and self._held[key].holder == holder:
            del self._held[key]

    def _forget(self, now: float) -> None:
        """Keep both tables as small as the number of desks: expired leases and old finishes go."""
        if len(self._finished) > 1_000:
            self._finished = {key: value for key, value in self._finished.items() if value[1] > now - _FORGET_S}
        if len(self._held) > 1_000:
            for key, lease in [item for item in self._held.items() if item[1].until <= now]:
                del self._held[key]
                self._mine.pop(lease.holder, None)
