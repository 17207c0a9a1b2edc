"""Counterfactual pairs of a snapshot: which groups can be swapped, the run that does it, and what it found."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from studio import audits
from studio.errors import MeasureError
from studio.jobs import rundir
from studio.lexicons.pairs import builtin_pairs, contrasts
from studio.measures import DEFAULT_MEASURES
from studio.records import LANGUAGES, Actor, AuditResult, RunSpec, Snapshot
from studio.selection.recipe import Recipe, recipe_from_json
from studio.store import findings, rounds, selections, snapshots
from studio.workflows import audits_inputs, audits_state, runs, starting
from studio.workflows.acts import act
from studio.workflows.runs import RunView
from studio.workflows.studio import Studio

KIND = "counterfactual"
Contrast = tuple[str, str, str]


@dataclass(frozen=True)
class Outcome:
    """What a swap changed (see studio.tasks.counterfactual) and whether it rests on what there is now."""

    content: Mapping[str, Any]
    is_stale: bool


def options(snapshot: Snapshot) -> tuple[Contrast, ...]:
    """The (axis, group, other group) that can be swapped in the corpus's language; empty without pairs of terms."""
    return contrasts(builtin_pairs(snapshot.language)) if snapshot.language in LANGUAGES else ()


@act("audit.counterfactual", "analyst")
def start(
    studio: Studio, actor: Actor, *, snapshot_id: str, contrast: Contrast, seed: int = 0, run_id: str | None = None
) -> str:
    """Queue the run that swaps a group's terms; returns its id (that of a live one of the same snapshot, if any).

    Raises:
        CorpusError: an unknown snapshot.
        MeasureError: no pairs for these groups.
        JobError: the run cannot be written.
    """
    snapshot = snapshots.require(studio.store, snapshot_id)
    if tuple(contrast) not in options(snapshot):
        raise MeasureError("There are no pairs of terms for these groups", got=" / ".join(contrast),
                           fix="Choose groups of the list.")  # fmt: skip
    return starting.once(
        studio,
        kind=KIND,
        snapshot_id=snapshot_id,
        live=lambda: live(studio, snapshot_id),
        start=lambda: _start(studio, actor, snapshot, contrast, seed, run_id or str(uuid.uuid4())),
    )


def _start(studio: Studio, actor: Actor, snapshot: Snapshot, contrast: Contrast, seed: int, run_id: str) -> str:
    snapshot_id, root = snapshot.snapshot_id, studio.workspace.root
    state = _state(studio, snapshot)
    with starting.inputs(studio, audits_inputs.ROOM, run_id) as place:
        audits_inputs.write(studio, snapshot, "visible", ("scores",), place)
        inputs = {"examples": str(studio.workspace.examples_file(snapshot_id).relative_to(root)),
                  "given": str(place.relative_to(root))}  # fmt: skip
        if state["round"]:
            inputs["model"] = f"{rounds.require(studio.store, state['round']).path}/model"
        params = {"contrast": list(contrast), "state": state, "version": audits.VERSION}
        params |= _selection(studio, state, place, inputs)
        return runs.submit(studio, actor, kind=KIND, title=snapshot.name, params=params, inputs=inputs,
                           snapshot_id=snapshot_id, corpus_id=snapshot.corpus_id, seed=seed, run_id=run_id)  # fmt: skip


def _selection(studio: Studio, state: Mapping[str, Any], place: Path, inputs: dict[str, str]) -> dict[str, Any]:
    """The newest selection by weighted score as a file, and the weight its quality view had."""
    if not state["selection"]:
        return {"weight": 0.0, "quality": {}}
    found = selections.get(studio.store, state["selection"])
    recipe = recipe_from_json(found.recipe)
    rows = selections.examples(studio.store, found.selection_id)[["example_id", "score"]].dropna()
    rows.to_parquet(place / "chosen.parquet", index=False)
    inputs["chosen"] = str((place / "chosen.parquet").relative_to(studio.workspace.root))
    return {"weight": recipe.weights.get("quality", 0) / 100, "quality": _inner(recipe)}


def _inner(recipe: Recipe) -> dict[str, float]:
    """The measures of the quality view and their weights: those the recipe names, and no others, else the usual."""
    named = {name: recipe.inner[name] for name in DEFAULT_MEASURES["quality"] if recipe.inner.get(name, 0) > 0}
    return named or dict.fromkeys(DEFAULT_MEASURES["quality"], 1.0)


def _state(studio: Studio, snapshot: Snapshot) -> dict[str, Any]:
    """What the outcome rests on: the round's model, the selection, the terms."""
    newest = rounds.latest(studio.store, snapshot.snapshot_id)
    chosen = next((item for item in selections.list_all(studio.store, snapshot.snapshot_id)
                   if item.arm == "selection" and item.strategy == "weighted_sum"), None)  # fmt: skip
    return {
        "round": newest.round_id if newest else "",
        "selection": chosen.selection_id if chosen else "",
        "lexicon": audits_state.lexicon_mark(audits_state.lexicon_of(studio, snapshot)),
    }


def live(studio: Studio, snapshot_id: str) -> RunView | None:
    """The run that is queued or at work on this snapshot, or None."""
    return runs.live(studio, kind=KIND, snapshot_id=snapshot_id)


def ended_badly(studio: Studio, snapshot_id: str) -> RunView | None:
    """The newest run where it did not end well; None where it did or there is none."""
    newest = next(iter(runs.overview(studio, limit=1, kinds=(KIND,), snapshot_id=snapshot_id)), None)
    return newest if newest and newest.status.state in ("failed", "crashed") else None


def outcome(studio: Studio, *, snapshot_id: str, contrast: Contrast) -> Outcome | None:
    """What the newest swap of these groups changed; None before the first.

    Raises:
        CorpusError: an unknown snapshot.
    """
    snapshot = snapshots.require(studio.store, snapshot_id)
    kept = findings.newest(studio.store, snapshot_id, _name(contrast), audits.VERSION)
    if kept is None:
        return None
    row = kept[0].table.iloc[0]
    return Outcome(json.loads(row["content"]), json.loads(row["state"]) != _state(studio, snapshot))


def finish(studio: Studio, run_dir: Path, spec: RunSpec) -> None:
    """Take the outcome of a done run over, under the version of the rules it worked by; may be called again."""
    result = rundir.check_result(run_dir, "pairs.json")
    content, state = (result / "pairs.json").read_text(encoding="utf-8"), json.dumps(spec.params["state"])
    table = pd.DataFrame({"content": [content], "state": [state]})
    kept = AuditResult(_name(spec.params["contrast"]), (), table)
    version = int(spec.params.get("version", 0))
    findings.put(studio.store, str(spec.snapshot_id), version, audits_state.digest(spec.params["state"]), kept,
                 keep=findings.KEPT_STATES if version == audits.VERSION else None)  # fmt: skip
    starting.drop(studio, audits_inputs.ROOM, spec.run_id)


def _name(contrast: Any) -> str:
    return ":".join((KIND, *contrast))
