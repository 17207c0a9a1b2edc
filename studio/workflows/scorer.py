"""Scores by a model of the host's choice: which are configured, where a snapshot stands, the run, its numbers."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from studio.errors import ModelError
from studio.jobs import rundir
from studio.models import scorer as scorers
from studio.records import SCORER, Actor, Array, Batch, Measure, RunSpec, Snapshot
from studio.selection.unit_scores import unit_scores
from studio.store import scores, snapshots
from studio.store.scores import ScoreSet
from studio.workflows import runs
from studio.workflows.acts import act
from studio.workflows.audits_state import SCORER_VERSION, digest
from studio.workflows.runs import RunView
from studio.workflows.studio import Studio

KIND = "score"


@dataclass(frozen=True)
class Standing:
    """One configured scorer and a snapshot: the problem of its setting, its class, its newest scores and its runs.

    `is_stale`: the files of the model or the class that counts have changed since the scores were made.
    """

    name: str
    output: str = ""
    problem: ModelError | None = None
    scored: ScoreSet | None = None
    is_stale: bool = False
    run: RunView | None = None
    ended: RunView | None = None

    @property
    def counts(self) -> Mapping[str, Any]:
        """What the run of the scores counted: n, n_empty, n_failed, n_cut and how it was computed."""
        return self.scored.context if self.scored else {}


def measure_of(name: str) -> Measure:
    """The record under which the scores of a scorer are stored."""
    return Measure(
        f"{SCORER}{name}", "", "measure.scorer.title", (), "measure.scorer.unit", "high", SCORER_VERSION, "", _not_here
    )


def _not_here(batch: Batch) -> Array:
    raise ModelError("A scorer is asked by a run", got=len(batch.ids), fix="Use studio.workflows.scorer.start.")


def is_configured(studio: Studio) -> bool:
    """True when the host named at least one scorer, usable or not."""
    return bool(studio.settings.scorers.strip())


def standings(studio: Studio, snapshot_id: str) -> tuple[Standing, ...]:
    """Every configured scorer and where the snapshot stands with it; empty without any.

    Raises:
        CorpusError: an unknown snapshot.
    """
    if not is_configured(studio):
        return ()
    snapshots.require(studio.store, snapshot_id)
    newest = _newest(studio, snapshot_id)
    listed = runs.overview(studio, limit=20, kinds=(KIND,), snapshot_id=snapshot_id)
    found = []
    for entry in scorers.entries(studio.settings.scorers):
        own = [view for view in listed if view.spec.params.get("scorer") == entry.name]
        last = max(own, key=lambda view: view.spec.ticket, default=None)
        live = next((view for view in own if view.is_live), None)
        bad = last if last and not last.is_live and (last.status.state != "done" or last.trouble) else None
        there = newest.get(f"{SCORER}{entry.name}")
        stale = there is not None and entry.scorer is not None and _is_stale(entry.scorer, there)
        found.append(Standing(entry.name, entry.scorer.output if entry.scorer else "", entry.problem, there, stale,
                              live, bad))  # fmt: skip
    return tuple(found)


def _newest(studio: Studio, snapshot_id: str) -> dict[str, ScoreSet]:
    found: dict[str, ScoreSet] = {}
    for item in scores.sets(studio.store, snapshot_id):  # newest first
        if item.measure.startswith(SCORER) and item.version == SCORER_VERSION:
            found.setdefault(item.measure, item)
    return found


def _is_stale(scorer: scorers.Scorer, there: ScoreSet) -> bool:
    return there.context.get("output") != scorer.output or there.context.get("stamp") != scorers.stamp(scorer)


@act("scorer.start", "analyst")
def start(studio: Studio, actor: Actor, *, snapshot_id: str, name: str, run_id: str | None = None) -> str:
    """Queue the run that scores every text of a snapshot; returns its id (that of a live one, if any).

    Raises:
        CorpusError: an unknown snapshot.
        ModelError: no such scorer, or its setting has a problem.
        JobError: the run cannot be written.
    """
    snapshot = snapshots.require(studio.store, snapshot_id)
    chosen = scorers.by_name(studio.settings.scorers, name)
    for view in runs.overview(studio, limit=0, kinds=(KIND,), snapshot_id=snapshot_id):
        if view.is_live and view.spec.params.get("scorer") == name:
            return view.run_id
    given, root = run_id or str(uuid.uuid4()), studio.workspace.root
    examples = studio.workspace.examples_file(snapshot_id)
    inputs = {"examples": str(examples.relative_to(root))}
    model = _before(studio, snapshot, chosen, given, inputs)
    params = {"scorer": name, "output": chosen.output, "before_model": model}
    return runs.submit(studio, actor, kind=KIND, title=f"{snapshot.name} · {name}", params=params, inputs=inputs,
                       snapshot_id=snapshot_id, corpus_id=snapshot.corpus_id, run_id=given)  # fmt: skip


def _before(studio: Studio, snapshot: Snapshot, chosen: scorers.Scorer, run_id: str, inputs: dict[str, str]) -> str:
    """Add the newest scores of this class in any version of the corpus to the inputs; returns the hash of their model.

    The worker uses them only where its own model has that hash.
    """
    of_corpus = [item.snapshot_id for item in snapshots.list_all(studio.store) if item.corpus_id == snapshot.corpus_id]
    there = [(one, found) for one in of_corpus if (found := _newest(studio, one).get(f"{SCORER}{chosen.name}"))
             and found.context.get("output") == chosen.output]  # fmt: skip
    if not there:
        return ""
    other, newest = max(there, key=lambda item: item[1].created_at)
    ids, raw, _ = scores.values(studio.store, other, newest)
    path, root = _given(studio, run_id), studio.workspace.root
    path.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame({"example_id": ids, "raw": raw}).to_parquet(path, index=False)
    inputs["before"] = str(studio.workspace.examples_file(other).relative_to(root))
    inputs["before_scores"] = str(path.relative_to(root))
    return str(newest.context.get("model", ""))


def _given(studio: Studio, run_id: str) -> Path:
    return studio.workspace.cache / KIND / f"{run_id}.parquet"


def finish(studio: Studio, run_dir: Path, spec: RunSpec) -> None:
    """Take the scores of a done run over; may be called again."""
    result = rundir.check_result(run_dir, "scores.parquet")
    facts = rundir.read_result(run_dir)
    table = pq.read_table(result / "scores.parquet")
    raw = np.asarray(table["value"].to_numpy(), dtype=np.float64)
    one = measure_of(str(spec.params["scorer"]))
    key = {"model": facts["model"], "output": spec.params["output"]}
    scores.put(
        studio.store,
        str(spec.snapshot_id),
        one,
        context_hash=digest(key),
        context={**facts, **key},
        ids=table["example_id"].to_numpy(),
        raw=raw,
        unit=unit_scores(raw, one.prefer),
        run_id=spec.run_id,
    )
    _given(studio, spec.run_id).unlink(missing_ok=True)
