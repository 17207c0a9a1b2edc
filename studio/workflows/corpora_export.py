"""Examples out of the workspace as a run: a whole snapshot, what is labelled, a frozen selection, or a slice."""

from __future__ import annotations

import shutil
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from studio import __version__, words
from studio.corpus.writing import catalogue, rows, shapes, template
from studio.corpus.writing.plan import ExportPlan
from studio.errors import CorpusError
from studio.records import Actor, RunSpec, Snapshot
from studio.settings import MIB
from studio.store import examples, labels, selections, slices, snapshots, splits
from studio.store.selections import FrozenSelection
from studio.workflows import runs, versions
from studio.workflows.acts import act
from studio.workflows.studio import Studio

SELECTION, SLICE = "selection:", "slice:"
WHAT: tuple[str, ...] = ("snapshot", "labelled", f"{SELECTION}<id>", f"{SLICE}<id>")
_KEEP_INPUTS_S = 7 * 86_400
_SPARE_BYTES = 100 * MIB  # ours: left free beside an export


@dataclass(frozen=True)
class Chosen:
    """Which rows an export holds, as the decisions about them in ascending example_id, and how they are read."""

    snapshot: Snapshot
    manifest: Mapping[str, Any]
    what: str
    decisions: pa.Table
    reveal: bool
    in_order: bool
    selection: FrozenSelection | None

    @property
    def n(self) -> int:
        """How many examples."""
        return self.decisions.num_rows

    def source(self, studio: Studio) -> rows.Source:
        """What the writer reads."""
        path = studio.workspace.examples_file(self.snapshot.snapshot_id)
        return rows.Source(path, self.manifest, self.decisions, self.reveal, self.in_order)

    def first(self, studio: Studio, only: tuple[str, ...], most: int) -> rows.Source:
        """The first examples of the chosen splits in the order they will be written."""
        table = self.decisions
        if only:
            table = table.filter(pc.is_in(table["split"], pa.array(list(only), pa.string())))
        if self.in_order:
            table = table.sort_by("rank").slice(0, most).sort_by("example_id")
        return replace(self.source(studio), decisions=table.slice(0, most))

    def count(self, only: tuple[str, ...] = ()) -> int:
        """How many examples of the chosen splits."""
        return sum(self.by_split(only).values())

    def by_split(self, only: tuple[str, ...] = ()) -> dict[str, int]:
        """Examples by split, of the chosen splits."""
        counted = pc.value_counts(self.decisions["split"]).to_pylist()
        return {item["values"]: item["counts"] for item in counted if not only or item["values"] in only}


def choose(studio: Studio, *, snapshot_id: str, what: str) -> Chosen:
    """The examples an export would hold; writes nothing.

    Args:
        studio: the open workspace.
        snapshot_id: of which snapshot.
        what: `snapshot` (every example with the corpus's own labels), `labelled` (every label in force, with its
            origin and split), `selection:<id>` (a frozen selection in pick order, labels where they may be seen), or
            `slice:<id>` (a saved slice by ascending id, labels where they may be seen).

    Raises:
        CorpusError: an unknown snapshot, selection or kind, or no such example.
    """
    store, snapshot = studio.store, snapshots.require(studio.store, snapshot_id)
    manifest = rows.with_columns(snapshot.manifest, studio.workspace.examples_file(snapshot_id))
    selection = None
    if what == "snapshot":
        table = examples.table(store, snapshot_id, ("example_id", "split_now")).rename_columns(["example_id", "split"])
    elif what == "labelled":
        table = labels.table(store, snapshot_id)
        named = ["example_id", "split", "label", "origin", "simulated"]
        table = table.select([*named, "stale"] if pc.any(table["stale"]).as_py() else named)
    elif what.startswith(SELECTION):
        frame = _of_selection(studio, snapshot_id, what.removeprefix(SELECTION)).sort_values("example_id")
        table = pa.Table.from_pandas(frame, preserve_index=False)
        selection = selections.get_or_none(store, what.removeprefix(SELECTION))
    elif what.startswith(SLICE):
        table = _of_slice(studio, snapshot_id, what.removeprefix(SLICE))
    else:
        raise CorpusError("There is nothing of that kind to export", got=what, fix=f"Use one of: {', '.join(WHAT)}.")
    if not table.num_rows:
        raise CorpusError("There is nothing to export", got=what, fix="Annotate some examples first.")
    return Chosen(
        snapshot, manifest, what, table.replace_schema_metadata(), what == "snapshot", selection is not None, selection
    )


def _of_slice(studio: Studio, snapshot_id: str, slice_id: str) -> pa.Table:
    """The decided split and the label in force of a slice's examples, ascending."""
    ids = slices.ids(studio.store, snapshot_id, slice_id)
    if ids is None:
        raise CorpusError("This slice is not one of this corpus", got=slice_id, fix="Choose another one.")
    known = labels.current(studio.store, snapshot_id).set_index("example_id")
    frame = examples.by_ids(studio.store, snapshot_id, sorted(ids), ("example_id", "split_now"))
    now = known["split"].reindex(frame["example_id"]).to_numpy()
    frame["split"] = np.where(pd.isna(now), frame.pop("split_now").to_numpy(), now)
    frame["label"] = known["label"].reindex(frame["example_id"]).to_numpy()
    return pa.Table.from_pandas(frame, preserve_index=False)


def _of_selection(studio: Studio, snapshot_id: str, selection_id: str) -> pd.DataFrame:
    """rank, reason, split and the label in force of a selection's examples."""
    store = studio.store
    picked = examples.of_selection(store, snapshot_id, selection_id)[["example_id", "rank", "reason"]]
    known = labels.current(store, snapshot_id).set_index("example_id")
    decided = splits.frame(store, snapshot_id).set_index("example_id")["split"]
    ids = picked["example_id"]
    now = known["split"].reindex(ids).to_numpy()
    before = decided.reindex(ids).fillna("pool").to_numpy()
    picked["split"] = np.where(pd.isna(now), before, now)
    picked["label"] = known["label"].reindex(ids).to_numpy()
    return picked


def kinds(studio: Studio, snapshot_id: str) -> dict[str, tuple[int, str]]:
    """What can be exported: `what` -> (examples, name of the selection or slice, or empty)."""
    store, snapshot = studio.store, snapshots.require(studio.store, snapshot_id)
    found = {"snapshot": (snapshot.n_examples, "")}
    n = int(labels.counts(store, snapshot_id)["n"].sum())
    if n:
        found["labelled"] = (n, "")
    for item in selections.list_all(store, snapshot_id):
        found[f"{SELECTION}{item.selection_id}"] = (item.n, item.name)
    for part in slices.slices(store, snapshot_id).itertuples():
        found[f"{SLICE}{part.slice_id}"] = (int(part.n), str(part.name))
    return found


def columns(studio: Studio, chosen: Chosen) -> tuple[str, ...]:
    """The columns an export may hold, those that are empty throughout left out."""
    return rows.offered_columns(chosen.source(studio))


def usual_columns(studio: Studio, chosen: Chosen) -> tuple[str, ...]:
    """The columns a table holds when nobody chose."""
    return rows.usual_columns(chosen.source(studio))


def label_names(studio: Studio, chosen: Chosen) -> tuple[str, ...]:
    """The labels an instruction may list."""
    return tuple(labels.names(studio.store, chosen.snapshot.snapshot_id))


def with_words(chosen: Chosen, plan: ExportPlan) -> ExportPlan:
    """The plan with the usual instruction where its format needs one and none was written."""
    task = chosen.snapshot.task
    if plan.words or not catalogue.by_name(plan.format).needs_instruction(task):
        return plan
    usual = template.default_words(chosen.snapshot.language, several=task == "classification_multi")
    return ExportPlan.from_json(plan.to_json() | {"words": usual})


# --- the act ----------------------------------------------------------------------------------------------------------
@act("export.write", "analyst")
def start(studio: Studio, actor: Actor, *, snapshot_id: str, plan: ExportPlan, run_id: str | None = None) -> str:
    """Queue an export; returns the run's id. Its result is a folder or a zip in the workspace's exports folder.

    The labels in force are frozen now: what is annotated while the run waits does not change it.

    Raises:
        CorpusError: nothing to export, a format or column that does not fit, or too little disk space.
        JobError: the run cannot be written.
    """
    chosen = choose(studio, snapshot_id=snapshot_id, what=plan.what)
    plan = with_words(chosen, plan).check(chosen.snapshot.task, rows_columns(chosen))
    _check_space(studio, chosen, plan)
    run_id = run_id or str(uuid.uuid4())
    title = f"{chosen.snapshot.name}: {plan.format}"
    decisions = pa.BufferOutputStream()
    pq.write_table(chosen.decisions, decisions, compression="zstd")
    card = versions.card_text(studio, snapshot_id)
    inputs = {
        "snapshot": str(studio.workspace.snapshot_dir(snapshot_id).relative_to(studio.workspace.root)),
        "decisions": _keep(studio, f"{Path(run_id).name}.parquet", decisions.getvalue().to_pybytes()),
        "card": _keep(studio, f"{Path(run_id).name}.md", card.encode("utf-8")),
    }
    return runs.submit(studio, actor, kind="export", title=title, params=_params(studio, actor, chosen, plan),
                       inputs=inputs, snapshot_id=snapshot_id, corpus_id=chosen.snapshot.corpus_id,
                       run_id=run_id)  # fmt: skip


def rows_columns(chosen: Chosen) -> tuple[str, ...]:
    """Every column that may be named, empty ones too."""
    return rows.available(chosen.manifest, chosen.decisions.column_names)


def _params(studio: Studio, actor: Actor, chosen: Chosen, plan: ExportPlan) -> dict[str, Any]:
    kind, _, part = chosen.what.partition(":")
    tag = f"{kind}-{part[:8]}" if part else kind
    safe = "".join(letter if letter.isalnum() and letter.isascii() or letter == "-" else "_" for letter in tag)
    return {
        "plan": plan.to_json(),
        "manifest": {name: chosen.manifest.get(name) for name in ("source_columns", "roles")},
        "labels": list(label_names(studio, chosen)),
        "reveal": chosen.reveal,
        "in_order": chosen.in_order,
        "name": f"{chosen.snapshot.snapshot_id[:8]}-{safe}-{plan.format}",
        "facts": facts(studio, chosen, by=actor.name),
        "words": card_words(),
    }


def facts(studio: Studio, chosen: Chosen, *, by: str) -> dict[str, Any]:
    """What the manifest of an export says about where its rows come from."""
    snapshot, decision = chosen.snapshot, splits.decision(studio.store, chosen.snapshot.snapshot_id)
    found: dict[str, Any] = {
        "code_version": __version__,
        "created_by": by,
        "corpus": snapshot.name,
        "corpus_id": snapshot.corpus_id,
        "snapshot_id": snapshot.snapshot_id,
        "snapshot_sha256": snapshot.manifest.get("content_sha256"),
        "language": snapshot.language,
        "lineage": snapshot.manifest.get("lineage"),
        "split": None if decision is None else {name: decision[name] for name in ("method", "seed", "shares")},
    }
    if (item := chosen.selection) is not None:
        found["selection"] = {
            name: getattr(item, name)
            for name in ("selection_id", "name", "strategy", "arm", "budget", "n", "seed", "recipe_hash", "ids_hash")
        }
    return found


def card_words() -> dict[str, str]:
    """The texts of the card's last section in the language of the page."""
    named = {name: words.t(f"export.card.{name}") for name in ("title", "section", "file", "n", "loses", "check")}
    lines = {f"line.{form.name}": words.t(form.line) for form in catalogue.FORMATS}
    losses = {f"loses.{code}": words.t(f"export.loses.{code}") for code in catalogue.LOSSES}
    return named | lines | losses | {f"left.{code}": words.t(f"export.left.{code}") for code in shapes.LEFT_OUT}


def _check_space(studio: Studio, chosen: Chosen, plan: ExportPlan) -> None:
    """Refuse an export the disk cannot hold, by a generous guess at its size.

    Raises:
        CorpusError: too little free space.
    """
    stored = studio.workspace.examples_file(chosen.snapshot.snapshot_id).stat().st_size
    share = chosen.n / max(1, chosen.snapshot.n_examples)
    need = int(stored * share * 6 * (1.5 if plan.pack == "zip" else 1)) + _SPARE_BYTES
    free = shutil.disk_usage(studio.workspace.root).free
    if free < need:
        raise CorpusError("There is too little space on the disk for this export",
                          got=f"{free // MIB:,} MB free, about {need // MIB:,} MB needed",
                          fix="Delete earlier exports, or free some space.")  # fmt: skip


def _keep(studio: Studio, name: str, data: bytes) -> str:
    """A frozen input as a file of its run; what failed runs left a week ago is removed on the way."""
    folder = studio.workspace.cache / "export"
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        if time.time() - old.stat().st_mtime > _KEEP_INPUTS_S:
            old.unlink(missing_ok=True)
    path = folder / name
    temporary = path.with_name(f"{name}.{uuid.uuid4().hex[:8]}.tmp")
    temporary.write_bytes(data)
    temporary.rename(path)
    return str(path.relative_to(studio.workspace.root))


def forget_inputs(studio: Studio, spec: RunSpec) -> None:
    """Remove the frozen inputs of a run that is done."""
    for name in ("decisions", "card"):
        if name in spec.inputs:
            (studio.workspace.root / spec.inputs[name]).unlink(missing_ok=True)
