"""Learning weights by real rounds: the plan to start from, what it will cost, how often labels were used for it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from studio.errors import SelectionError
from studio.records import VIEWS, AuditResult, Snapshot
from studio.selection import proof, proxy, tuning
from studio.store import examples, findings, labels, rounds
from studio.training.estimate import Estimate, estimate, of_many
from studio.training.plan import TrainPlan, check_allowed, from_json
from studio.workflows import runs, select_proof, select_proof_inputs, train, train_live
from studio.workflows.runs import RunView
from studio.workflows.select_proof import Prospect
from studio.workflows.studio import Studio

AUDIT, TRIAL = "tune_rounds", "round"
LOOKS, LOOKS_VERSION, MOST_LOOKS = "label_looks", 1, 1_000
_SAMPLE = 500  # texts whose length stands for all


@dataclass(frozen=True)
class Rounds:
    """What a trial is when it is a real round: the plan that trains it, and how many trials there are."""

    plan: TrainPlan
    trials: int = tuning.ROUND_TRIALS

    def __post_init__(self) -> None:
        """Refuse a number of trials that is no budget.

        Raises:
            SelectionError: outside of what is offered.
        """
        if not tuning.FEWEST_TRIALS <= self.trials <= tuning.MOST_TRIALS:
            raise SelectionError("The number of trials is out of range", got=self.trials,
                                 fix=f"Choose {tuning.FEWEST_TRIALS} to {tuning.MOST_TRIALS}.")  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        """As a run's parameters hold it."""
        return {"plan": self.plan.to_json(), "trials": self.trials}


@dataclass(frozen=True)
class Cost:
    """What a study will take at most: trainings of `size` examples each, and an estimate of time."""

    trainings: int
    size: int
    estimate: Estimate
    device: str


@dataclass(frozen=True)
class Looks:
    """How often held-out labels were used to choose weights: by how many studies, how many of those there are now."""

    n_studies: int
    n_seen: int
    n_held: int


def is_offered(snapshot: Snapshot) -> bool:
    """True where rounds can be trained: examples with one label each."""
    return select_proof_inputs.KINDS.get(snapshot.task) == select_proof_inputs.HEAD


def first(studio: Studio, snapshot: Snapshot) -> Rounds:
    """What a person is offered before touching anything: the last study's plan, else the newest round's, else ours."""
    kept = findings.newest(studio.store, snapshot.snapshot_id, AUDIT, select_proof.LESSONS)
    if kept is not None:
        facts = json.loads(kept[0].notes[0])
        return Rounds(from_json(facts["plan"]), int(facts["n_trials"]))
    last = rounds.latest(studio.store, snapshot.snapshot_id)
    if last is not None:
        return Rounds(from_json(last.plan))
    base = train.bases(studio, snapshot)[0]
    methods = train.methods(base)
    return Rounds(train.default_plan(base, "lora" if "lora" in methods else methods[0]))


def cost(studio: Studio, snapshot: Snapshot, found: Prospect, budget: int, wanted: Rounds) -> Cost:
    """How many trainings of how many examples, and about how long; known before anything starts."""
    part, plan = found.part, wanted.plan
    if part is None:
        raise SelectionError("There are too few labelled examples to compare choices", got=0,
                             fix=f"Label at least {proxy.FEWEST_ROWS} for training.")  # fmt: skip
    pool = len(labels.pool_left(studio.store, snapshot.snapshot_id))
    size = tuning.size_of(proof.own_size(budget, pool, len(part.train))[0])
    views = [view for view in VIEWS if view in found.used.inner]
    equal = tuning.as_weights(np.ones(len(views)), views)
    n = tuning.n_trainings(wanted.trials, with_own=dict(found.recipe.weights) != equal)
    texts = examples.by_ids(studio.store, snapshot.snapshot_id, part.train["example_id"][:_SAMPLE], ["text"])["text"]
    device = train.device_of(studio)
    one = estimate(
        plan, size, train.average_tokens(plan, texts), device=device, cores=os.cpu_count() or 1,
        n_corpus=pool if plan.base == "characters" else 0, n_pool=len(part.held),
        has_vectors=bool(train.vectors_of(studio, snapshot.snapshot_id, plan.base)),
        pace=train.measured_pace(studio, plan, device),
    )  # fmt: skip
    return Cost(n, size, of_many(one, n), device)


def freeze(studio: Studio, snapshot: Snapshot, wanted: Rounds, folder: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """Params and inputs of a study by rounds besides those every study of weights has.

    Raises:
        PlanError: the base is not allowed.
    """
    check_allowed(wanted.plan, studio.settings.model_allow_list)
    inputs = {}
    if stored := train.vectors_of(studio, snapshot.snapshot_id, wanted.plan.base):
        inputs["plan_vectors"] = Path(stored).resolve().relative_to(studio.workspace.root.resolve()).as_posix()
    if wanted.plan.base == "characters":  # it reads the pool before it sees a label, as it does in a round
        pool = pd.DataFrame({"example_id": labels.pool_left(studio.store, snapshot.snapshot_id)})
        np.save(folder / "pool.npy", select_proof_inputs.rows_of(studio, snapshot, pool), allow_pickle=False)
    return {"trial": TRIAL, **wanted.to_json()}, inputs


# --- while it runs, and when it was broken off ------------------------------------------------------------------------
def so_far(studio: Studio, run_id: str) -> list[Mapping[str, Any]]:
    """Trials that are over, in order: step, reward and a weight per view."""
    rows = {int(row["step"]): row for row in train_live.follow(studio, run_id).raw if "reward" in row}
    return [rows[step] for step in sorted(rows)]


def unfinished(studio: Studio, snapshot: Snapshot, kind: str) -> RunView | None:
    """The newest study by rounds where it was stopped or broke off and can go on; None otherwise."""
    last = select_proof.last_ended(studio, snapshot_id=snapshot.snapshot_id, kind=kind)
    return last if last is not None and last.can_resume and last.spec.params.get("trial") == TRIAL else None


# --- repeated looks ---------------------------------------------------------------------------------------------------
def remember(studio: Studio, snapshot_id: str, run_id: str, key: str, held: pd.DataFrame) -> None:
    """Write down that a study looks at these held-out labels; kept when the run itself is deleted."""
    result = AuditResult(LOOKS, (), held[["example_id"]].reset_index(drop=True), (json.dumps({"key": key}),))
    findings.put(studio.store, snapshot_id, LOOKS_VERSION, run_id, result)


def looks(studio: Studio, snapshot: Snapshot, held: pd.DataFrame) -> Looks:
    """How many studies of weights have used held-out labels that are in use now.

    A study of exactly the same settings, labels and scores gives the same answer again and counts once; one that was
    called off before it began does not count.
    """
    known = findings.states(studio.store, snapshot.snapshot_id, LOOKS, LOOKS_VERSION, MOST_LOOKS)
    found = findings.get_many(studio.store, snapshot.snapshot_id, LOOKS_VERSION, [(LOOKS, one) for one in known])
    now = set(held["example_id"].tolist())
    seen: set[int] = set()
    studies: set[str] = set()
    for (_, run_id), (result, _) in found.items():
        shared = now & set(result.table["example_id"].tolist())
        if shared and _began(studio, run_id):
            seen |= shared
            studies.add(json.loads(result.notes[0])["key"])
    return Looks(len(studies), len(seen), len(now))


def _began(studio: Studio, run_id: str) -> bool:
    run_dir = studio.workspace.run_dir(run_id)
    return not run_dir.exists() or bool(runs.status_of(run_dir).started_at)
