"""Clean a snapshot: preview a list of steps, freeze its result as a child snapshot, bring examples back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from studio.corpus.cleaning.effects import Effect, effect_from_json
from studio.corpus.cleaning.freeze import DROPPED, FLAGGED, read_beside
from studio.corpus.cleaning.recipe import Recipe, recipe_from_json
from studio.errors import CorpusError
from studio.jobs import rundir
from studio.records import Actor, RunSpec, Snapshot
from studio.store import examples, labels, recipes, references, snapshots, splits, vectors
from studio.store.recipes import SavedRecipe
from studio.words import t
from studio.workflows import adopt, runs
from studio.workflows.acts import act
from studio.workflows.runs import RunView
from studio.workflows.studio import Studio

KIND = "clean"
RECIPES = "cleaning"
SEED = 0


@dataclass(frozen=True)
class StepView:
    """One line of a previewed list; `place` is its place among all lines, those switched off included."""

    name: str
    place: int
    action: str
    n_before: int
    n_changed: int
    n_dropped: int
    n_flagged: int
    n_left_alone: int
    reasons: Mapping[str, int]
    notes: tuple[str, ...]
    effects: tuple[Effect, ...]
    samples: tuple[Mapping[str, Any], ...]

    @property
    def n_touched(self) -> int:
        """Examples the step changed, left out or flagged."""
        return self.n_changed + self.n_dropped + self.n_flagged

    @property
    def squeezed(self) -> tuple[Effect, ...]:
        """Groups that lose clearly more than the others, the worst first."""
        return tuple(sorted((one for one in self.effects if one.is_squeezed), key=lambda one: one.others - one.share))


@dataclass(frozen=True)
class Report:
    """What a list does to a snapshot, exactly, over every example.

    `n_stale` labels given by people (or the simulated annotator) are on texts the list changes; `n_labels_dropped` are
    on examples it leaves out.
    """

    n_before: int
    n_after: int
    n_changed: int
    n_flagged: int
    n_left_alone: int
    n_kept_back: int
    n_stale: int
    n_labels_dropped: int
    steps: tuple[StepView, ...]
    total: tuple[Effect, ...]
    statistics: Mapping[str, Mapping[str, float]]

    @property
    def n_dropped(self) -> int:
        """Examples left out."""
        return self.n_before - self.n_after

    @property
    def is_idle(self) -> bool:
        """True when the list changes and leaves out nothing, so that there is nothing to freeze."""
        return self.n_dropped == 0 and self.n_changed == 0

    def at(self, place: int) -> StepView | None:
        """The step at a place of the list; None where it was off."""
        return next((one for one in self.steps if one.place == place), None)


@dataclass(frozen=True)
class CleanOutcome:
    """What a finished run left: its snapshot, and whether that is new, the parent itself, or known from before."""

    snapshot: Snapshot | None
    is_same: bool
    is_new: bool


# --- acts -------------------------------------------------------------------------------------------------------------
@act("prepare.clean", "analyst")
def start(
    studio: Studio,
    actor: Actor,
    *,
    snapshot_id: str,
    recipe: Recipe,
    preview: bool,
    title: str = "",
    run_id: str | None = None,
) -> str:
    """Queue a cleaning list on a snapshot, to look at or to freeze; returns the run's id.

    The same list on the same snapshot that is at work (or, for a preview, done) already is that run.

    Raises:
        CorpusError: an unknown snapshot, an empty list, or a step that needs a map where there is none.
        JobError: the run cannot be written.
    """
    return _submit(studio, actor, snapshot_id, recipe, preview, title, run_id)


def _submit(
    studio: Studio, actor: Actor, snapshot_id: str, recipe: Recipe, preview: bool, title: str, run_id: str | None
) -> str:
    snapshot = snapshots.require(studio.store, snapshot_id)
    if not recipe.active:
        raise CorpusError("The cleaning list has no step that is switched on", got=len(recipe.plans),
                          fix="Add a step, or switch one on.")  # fmt: skip
    known = _run_of(studio, snapshot_id, recipe, preview)
    if known is not None and (known.is_live or (preview and known.status.state == "done")):
        return known.run_id
    root = studio.workspace.root
    inputs = {"snapshot": str(studio.workspace.snapshot_dir(snapshot_id).relative_to(root))}
    if "knn" in recipe.needs():
        found = vectors.newest(studio.store, snapshot_id)
        if found is None or not found.k:
            lacking = ", ".join(t(one.step.title) for one in recipe.active if "knn" in one.step.needs)
            raise CorpusError("A step of the list needs the map of the corpus", got=lacking,
                              fix="Make the map on the Explore page first, or switch the step off.")  # fmt: skip
        inputs["knn"] = found.knn_path
    return runs.submit(studio, actor, kind=KIND, title=title or f"Clean {snapshot.name}",
                       params={"recipe": recipe.to_json(), "digest": recipe.digest, "preview": preview}, inputs=inputs,
                       snapshot_id=snapshot_id, corpus_id=snapshot.corpus_id, seed=SEED, run_id=run_id)  # fmt: skip


@act("prepare.bring_back", "analyst")
def bring_back(
    studio: Studio,
    actor: Actor,
    *,
    snapshot_id: str,
    example_ids: Sequence[int] = (),
    step: str = "",
    reason: str = "",
    run_id: str | None = None,
) -> str:
    """Make the version again with some of its left-out examples in: named ones, or all of a step's reason.

    The new version is another child of the same parent; nothing else about it differs. Returns the run's id.

    Raises:
        CorpusError: the snapshot was not made by cleaning, or none of its left-out examples is meant.
    """
    parent_id, recipe = made_by(studio, snapshot_id)
    gone = dropped(studio, snapshot_id)
    meant = gone["example_id"].isin([int(i) for i in example_ids])
    if step:
        meant |= (gone["step"] == step) & ((gone["reason"] == reason) | (reason == ""))
    ids = gone.loc[meant, "example_id"].tolist()
    if not ids:
        raise CorpusError("None of the left-out examples is meant", got=list(example_ids)[:5] or step,
                          fix="Choose at least one of them.")  # fmt: skip
    return _submit(studio, actor, parent_id, recipe.with_kept(ids), False, "", run_id)


@act("prepare.save_recipe", "analyst")
def save_recipe(studio: Studio, actor: Actor, *, name: str, recipe: Recipe) -> str:
    """Keep a cleaning list under a name for every corpus of the workspace; returns its id."""
    body = recipe.to_json() | {"keep_ids": []}  # ids belong to one corpus
    return recipes.save(studio.store, RECIPES, name, body, actor.name)


# --- the end of a run -------------------------------------------------------------------------------------------------
def finish_clean(studio: Studio, run_dir: Path, spec: RunSpec) -> None:
    """Take the child snapshot over: folder, row, lineage, splits, references; a preview leaves nothing. Repeatable."""
    result = rundir.check_result(run_dir, "report.json") and rundir.read_result(run_dir)
    if spec.params.get("preview"):
        return
    snapshot_id, parent_id = str(result["snapshot_id"]), str(spec.snapshot_id)
    if snapshot_id == parent_id or snapshots.get(studio.store, snapshot_id) is not None:
        return
    manifest = adopt.take_snapshot(studio, run_dir, snapshot_id)
    with studio.store.write():
        adopt.add_snapshot(studio, manifest, corpus_id=str(spec.corpus_id), by=spec.created_by, run_id=spec.run_id,
                           parent_id=parent_id)  # fmt: skip
        _inherit(studio, snapshot_id, parent_id, spec.created_by)
    studio.store.checkpoint()


def _inherit(studio: Studio, snapshot_id: str, parent_id: str, by: str) -> None:
    """The parent's splits and reference shares hold for the child."""
    store = studio.store
    decided = splits.decision(store, parent_id)
    if decided is not None:
        before = splits.frame(store, parent_id)
        left = before[before["example_id"].isin(examples.ids(store, snapshot_id))]
        splits.decide(store, snapshot_id, ids=left["example_id"].to_numpy(np.int64), names=left["split"].to_numpy(),
                      method=decided["method"], seed=decided["seed"], shares=decided["shares"], by=by)  # fmt: skip
    for group, shares in references.shares(store, parent_id).items():
        references.set_shares(store, snapshot_id, group, shares, by=by, note="inherited")


# --- reading ----------------------------------------------------------------------------------------------------------
def _run_of(studio: Studio, snapshot_id: str, recipe: Recipe, preview: bool) -> RunView | None:
    views = runs.overview(studio, limit=500, kinds=(KIND,), snapshot_id=snapshot_id)
    return next((view for view in views if view.spec.params.get("digest") == recipe.digest
                 and bool(view.spec.params.get("preview")) == preview
                 and view.status.state != "cancelled"), None)  # fmt: skip


def preview_of(studio: Studio, snapshot_id: str, recipe: Recipe) -> RunView | None:
    """The newest preview of exactly this list on this snapshot, in whatever state; None where there is none."""
    return _run_of(studio, snapshot_id, recipe, True)


def applied_by(studio: Studio, snapshot_id: str, recipe: Recipe) -> RunView | None:
    """The newest run that was to freeze this list on this snapshot, in whatever state; None where there is none."""
    return _run_of(studio, snapshot_id, recipe, False)


def run_view(studio: Studio, run_id: str) -> RunView:
    """A cleaning run by its id.

    Raises:
        JobError: no such run.
    """
    return runs.view(studio, run_id)


def read_report(studio: Studio, view: RunView) -> Report:
    """What a done run found.

    Raises:
        JobError: the run is not done, or its files are damaged.
    """
    result = rundir.check_result(studio.workspace.run_dir(view.run_id), "report.json", "dropped.npy", "changed.npy")
    found = json.loads((result / "report.json").read_text(encoding="utf-8"))
    given = labels.annotated_ids(studio.store, str(view.spec.snapshot_id))
    changed, gone = (np.load(result / f"{name}.npy", allow_pickle=False) for name in ("changed", "dropped"))
    steps = tuple(
        StepView(**{name: one[name] for name in StepView.__dataclass_fields__ if name not in ("effects", "samples")},
                 effects=tuple(map(effect_from_json, one["effects"])), samples=tuple(one["samples"]))
        for one in found["steps"]
    )  # fmt: skip
    counts = {name: int(found[name])
              for name in ("n_before", "n_after", "n_changed", "n_flagged", "n_left_alone", "n_kept_back")}  # fmt: skip
    return Report(
        **counts,
        n_stale=int(np.isin(given, changed).sum()),
        n_labels_dropped=int(np.isin(given, gone).sum()),
        steps=steps,
        total=tuple(map(effect_from_json, found["total"])),
        statistics=found["statistics"],
    )


def outcome(studio: Studio, run_id: str) -> CleanOutcome:
    """What a done run that froze left.

    Raises:
        JobError: no such run, or it has no result yet.
    """
    result = rundir.read_result(studio.workspace.run_dir(Path(run_id).name))
    snapshot_id = str(result.get("snapshot_id", ""))
    is_same = snapshot_id == result.get("parent_id")
    is_new = not is_same and snapshots.of_run(studio.store, Path(run_id).name) is not None
    return CleanOutcome(snapshots.get(studio.store, snapshot_id), is_same, is_new)


def made_by(studio: Studio, snapshot_id: str) -> tuple[str, Recipe]:
    """The parent a cleaned snapshot was made from, and the list that made it.

    Raises:
        CorpusError: it was not made by cleaning, or its parent is gone.
    """
    lineage = snapshots.require(studio.store, snapshot_id).manifest.get("lineage") or {}
    if lineage.get("method") != KIND:
        raise CorpusError("This version was not made by cleaning", got=str(lineage.get("method", "import")),
                          fix="Open a version that was.")  # fmt: skip
    parent_id = str(lineage["parent"])
    snapshots.require(studio.store, parent_id)
    return parent_id, recipe_from_json({"steps": lineage["steps"], "keep_ids": lineage["keep_ids"]})


def dropped(studio: Studio, snapshot_id: str) -> pd.DataFrame:
    """example_id, step, place, reason and detail of every example a cleaned snapshot left out; empty for others."""
    return read_beside(studio.workspace.snapshot_dir(snapshot_id), DROPPED).to_pandas()


def flagged(studio: Studio, snapshot_id: str) -> pd.DataFrame:
    """The same of every flag; an example may have several."""
    return read_beside(studio.workspace.snapshot_dir(snapshot_id), FLAGGED).to_pandas()


def saved_recipes(studio: Studio) -> list[SavedRecipe]:
    """The cleaning lists of the workspace, newest first."""
    return recipes.all_of(studio.store, RECIPES)
