"""Does a choice help? A study on the labelled part, run by a worker, kept per recipe and state of labels and scores."""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from studio import findings as finding_texts
from studio import words
from studio.errors import SelectionError
from studio.jobs import rundir
from studio.records import Actor, RunSpec, Snapshot
from studio.selection import by_name, proxy, proxy_arms
from studio.selection.recipe import Recipe
from studio.store import findings, labels, snapshots
from studio.workflows import runs, select_proof_inputs, starting
from studio.workflows.acts import act
from studio.workflows.audits_state import digest
from studio.workflows.runs import RunView
from studio.workflows.select_proof_inputs import Part, Usable
from studio.workflows.select_scores import ScoreState
from studio.workflows.studio import Studio

AUDIT, KIND, VERSION = "proof", "proof", 2  # 2: random draws obey filters, the band is their range
LESSONS = 1  # version of kept studies of weights
LEARNING, MOST_LESSONS = ("tune", "tune_rounds"), 100  # kept studies of weights, the newest, that are looked at
_SUFFIXES: Mapping[str, tuple[str, ...]] = {
    select_proof_inputs.LM: ("_lm",), select_proof_inputs.SETS: ("_sets",),
    select_proof_inputs.TAGS: ("_tags", "_sets"),
}  # fmt: skip
_CHANGED: Mapping[str, str] = {"proof.lacking.scores": "scores", "proof.lacking.predicted": "recipe",
                               "proof.lacking.strategy": "recipe"}  # fmt: skip
SEED = 0
LARGEST_VISIBLE = 2  # an interval's half width is what could not be told from chance


@dataclass(frozen=True)
class Study:
    """A kept study. arms: one row per arm at the own size, the selection first; curve: one per size; facts: the rest.

    `stale` names what changed since (recipe, labels, scores, vectors, map), empty where it is of what there is now.
    """

    arms: pd.DataFrame
    curve: pd.DataFrame
    facts: Mapping[str, Any]
    computed_at: datetime
    stale: tuple[str, ...] = ()

    @property
    def selection(self) -> Mapping[str, Any]:
        """The row of the selection itself."""
        return self.arms.iloc[0].to_dict()

    @property
    def is_small(self) -> bool:
        """True where the held-out part is too small for usual differences."""
        return int(self.facts["n_judged"]) < proxy.SMALL_HELD

    @property
    def half_width(self) -> float:
        """Half the interval of the difference: about what would have been missed."""
        return (float(self.selection["high"]) - float(self.selection["low"])) / LARGEST_VISIBLE


@dataclass(frozen=True)
class Prospect:
    """What a study would rest on; `key` is None where it cannot be made, then `lacking` says why (a words key)."""

    part: Part | None
    used: Usable
    recipe: Recipe
    rests_on: Mapping[str, str]
    key: str | None
    lacking: str = ""
    values: Mapping[str, Any] | None = None


def prospect(
    studio: Studio, snapshot: Snapshot, recipe: Recipe, state: ScoreState, seed: int = SEED, *, kind: str = KIND,
    more: Mapping[str, Any] | None = None,
) -> Prospect:  # fmt: skip
    """Whether a study can be made now, of what, and the key it is kept under.

    `more` holds further settings of its kind. Where weights are learned, those of the recipe are no part of the key.
    """
    judged = select_proof_inputs.KINDS.get(snapshot.task, select_proof_inputs.LM)
    used = select_proof_inputs.usable(state, recipe, judged)
    if (lacking := _not_judged(recipe, judged, kind)) is not None:
        return Prospect(None, used, recipe, {}, None, lacking, {})
    if not used.inner:
        return Prospect(None, used, recipe, {}, None, "proof.lacking.scores", {})
    part = select_proof_inputs.part_of(studio, snapshot, seed)
    applied = select_proof_inputs.recipe_in_force(state, recipe, used)
    rests_on = select_proof_inputs.state_key(studio, snapshot, part, state, used)
    free = {"weights"} if kind != KIND else set()
    rests_on |= {"recipe": digest({key: own for key, own in applied.to_json().items() if key not in free})}
    try:
        part.check()
    except SelectionError:
        values = {"n": len(part.train), "held": len(part.held), "least": proxy.FEWEST_ROWS,
                  "least_held": proxy.FEWEST_HELD}  # fmt: skip
        return Prospect(part, used, applied, rests_on, None, f"proof.lacking.{part.kind}", values)
    if part.kind != select_proof_inputs.LM and state.around.vectors_path is None:
        return Prospect(part, used, applied, rests_on, None, "proof.lacking.vectors", {})
    return Prospect(part, used, applied, rests_on, digest([rests_on, seed, kind, version_of(kind), dict(more or {})]))


def worded(base: str, kind: str, rest: str = "") -> str:
    """The words key of a sentence for a kind of target: its own, that of what is judged alike, or the plain one."""
    keys = (f"{base}{suffix}{rest}" for suffix in _SUFFIXES.get(kind, ()))
    return next((key for key in keys if words.has(key)), f"{base}{rest}")


def version_of(audit: str) -> int:
    """Under which version a kind of study is kept."""
    return VERSION if audit == AUDIT else LESSONS


def _not_judged(recipe: Recipe, judged: str, kind: str) -> str | None:
    """Why a recipe cannot be judged by such targets (a words key), or None."""
    if judged == select_proof_inputs.HEAD:
        return None
    if kind != KIND and judged != select_proof_inputs.LM:
        return "learn.lacking.sets"
    if proxy_arms.asks_predicted(recipe):
        return "proof.lacking.predicted"
    return "proof.lacking.strategy" if "probs" in by_name(recipe.strategy).needs else None


def kept(studio: Studio, snapshot: Snapshot, found: Prospect) -> Study | None:
    """The study of exactly this recipe and state, else the newest of the snapshot with what changed since, or None."""
    one = newest_or_exact(studio, snapshot, found, AUDIT)
    if one is None:
        return None
    table, facts, moment, stale = one
    parts = (table[table["kind"] == kind].reset_index(drop=True) for kind in ("own", "curve"))
    return Study(*parts, facts, moment, stale)


def newest_or_exact(
    studio: Studio, snapshot: Snapshot, found: Prospect, audit: str
) -> tuple[Any, dict[str, Any], datetime, tuple[str, ...]] | None:
    """The kept table of exactly this state, else the newest: table, facts, when, and what changed since."""
    version = version_of(audit)
    one = findings.get(studio.store, snapshot.snapshot_id, audit, version, found.key) if found.key else None
    exact = one is not None
    one = one or findings.newest(studio.store, snapshot.snapshot_id, audit, version)
    if one is None:
        return None
    facts = json.loads(one[0].notes[0])
    old = facts["rests_on"]
    stale = tuple(name for name in ("recipe", "labels", "scores", "vectors", "map")
                  if found.rests_on and old.get(name) != found.rests_on.get(name))  # fmt: skip
    # where nothing could be compared, what is lacking now is what changed
    return one[0].table, facts, one[1], () if exact else stale or (_CHANGED.get(found.lacking, "seed"),)


@act("select.proof", "analyst")
def start(
    studio: Studio, actor: Actor, *, snapshot_id: str, recipe: Recipe, state: ScoreState, seed: int = SEED,
    run_id: str | None = None,
) -> str:  # fmt: skip
    """Queue a study of a recipe on the labelled part; returns the run's id (that of the same one at work, if any).

    Args:
        studio: the open workspace.
        actor: who asks.
        snapshot_id: whose labels.
        recipe: what is judged.
        state: which scores are in use.
        seed: of draws, folds and resamples.
        run_id: a UUID made by the client.

    Raises:
        SelectionError: the task is not judged, or there are too few labels or scores.
        JobError: the run cannot be written.
    """
    snapshot = snapshots.require(studio.store, snapshot_id)
    found = prospect(studio, snapshot, recipe, state, seed)
    part = found.part or select_proof_inputs.part_of(studio, snapshot, seed)
    if found.key is None:
        refuse(part, state, found.lacking)

    def submit() -> str:
        chosen = run_id or str(uuid.uuid4())
        select_proof_inputs.sweep(studio, KIND)
        folder = select_proof_inputs.folder_of(studio, KIND, chosen)
        params, inputs = select_proof_inputs.freeze(studio, snapshot, part, state, found.recipe, found.used, folder)
        is_learned = learned_here(studio, snapshot, found.recipe)
        params |= {
            "budget": recipe.budget, "n_pool": len(labels.pool_left(studio.store, snapshot_id)), "key": found.key,
            "judged": proxy.PARTS[-1] if is_learned else "held",
            "facts": select_proof_inputs.facts_of(part, found.used) | {"rests_on": dict(found.rests_on),
                                                                       "encoder": state.around.encoder_key},
        }  # fmt: skip
        return runs.submit(studio, actor, kind=KIND, title=snapshot.name, params=params, inputs=inputs,
                           snapshot_id=snapshot_id, corpus_id=snapshot.corpus_id, seed=seed, run_id=chosen)  # fmt: skip

    return starting.once(studio, kind=KIND, snapshot_id=f"{snapshot_id}:{found.key}", start=submit,
                         live=lambda: live(studio, snapshot_id=snapshot_id, key=found.key))  # fmt: skip


def refuse(part: Part, state: ScoreState, lacking: str = "") -> None:
    """Say why there can be no study.

    Raises:
        SelectionError: always.
    """
    if lacking == "proof.lacking.predicted":
        raise SelectionError("Predicted labels are known for one label an example only", got=part.kind,
                             fix="Take the filter or limit on predicted labels out.")  # fmt: skip
    if lacking == "proof.lacking.strategy":
        raise SelectionError("This way of choosing asks for class probabilities, and none can be had here",
                             got=part.kind, fix="Choose another way of choosing.")  # fmt: skip
    if lacking == "learn.lacking.sets":
        raise SelectionError("Weights are not learned from several labels or tags yet", got=part.kind,
                             fix="Check a recipe with these weights instead.")  # fmt: skip
    part.check()
    raise SelectionError("None of the scores in use can be held against these labels", got=len(state.sets),
                         fix="Prepare the scores first.")  # fmt: skip


def learned_here(studio: Studio, snapshot: Snapshot, recipe: Recipe) -> bool:
    """True where these very weights were ever learned from the reward and choice parts of these held-out labels."""
    kept = [(audit, key) for audit in LEARNING
            for key in findings.states(studio.store, snapshot.snapshot_id, audit, LESSONS, MOST_LESSONS)]  # fmt: skip
    found = findings.get_many(studio.store, snapshot.snapshot_id, LESSONS, kept)
    learned = [one for result, _ in found.values() for one in json.loads(result.notes[0]).get("learned", {}).values()]
    return dict(recipe.weights) in [dict(one) for one in learned]


def live(studio: Studio, *, snapshot_id: str, key: str | None = None, kind: str = KIND) -> RunView | None:
    """The study at work on a snapshot (of one key, or any), or None."""
    views = runs.overview(studio, limit=0, kinds=(kind,), snapshot_id=snapshot_id)
    return next((v for v in views if v.is_live and (key is None or v.spec.params.get("key") == key)), None)


def last_ended(studio: Studio, *, snapshot_id: str, kind: str = KIND) -> RunView | None:
    """The newest study where it did not end well; None where it did or there is none."""
    views = runs.overview(studio, limit=1, kinds=(kind,), snapshot_id=snapshot_id)
    newest = views[0] if views else None
    ended_well = newest is None or newest.is_live or (newest.status.state == "done" and not newest.trouble)
    return None if ended_well else newest


def finish_proof(studio: Studio, run_dir: Path, spec: RunSpec) -> None:
    """Take the numbers of a done study over; may be called again."""
    result = rundir.check_result(run_dir, "study.json")
    found = finding_texts.from_json((result / "study.json").read_text(encoding="utf-8"))
    findings.put(studio.store, str(spec.snapshot_id), VERSION, str(spec.params["key"]), found)
    shutil.rmtree(select_proof_inputs.folder_of(studio, KIND, spec.run_id), ignore_errors=True)
