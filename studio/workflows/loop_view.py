"""A loop as a page or the command line shows it: turns with intervals, verdicts, the queue, the runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from studio.annotation import batches, stopping
from studio.jobs import rundir
from studio.records import RunStatus
from studio.statistics import wilson_pair
from studio.store import annotations, labels, loops, rounds
from studio.store.loops import LoopRow
from studio.workflows.loop import history_of
from studio.workflows.loop_config import LoopConfig, from_json
from studio.workflows.studio import Studio


@dataclass(frozen=True)
class Point:
    """Validation accuracy of one round with its 95 % Wilson interval, over the labels it learnt from."""

    number: int
    n_train: int
    n_validation: int
    accuracy: float
    low: float
    high: float


@dataclass(frozen=True)
class Check:
    """How often the model before a batch was right on some of that batch's examples, with a 95 % Wilson interval."""

    right: int
    n: int
    low: float
    high: float


@dataclass(frozen=True)
class TurnView:
    """One turn: its point, the gain on the turn before, the random arm's point, and the checks on its batch."""

    number: int
    n_labels: int
    n_pool: int
    round_id: str
    point: Point
    gain: stopping.Gain | None
    random: Point | None
    control: Check | None
    picked: Check | None


@dataclass(frozen=True)
class LoopView:
    """Everything about one loop. `verdicts` are those of the last rounds, oldest first, the newest one counts.

    `asked` is what the chosen rule says now, also where a limit ended the loop.
    """

    row: LoopRow
    config: LoopConfig
    turns: tuple[TurnView, ...]
    verdicts: tuple[stopping.Verdict, ...]
    asked: stopping.Verdict | None
    selection_id: str | None
    n_queue: int
    n_open: int
    runs: Mapping[str, RunStatus]
    n_labels: int
    n_pool: int

    @property
    def verdict(self) -> stopping.Verdict | None:
        """What the rule says after the newest round."""
        return self.verdicts[-1] if self.verdicts else None


def view(studio: Studio, loop_id: str, *, window: int = 5) -> LoopView:
    """One loop now.

    Args:
        studio: the open workspace.
        loop_id: which loop.
        window: how many recent verdicts to give.

    Raises:
        StoreError: it is not known.
    """
    row = loops.require(studio.store, loop_id)
    config = from_json(row.config)
    turns: list[dict[str, Any]] = list(row.detail["turns"])
    history = history_of(studio, turns)
    counted = annotations.split_counts(studio.store, row.corpus_id)
    selection_id = row.detail.get("selection_id") if row.state in ("labelling", "paused") else None
    queue = annotations.queue(studio.store, row.corpus_id, selection_id) if selection_id else None
    return LoopView(
        row=row,
        config=config,
        turns=tuple(_turn(studio, row, turns, history, place) for place in range(len(turns))),
        verdicts=tuple(stopping.window(history, config.rule, config.stop_settings(), window)) if history else (),
        asked=stopping.rule(config.rule).check(history, config.stop_settings()) if history else None,
        selection_id=selection_id,
        n_queue=0 if queue is None else len(queue),
        n_open=0 if queue is None else int((queue.state == "open").sum()),
        runs={
            arm: rundir.read_status(studio.workspace.run_dir(run_id))
            for arm, run_id in dict(row.detail.get("runs") or {}).items()
        },
        n_labels=counted["train"] + counted["validation"],
        n_pool=len(labels.pool_left(studio.store, row.snapshot_id)),
    )


def _turn(
    studio: Studio, row: LoopRow, turns: Sequence[Mapping[str, Any]], history: Sequence[stopping.Turn], place: int
) -> TurnView:
    turn = turns[place]
    before = history[place - 1].correct if place else None
    control, picked = (None, None) if not place else _checks(studio, row, turn, str(turns[place - 1]["round_id"]))
    random = turn.get("random_round_id")
    return TurnView(
        number=int(turn["number"]),
        n_labels=int(turn["n_labels"]),
        n_pool=int(turn["n_pool"]),
        round_id=str(turn["round_id"]),
        point=_point(studio, int(turn["number"]), str(turn["round_id"])),
        gain=None if before is None else stopping.paired_gain(before, history[place].correct),
        random=_point(studio, int(turn["number"]), str(random)) if random else None,
        control=control,
        picked=picked,
    )


def _point(studio: Studio, number: int, round_id: str) -> Point:
    found = rounds.require(studio.store, round_id)
    value = found.report["validation"]["accuracy"]
    return Point(
        number, found.n_train, found.n_validation, float(value["value"]), float(value["low"]), float(value["high"])
    )


def _checks(
    studio: Studio, row: LoopRow, turn: Mapping[str, Any], round_before: str
) -> tuple[Check | None, Check | None]:
    """The random picks of a batch are a fair sample of the pool: what the model got right there it gets right there.

    The picked ones are those it was least sure of, so a much lower share is what a useful batch looks like.
    """
    selection_id = turn.get("selection_id")
    if not selection_id:
        return None, None
    queue = annotations.queue(studio.store, row.corpus_id, str(selection_id))
    ids = [int(i) for i in queue.example_id]
    said = rounds.predictions(studio.store, round_before, ids)
    predicted = dict(zip(said.example_id.astype(int), said.predicted, strict=True))
    now = labels.current(studio.store, row.snapshot_id)
    truth = dict(zip(now.example_id.astype(int), now.label, strict=True))
    right: dict[bool, list[bool]] = {True: [], False: []}
    for example_id, reason in zip(ids, queue.reason, strict=True):
        if example_id in predicted and example_id in truth:
            right[batches.is_random(str(reason))].append(predicted[example_id] == truth[example_id])
    return _check(right[True]), _check(right[False])


def _check(right: Sequence[bool]) -> Check | None:
    if not right:
        return None
    low, high = wilson_pair(sum(right), len(right))
    return Check(sum(right), len(right), float(low), float(high))


def advice(seen: LoopView) -> list[tuple[str, dict[str, Any]]]:
    """What to say about going on, as words keys with values: the state, the verdict, and what cannot be met."""
    said: list[tuple[str, dict[str, Any]]] = []
    if seen.verdict is not None:
        said.append((seen.verdict.key, dict(seen.verdict.values)))
        if seen.asked is not None and seen.verdict.rule != seen.config.rule:
            said.append((seen.asked.key, dict(seen.asked.values)))  # a limit ended it: what the chosen rule thought
    if seen.turns and seen.config.rule == "confident_gain":
        n = seen.turns[-1].point.n_validation
        narrowest = stopping.narrowest_high(n) if n else 1.0
        if n >= seen.config.min_validation and narrowest >= seen.config.epsilon:
            said.append(("loop.advice_unreachable", {"n": n, "narrowest": 100 * narrowest,
                                                     "epsilon": 100 * seen.config.epsilon}))  # fmt: skip
    return said
