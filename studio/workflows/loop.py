"""The loop: seed labels, train, score, pick the next batch, label it, repeat until a rule says stop.

The row of a loop holds its state; every step makes its ids from the loop's id and its turn, so a step that was cut
short is done again without doing anything twice. States: labelling (a queue waits), training (a round runs), paused
(something needs a person; a failed round that is resumed takes the loop along), stopped (with the reason).
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Mapping
from typing import Any

import numpy as np

from studio.annotation import batches, stopping
from studio.errors import AnnotationError, EmptyPool, PlanError, StudioError
from studio.jobs import rundir
from studio.records import Actor, RunSpec, Selection
from studio.store import annotations, labels, loops, rounds, selections, snapshots
from studio.store.loops import LoopRow
from studio.training import plan as plans
from studio.workflows import annotate, train, train_rounds
from studio.workflows.acts import act
from studio.workflows.loop_config import LoopConfig, from_json
from studio.workflows.studio import Studio

_lock = threading.RLock()


# --- acts -------------------------------------------------------------------------------------------------------------
@act("loop.start", "analyst")
def start(
    studio: Studio, actor: Actor, *, snapshot_id: str, config: LoopConfig, name: str = "", loop_id: str | None = None
) -> str:
    """Start a loop on a snapshot: draw the seed labels, or train at once when there are enough labels already.

    Args:
        studio: the open workspace.
        actor: who asks; later steps are done in this name.
        snapshot_id: what is labelled and learnt from.
        config: its settings.
        name: shown in lists.
        loop_id: a UUID made by the client; the same one twice is one loop.

    Returns:
        The loop_id.

    Raises:
        AnnotationError: a simulated annotator on a corpus without labels.
        PlanError: the training plan contradicts itself.
        EmptyPool: nothing is left to label.
    """
    snapshot = snapshots.require(studio.store, snapshot_id)
    plans.from_json(config.plan)
    if config.annotator == "simulated" and not labels.has_corpus_labels(studio.store, snapshot_id):
        raise AnnotationError(
            "The simulated annotator has nothing to reveal",
            got="a corpus without labels of its own",
            fix="Start the loop with people as annotators.",
        )
    loop_id = loop_id or str(uuid.uuid4())
    row = loops.add(
        studio.store,
        loop_id=loop_id,
        corpus_id=snapshot.corpus_id,
        snapshot_id=snapshot_id,
        name=" ".join(name.split())[:80] or f"{snapshot.name} +{config.batch}",
        config={**config.to_json(), "actor_name": actor.name, "actor_role": actor.role},
        state="labelling",
        detail={"turn": 1, "attempt": 1, "selection_id": None, "turns": []},
        by=actor.name,
    )
    _advance(studio, row.loop_id)
    return row.loop_id


@act("loop.advance", "analyst", log=False)  # every label, launch and freeze it leads to has an entry of its own
def advance(studio: Studio, actor: Actor, *, loop_id: str, train_now: bool = False) -> LoopRow:
    """Take every step that can be taken now; safe to call at any time and any number of times.

    Args:
        studio: the open workspace.
        actor: who asks.
        loop_id: which loop.
        train_now: do not wait for the rest of the queue.
    """
    return _advance(studio, loop_id, train_now=train_now)


@act("loop.stop", "analyst")
def stop(studio: Studio, actor: Actor, *, loop_id: str) -> None:
    """End a loop by hand; labels and rounds stay, a running round runs to its end."""
    with _lock:
        row = loops.require(studio.store, loop_id)
        if row.state != "stopped":
            loops.put(studio.store, loop_id, state="stopped", detail=row.detail, stop_reason="by_hand")


@act("loop.retry", "analyst")
def retry(studio: Studio, actor: Actor, *, loop_id: str) -> None:
    """Go on after a pause: train the same turn again with the labels in force now."""
    with _lock:
        row = loops.require(studio.store, loop_id)
        if row.state == "paused":
            detail = {**row.detail, "attempt": int(row.detail["attempt"]) + 1, "problem": None}
            loops.put(studio.store, loop_id, state="labelling", detail=detail)
        _advance(studio, loop_id, train_now=True)


@act("loop.change_plan", "analyst")
def change_plan(studio: Studio, actor: Actor, *, loop_id: str, plan: plans.TrainPlan) -> None:
    """Go on after a pause with another training plan, from this turn on; earlier rounds keep what they were.

    Raises:
        AnnotationError: the loop does not wait for a person.
    """
    with _lock:
        row = loops.require(studio.store, loop_id)
        if row.state != "paused":
            raise AnnotationError("The training plan of a loop can only be changed while it waits for you",
                                  got=row.state, fix="Stop the running round on the Runs page first.")  # fmt: skip
        detail = {**row.detail, "attempt": int(row.detail["attempt"]) + 1, "problem": None}
        config = {**row.config, "plan": plan.to_json()}
        loops.put(studio.store, loop_id, state="labelling", detail=detail, config=config)
        _advance(studio, loop_id, train_now=True)


def after_run(studio: Studio, spec: RunSpec) -> None:
    """What the end of a training run calls, good or bad: the loop it belongs to goes on, or waits and says why."""
    loop_id = spec.params.get("loop_id")
    if loop_id and loops.get(studio.store, loop_id) is not None:
        _advance(studio, loop_id)


def catch_up(studio: Studio) -> None:
    """Move the loops whose round ended while nobody watched; called once when a workspace is opened."""
    for row in loops.live(studio.store):
        if row.state == "training":
            _advance(studio, row.loop_id)


# --- the machine ------------------------------------------------------------------------------------------------------
def _advance(studio: Studio, loop_id: str, *, train_now: bool = False) -> LoopRow:
    with _lock:
        while True:
            row = loops.require(studio.store, loop_id)
            step = {"labelling": _label, "training": _train, "paused": _resumed}.get(row.state)
            if step is None:
                return row
            try:
                moved = step(studio, row, from_json(row.config), train_now)
            except EmptyPool:
                loops.put(studio.store, loop_id, state="stopped", detail=row.detail, stop_reason="pool_empty")
                continue
            except StudioError as error:
                detail = {**row.detail, "problem": _problem(error)}
                return loops.put(studio.store, loop_id, state="paused", detail=detail)
            if not moved:
                return row
            train_now = False


def _problem(error: StudioError) -> dict[str, Any]:
    return {"what": error.what, "got": error.got_text(), "fix": error.fix}


def _label(studio: Studio, row: LoopRow, config: LoopConfig, train_now: bool) -> bool:
    """Labelling: make the queue when there is none, let the simulated annotator work, start the round when it is done.

    Returns:
        True when the loop moved.
    """
    detail = dict(row.detail)
    if detail["selection_id"] is None and not detail.get("is_seeded"):
        selection_id = _queue_for(studio, row, config)
        loops.put(
            studio.store, row.loop_id, state="labelling",
            detail={**detail, "selection_id": selection_id, "is_seeded": True},
        )  # fmt: skip
        return True
    if detail["selection_id"] is not None:
        if config.annotator == "simulated":
            annotate.simulate_rest(
                studio, _actor(config), selection_id=detail["selection_id"], error_rate=config.error_rate,
                seed=config.seed + int(detail["turn"]),
            )  # fmt: skip
        queue = annotations.queue(studio.store, row.corpus_id, detail["selection_id"])
        if (queue.state == "open").any() and not train_now and config.annotator == "human":
            return False
    runs = {"selection": _launch(studio, row, config, "selection")}
    random_problem = None
    if config.compare_random:
        try:
            runs["random"] = _launch(studio, row, config, "random")
        except PlanError as error:  # the line for comparison is missing; the loop itself can go on
            random_problem = _problem(error)
    detail |= {"runs": runs, "problem": None, "random_problem": random_problem}
    loops.put(studio.store, row.loop_id, state="training", detail=detail)
    return True


def _actor(config: LoopConfig) -> Actor:
    return Actor(name=config.actor_name, role=config.actor_role)


def _uuid(row: LoopRow, *parts: object) -> str:
    return str(uuid.uuid5(uuid.UUID(row.loop_id), ":".join(str(part) for part in parts)))


def _launch(studio: Studio, row: LoopRow, config: LoopConfig, arm: str) -> str:
    turn, attempt = row.detail["turn"], row.detail["attempt"]
    return train.launch(
        studio,
        _actor(config),
        snapshot_id=row.snapshot_id,
        plan=plans.from_json(config.plan),
        arm=arm,
        loop_id=row.loop_id,
        run_id=_uuid(row, "train", arm, turn, attempt),
        name=f"{row.name} · {turn}" + (" · random" if arm == "random" else ""),
    )


def _queue_for(studio: Studio, row: LoopRow, config: LoopConfig) -> str | None:
    """Freeze the queue of this turn: random seed labels first, then batches by the last round's model."""
    turn = int(row.detail["turn"])
    rng = np.random.default_rng([config.seed, turn])
    last = row.detail["turns"][-1] if row.detail["turns"] else None
    if last is None:
        counted = annotations.split_counts(studio.store, row.corpus_id)
        wanted = config.seed_labels - counted["train"] - counted["validation"]
        if wanted <= 0:
            return None
        left = np.asarray(labels.pool_left(studio.store, row.snapshot_id), dtype=np.int64)
        picked = batches.random_batch(left, wanted, rng=rng)
    else:
        picked = _batch_of(studio, str(last["round_id"]), config, rng)
    recipe = {
        "strategy": "seed_random" if last is None else "uncertainty", "loop": row.loop_id, "turn": turn,
        "round": None if last is None else last["round_id"], "by": config.by, "k": len(picked.ids),
        "control_share": config.control_share, "seed": config.seed,
    }  # fmt: skip
    frozen = selections.add(
        studio.store,
        selection_id=_uuid(row, "queue", turn).replace("-", ""),
        corpus_id=row.corpus_id,
        snapshot_id=row.snapshot_id,
        name=f"{row.name} · {turn}",
        strategy=str(recipe["strategy"]),
        arm="random" if last is None else "selection",
        budget=len(picked.ids),
        seed=config.seed,
        recipe=recipe,
        ids=picked.ids,
        reasons=picked.reasons,
        round_id=recipe["round"],
        loop_id=row.loop_id,
        by=row.created_by,
    )
    return frozen.selection_id


def _batch_of(studio: Studio, round_id: str, config: LoopConfig, rng: np.random.Generator) -> Selection:
    frame = train_rounds.next_pool(studio, round_id)
    values = frame[config.by].to_numpy(np.float64)
    useful = 1.0 - values if rounds.UNCERTAINTY[config.by] == "ASC" else values
    return batches.next_batch(
        frame["example_id"].to_numpy(np.int64),
        useful,
        config.batch,
        rng=rng,
        control_share=config.control_share,
        measure=config.by,
    )


def _train(studio: Studio, row: LoopRow, config: LoopConfig, _train_now: bool) -> bool:
    """Training: wait for the round; then write the turn down and stop or go on. Returns True when the loop moved."""
    runs: Mapping[str, str] = row.detail["runs"]
    found = {arm: rounds.get(studio.store, run_id) for arm, run_id in runs.items()}
    problems = {}
    for arm, run_id in runs.items():
        if found[arm] is not None:
            continue
        status = rundir.read_status(studio.workspace.run_dir(run_id))
        if not status.is_final or status.state == "done":  # done, but not taken over yet: the finisher calls again
            return False
        error = AnnotationError(
            f"The round of turn {row.detail['turn']} ended as {status.state}",
            got=status.reason,
            fix=status.advice or "Look at its log on the Runs page, then go on here.",
        )
        problems[arm] = _problem(error) | {"run_id": run_id, "state": status.state, "reason": status.reason}
    if "selection" in problems:
        loops.put(studio.store, row.loop_id, state="paused", detail={**row.detail, "problem": problems["selection"]})
        return True
    if problems:  # the line for comparison is missing; the loop itself goes on
        row = loops.put(studio.store, row.loop_id, state="training",
                        detail={**row.detail, "random_problem": problems["random"]})  # fmt: skip
    _write_turn(studio, row, config, {arm: item for arm, item in found.items() if item is not None})
    return True


def _resumed(studio: Studio, row: LoopRow, _config: LoopConfig, _train_now: bool) -> bool:
    """Paused: a failed round that somebody resumed on the Runs page is waited for again."""
    run_id = (row.detail.get("problem") or {}).get("run_id")
    if run_id is None:
        return False
    status = rundir.read_status(studio.workspace.run_dir(run_id))
    if status.is_final and status.state != "done":
        return False
    loops.put(studio.store, row.loop_id, state="training", detail={**row.detail, "problem": None})
    return True


def _write_turn(studio: Studio, row: LoopRow, config: LoopConfig, found: Mapping[str, rounds.Round]) -> None:
    counted = annotations.split_counts(studio.store, row.corpus_id)
    main = found["selection"]
    turn = {
        "number": int(row.detail["turn"]),
        "selection_id": row.detail["selection_id"],
        "round_id": main.round_id,
        "random_round_id": found["random"].round_id if "random" in found else None,
        "n_labels": counted["train"] + counted["validation"],
        "n_pool": len(labels.pool_left(studio.store, row.snapshot_id)),
    }
    detail: dict[str, Any] = {**row.detail, "turns": [*row.detail["turns"], turn], "runs": {}}
    verdict = stopping.decide(history_of(studio, detail["turns"]), config.rule, config.stop_settings())
    if verdict.stop:
        loops.put(studio.store, row.loop_id, state="stopped", detail=detail, stop_reason=verdict.rule)
        return
    detail |= {"turn": turn["number"] + 1, "attempt": 1, "selection_id": None, "is_seeded": False}
    loops.put(studio.store, row.loop_id, state="labelling", detail=detail)


def history_of(studio: Studio, turns: list[dict[str, Any]]) -> list[stopping.Turn]:
    """The turns as the stopping rules see them: who was right on validation, by the labels in force."""
    return [
        stopping.Turn(
            int(turn["number"]),
            int(turn["n_labels"]),
            int(turn["n_pool"]),
            train_rounds.correctness(studio, str(turn["round_id"])),
        )
        for turn in turns
    ]
