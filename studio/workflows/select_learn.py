"""Learning the weights: a run that tries them on the labelled part, kept per state of labels and scores."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from studio import findings as finding_texts
from studio.jobs import rundir
from studio.records import VIEWS, Actor, RunSpec, Snapshot
from studio.selection import proxy, tuning
from studio.selection.recipe import Recipe
from studio.selection.tuning import Surrogate
from studio.store import examples, findings, labels, snapshots
from studio.workflows import runs, select_learn_rounds, select_proof, select_proof_inputs, starting
from studio.workflows.acts import act
from studio.workflows.select_learn_rounds import Rounds
from studio.workflows.select_proof import LESSONS, SEED, Prospect
from studio.workflows.select_scores import ScoreState
from studio.workflows.studio import Studio

AUDIT, KIND = "tune", "tune"


@dataclass(frozen=True)
class Lesson:
    """A kept study of weights. settings: a row per setting; trials and path: what was tried; `stale`: what changed.

    finalists: by real rounds, the settings that the choice part decided between.
    """

    settings: pd.DataFrame
    trials: pd.DataFrame
    path: pd.DataFrame
    facts: Mapping[str, Any]
    computed_at: datetime
    stale: tuple[str, ...] = ()
    finalists: pd.DataFrame = field(default_factory=pd.DataFrame)

    @property
    def is_of_rounds(self) -> bool:
        """True where every trial was a real round."""
        return self.facts.get("trial") == select_learn_rounds.TRIAL

    @property
    def chosen(self) -> Mapping[str, Any] | None:
        """The row of the learned setting that did best on the choice part; None where nothing was learned."""
        found = self.settings[self.settings["way"] == self.facts["chosen"]]
        return found.iloc[0].to_dict() if len(found) else None

    @property
    def is_shown(self) -> bool:
        """True where the chosen setting beats equal weights on the report part: otherwise it is hidden by default."""
        return self.chosen is not None and bool(self.chosen["beats_equal"])

    @property
    def is_small(self) -> bool:
        """True where the held-out part is too small for usual differences."""
        return int(self.facts["n_held"]) < proxy.SMALL_HELD


def prospect(
    studio: Studio, snapshot: Snapshot, recipe: Recipe, state: ScoreState, *, label_quality: bool = False,
    seed: int = SEED, rounds: Rounds | None = None,
) -> Prospect:  # fmt: skip
    """Whether weights can be learned now, from what, and the key the result is kept under."""
    more = {"labels": label_quality} | ({} if rounds is None else rounds.to_json())
    found = select_proof.prospect(studio, snapshot, recipe, state, seed, kind=KIND, more=more)
    n_views = len(set(found.used.inner) | ({"quality"} if label_quality else set()))
    if found.key is not None and n_views < 2:
        return Prospect(found.part, found.used, found.recipe, {}, None, "learn.lacking.views", {})
    return found


def kept(studio: Studio, snapshot: Snapshot, found: Prospect, rounds: Rounds | None = None) -> Lesson | None:
    """The lesson of exactly this state, else the newest of the snapshot with what changed since, or None."""
    one = select_proof.newest_or_exact(studio, snapshot, found, AUDIT if rounds is None else select_learn_rounds.AUDIT)
    if one is None:
        return None
    table, facts, moment, stale = one
    parts = (table[table["kind"] == kind].reset_index(drop=True) for kind in ("setting", "trial", "path"))
    if rounds is not None and stale == ("seed",):  # nothing it rests on changed
        stale = ("plan",)
    finalists = table[table["kind"] == "finalist"].reset_index(drop=True)
    return Lesson(*parts, facts, moment, stale, finalists)


@act("select.learn", "analyst")
def start(
    studio: Studio, actor: Actor, *, snapshot_id: str, recipe: Recipe, state: ScoreState, label_quality: bool = False,
    seed: int = SEED, run_id: str | None = None, rounds: Rounds | None = None,
) -> str:  # fmt: skip
    """Queue the learning of weights on the labelled part; returns the run's id (that of the same one at work, if any).

    Args:
        studio: the open workspace.
        actor: who asks.
        snapshot_id: whose labels.
        recipe: its limits, measures and budget hold; its weights are compared with those learned.
        state: which scores are in use.
        label_quality: judge the labels themselves: quality is the out-of-fold confidence in a label then.
        seed: of draws, folds and resamples.
        run_id: a UUID made by the client.
        rounds: every trial is a real round by this plan; None for the small stand-in head.

    Raises:
        PlanError: the plan's base is not allowed.
        SelectionError: the task is not judged, or there are too few labels or scores.
        JobError: the run cannot be written.
    """
    snapshot = snapshots.require(studio.store, snapshot_id)
    found = prospect(studio, snapshot, recipe, state, label_quality=label_quality, seed=seed, rounds=rounds)
    part = found.part or select_proof_inputs.part_of(studio, snapshot, seed)
    if found.key is None:
        select_proof.refuse(part, state, found.lacking)

    def submit() -> str:
        chosen = run_id or str(uuid.uuid4())
        select_proof_inputs.sweep(studio, KIND)
        folder = select_proof_inputs.folder_of(studio, KIND, chosen)
        params, inputs = select_proof_inputs.freeze(studio, snapshot, part, state, found.recipe, found.used, folder)
        if rounds is not None:
            more, further = select_learn_rounds.freeze(studio, snapshot, rounds, folder)
            params, inputs = params | more, inputs | further
        seen = select_learn_rounds.looks(studio, snapshot, part.held)
        params |= {
            "budget": recipe.budget, "n_pool": len(labels.pool_left(studio.store, snapshot_id)), "key": found.key,
            "label_quality": label_quality,
            "facts": select_proof_inputs.facts_of(part, found.used) | {"rests_on": dict(found.rests_on),
                                                                       "encoder": state.around.encoder_key,
                                                                       "looks_before": seen.n_studies},
        }  # fmt: skip
        runs.submit(studio, actor, kind=KIND, title=snapshot.name, params=params, inputs=inputs, seed=seed,
                    snapshot_id=snapshot_id, corpus_id=snapshot.corpus_id, run_id=chosen,
                    slot=None if rounds is None else runs.SLOTS["train"])  # fmt: skip
        select_learn_rounds.remember(studio, snapshot_id, chosen, str(found.key), part.held)
        return chosen

    return starting.once(studio, kind=KIND, snapshot_id=f"{snapshot_id}:{found.key}", start=submit,
                         live=lambda: select_proof.live(studio, snapshot_id=snapshot_id, key=found.key,
                                                        kind=KIND))  # fmt: skip


def finish_tune(studio: Studio, run_dir: Path, spec: RunSpec) -> None:
    """Take the numbers of a done study over; may be called again."""
    result = rundir.check_result(run_dir, "tune.json")
    found = finding_texts.from_json((result / "tune.json").read_text(encoding="utf-8"))
    findings.put(studio.store, str(spec.snapshot_id), LESSONS, str(spec.params["key"]), found)
    shutil.rmtree(select_proof_inputs.folder_of(studio, KIND, spec.run_id), ignore_errors=True)


def surface(lesson: Lesson, pair: tuple[str, str]) -> tuple[list[float], list[list[float | None]]]:
    """The fitted surface over two views for a heat map: axis in percent, values row by row, None above 100 %."""
    facts, views = lesson.facts["surface"], list(lesson.facts["views"])
    made = Surrogate(np.array(facts["coefficients"]), facts["ridge"], facts["error"], facts["spread"])
    at = (views.index(pair[0]), views.index(pair[1]))
    axis, values = tuning.heat(made, len(views), at, np.array(facts["best"]))
    return (100 * axis).tolist(), [[None if np.isnan(v) else float(v) for v in row] for row in values]


def doubtful(studio: Studio, snapshot: Snapshot, lesson: Lesson) -> pd.DataFrame:
    """The examples the policy ranks last with their labels: example_id, label, text, last one first."""
    ids = [int(i) for i in lesson.facts.get("doubtful", [])]
    known = labels.current(studio.store, snapshot.snapshot_id).set_index("example_id")["label"]
    texts = examples.by_ids(studio.store, snapshot.snapshot_id, ids, ["example_id", "text"])
    return texts.assign(label=[known.get(int(i), "") for i in texts["example_id"]])


def weights_of(row: Mapping[str, Any]) -> dict[str, int]:
    """The four slider weights of a setting."""
    return {view: int(row[view]) for view in VIEWS}
