"""Upload, import, split, demo: how a corpus comes into the workspace."""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from studio.corpus import splits as split_rules
from studio.corpus.roles import Roles
from studio.corpus.split_methods import whole_plan
from studio.errors import CorpusError, JobError, StoreError
from studio.jobs import rundir
from studio.records import LANGUAGES, Actor, RunSpec, Snapshot
from studio.store import corpora, references, snapshots
from studio.workflows import adopt, runs
from studio.workflows.acts import act
from studio.workflows.corpora_files import (
    GivenFile,
    forget_upload,
    free_space_check,
    inbox,
    preview,
    resolve,
    spool,
    total_bytes,
)
from studio.workflows.export_files import export
from studio.workflows.studio import Studio

__all__ = [
    "GivenFile", "ImportOutcome", "SplitPlan", "decide_splits", "export", "finish_import", "inbox",
    "open_demo", "outcome", "preview", "set_reference", "spool", "start_import",
]  # fmt: skip
log = logging.getLogger(__name__)
DEMO_SEED = 7
DEMO_NAMES: Mapping[str, str] = {"en": "Help desk (English demo)", "zh": "客服工单（中文演示）"}
_DEMO_ROLES = Roles("text", "label", ("gender", "age_band", "region", "channel"), None, "source", "time", None)
_SHOWN_REJECTS = 200


@dataclass(frozen=True)
class SplitPlan:
    """How examples get into splits: a method of `studio.corpus.split_methods` with what it needs, shares by split.

    `train_as` is what `train` in the file becomes, `strata`, `together` and `cuts` belong to the stratified, grouped
    and timed split; they name columns of the snapshot (label, source, group_<name>).
    """

    method: str = "random"
    shares: Mapping[str, float] | None = None
    seed: int = 0
    train_as: str = "pool"
    by_file: bool = False
    strata: tuple[str, ...] = ()
    together: tuple[str, ...] = ()
    cuts: Mapping[str, str] | None = None

    def to_json(self) -> dict[str, Any]:
        """For a run's parameters."""
        return {
            "method": self.method,
            "shares": split_rules.check_shares(self.shares or split_rules.DEFAULT_SHARES),
            "seed": int(self.seed),
            "train_as": self.train_as,
            "strata": list(self.strata),
            "together": list(self.together),
            "cuts": dict(self.cuts or {}),
        }


@dataclass(frozen=True)
class ImportOutcome:
    """What an import run left: the counts of its result, its snapshot, and whether that content was new."""

    snapshot: Snapshot | None
    is_new: bool
    n_records: int
    n_examples: int
    n_rejects: int
    rejects: Mapping[str, int]
    warnings: tuple[str, ...]
    rejects_path: Path
    first_rejects: tuple[Mapping[str, Any], ...]


@act("upload.import", "analyst")
def start_import(
    studio: Studio,
    actor: Actor,
    *,
    files: Sequence[GivenFile],
    roles: Roles,
    name: str = "",
    language: str | None = None,
    corpus_id: str | None = None,
    split: SplitPlan | None = None,
    header: bool | None = None,
    run_id: str | None = None,
) -> str:
    """Queue the import of spooled or inbox files as one corpus; returns the run's id.

    Args:
        studio: the open workspace.
        actor: who imports.
        files: from `spool` or `inbox`, read in this order.
        roles: which column means what.
        name: of the corpus; the first file's name without its ending when empty.
        language: en, zh or None to guess.
        corpus_id: an existing corpus, of which this becomes a new version; its ids and splits are kept.
        split: how examples get into splits; random 70 / 10 / 20 by default.
        header: whether CSV and TSV files begin with column names; None looks.
        run_id: a UUID made by the client, so that a double click imports once.

    Raises:
        CorpusError: no file, a file that is gone, an impossible mapping or split, too little disk space.
        JobError: the run cannot be written.
    """
    plan = split or SplitPlan()
    if not files:
        raise CorpusError("No file is given", fix="Choose at least one file.")
    if language is not None and language not in LANGUAGES:
        raise CorpusError("This language is not known", got=language, fix=f"Use one of: {', '.join(LANGUAGES)}.")
    _check_plan(plan, roles)
    for file in files:
        resolve(studio.workspace, file.path)
    free_space_check(studio.workspace, total_bytes(files))
    params: dict[str, Any] = {
        "files": [
            {"input": f"file_{i}", "name": file.name, "header": header, "choices": file.choices.to_json()}
            for i, file in enumerate(files)
        ],
        "roles": roles.to_json(),
        "language": language,
        "name": _free_name(studio, name or Path(files[0].name).stem, corpus_id),
        "split": plan.to_json(),
        "split_by_file": plan.by_file,
    }
    inputs = {f"file_{i}": file.path for i, file in enumerate(files)}
    if corpus_id is not None:
        inputs |= _earlier(studio, corpus_id, params)
    return runs.submit(studio, actor, kind="import", title=params["name"], params=params, inputs=inputs,
                       corpus_id=corpus_id or corpora.new_id(), seed=plan.seed, run_id=run_id)  # fmt: skip


def _check_plan(plan: SplitPlan, roles: Roles) -> None:
    if plan.method not in split_rules.METHODS or plan.method == "mended":
        raise CorpusError("There is no such way to split", got=plan.method, fix="Use random or imported.")
    if plan.train_as not in split_rules.TRAIN_AS:
        raise CorpusError("Training rows can become pool or train", got=plan.train_as, fix="Use pool or train.")
    if plan.method == "imported" and not (roles.split or plan.by_file):
        raise CorpusError("An imported split needs a split column", fix="Choose the column, or split at random.")
    whole = whole_plan(plan.to_json())
    known = {name for name in ("label", "source", "language", "time") if getattr(roles, name, None)}
    known |= {f"group_{name}" for name in roles.group_columns()} | {"copies"}
    wanted = [*whole["strata"], *whole["together"], *(["time"] if plan.method == "time" else [])]
    if missing := [name for name in wanted if name not in known]:
        raise CorpusError("The split needs a column that has no role", got=", ".join(missing),
                          fix="Map the column, or split at random now and again on the Prepare page.")  # fmt: skip


def _free_name(studio: Studio, name: str, corpus_id: str | None) -> str:
    name = " ".join(name.split())[:100] or "corpus"
    if corpus_id is not None:
        return str(corpora.get(studio.store, corpus_id)["name"])
    unique, n = name, 1
    while corpora.named(studio.store, unique):
        n += 1
        unique = f"{name} ({n})"
    return unique


def _earlier(studio: Studio, corpus_id: str, params: dict[str, Any]) -> dict[str, str]:
    """The earlier snapshots of a corpus as inputs, so that the worker keeps their ids."""
    live = [view for view in runs.overview(studio, limit=0, kinds=("import",)) if view.spec.corpus_id == corpus_id]
    if any(view.is_live for view in live):
        raise CorpusError("This corpus is being imported already", got=params["name"], fix="Wait until it is done.")
    params["next_example_id"] = corpora.get(studio.store, corpus_id)["next_example_id"]
    known = snapshots.of_corpus(studio.store, corpus_id)
    root = studio.workspace.root
    return {
        f"earlier_{i}": str(studio.workspace.snapshot_dir(snapshot.snapshot_id).relative_to(root))
        for i, snapshot in enumerate(known)
    }


# --- the end of an import ---------------------------------------------------------------------------------------------
def finish_import(studio: Studio, run_dir: Path, spec: RunSpec) -> None:
    """Move the snapshot to its place and write corpus, snapshot, splits and references; may be called again."""
    result = rundir.read_result(run_dir)
    snapshot_id = str(result["snapshot_id"])
    rundir.check_result(run_dir, "rejects.jsonl")
    manifest = adopt.take_snapshot(studio, run_dir, snapshot_id)
    if snapshots.get(studio.store, snapshot_id) is None:
        with studio.store.write():
            _index(studio, spec, result, manifest, run_dir)
        studio.store.checkpoint()
    for name in spec.inputs:
        if name.startswith("file_"):
            forget_upload(studio.workspace, spec.inputs[name])


def _index(
    studio: Studio, spec: RunSpec, result: Mapping[str, Any], manifest: Mapping[str, Any], run_dir: Path
) -> None:
    store, params, corpus_id = studio.store, spec.params, str(spec.corpus_id)
    corpora.add(store, corpus_id=corpus_id, name=str(params["name"]), language=manifest["language"],
                task=manifest["task"], by=spec.created_by, origin=str(params.get("origin", "")))  # fmt: skip
    free = int(corpora.get(store, corpus_id)["next_example_id"])
    if free != int(params.get("next_example_id", 0)):
        raise StoreError("The corpus got another version while this one was imported", got=params["name"],
                         fix="Import it again.")  # fmt: skip
    earlier = snapshots.of_corpus(store, corpus_id)
    parent_id = earlier[0].snapshot_id if earlier else None
    adopt.add_snapshot(studio, manifest, corpus_id=corpus_id, by=spec.created_by, run_id=spec.run_id,
                       parent_id=parent_id)  # fmt: skip
    corpora.set_next_example_id(store, corpus_id, int(result["next_example_id"]))
    adopt.assign_splits(studio, str(manifest["snapshot_id"]), params["split"], spec.created_by, parent_id)
    for group, shares in _demo_reference(run_dir).items():
        if group in manifest["groups"]:
            references.set_shares(store, str(manifest["snapshot_id"]), group, shares, by=spec.created_by, note="demo")


def _demo_reference(run_dir: Path) -> dict[str, dict[str, float]]:
    path = run_dir / "result" / "demo.truth.json"
    return json.loads(path.read_text(encoding="utf-8"))["reference"] if path.exists() else {}


def outcome(studio: Studio, run_id: str) -> ImportOutcome:
    """What a finished import run left.

    Raises:
        JobError: no such run, or it has no result yet.
    """
    run_dir = studio.workspace.run_dir(Path(run_id).name)
    result = rundir.read_result(run_dir)
    path = run_dir / "result" / "rejects.jsonl"
    first: list[Mapping[str, Any]] = []
    if path.exists():
        with path.open("r", encoding="utf-8") as handle:
            first = [json.loads(line) for line, _ in zip(handle, range(_SHOWN_REJECTS), strict=False)]
    return ImportOutcome(
        snapshot=snapshots.resolve(studio.store, str(result["snapshot_id"])),
        is_new=snapshots.of_run(studio.store, Path(run_id).name) is not None,
        n_records=int(result["n_records"]),
        n_examples=int(result["n_examples"]),
        n_rejects=int(result["n_rejects"]),
        rejects=result["rejects"],
        warnings=tuple(result["warnings"]),
        rejects_path=path,
        first_rejects=tuple(first),
    )


# --- decisions --------------------------------------------------------------------------------------------------------
@act("upload.split", "analyst")
def decide_splits(studio: Studio, actor: Actor, *, snapshot_id: str, split: SplitPlan) -> dict[str, int]:
    """Put a new split decision in force; the old one stays on record. Returns examples by split.

    Raises:
        CorpusError: an unknown snapshot, or a plan it cannot fill.
    """
    snapshots.require(studio.store, snapshot_id)
    with studio.store.write():
        return adopt.assign_splits(studio, snapshot_id, split.to_json(), actor.name, None, strict=True)


@act("upload.reference", "analyst")
def set_reference(
    studio: Studio, actor: Actor, *, snapshot_id: str, group: str, shares: Mapping[str, float], note: str = ""
) -> None:
    """Decide the shares a group attribute should have; an empty mapping takes the reference back.

    Raises:
        CorpusError: an unknown snapshot or group, or shares that do not sum to 1.
    """
    groups = snapshots.require(studio.store, snapshot_id).groups
    if group not in groups:
        raise CorpusError("There is no such group attribute", got=group, fix=f"Use one of: {', '.join(groups)}.")
    references.set_shares(studio.store, snapshot_id, group, shares, by=actor.name, note=note)


# --- demo -------------------------------------------------------------------------------------------------------------
@act("upload.demo", "analyst")
def open_demo(studio: Studio, actor: Actor, *, language: str, seed: int = DEMO_SEED, n: int = 0) -> str:
    """The id of the run that imports the built-in corpus of a language; the same demo is made once.

    The run makes the files, imports them and, when it is taken over, stores the reference shares of its groups. Where
    it is done already, its snapshot is `outcome(studio, run_id).snapshot` at once.

    Raises:
        CorpusError: no demo in this language.
        JobError: the run cannot be written.
    """
    if language not in DEMO_NAMES:
        raise CorpusError("There is no demo corpus in this language", got=language, fix="Choose en or zh.")
    origin = f"demo:{language}:{seed}:{n}"
    run_id = str(uuid.uuid5(uuid.NAMESPACE_URL, f"winnow/{origin}"))
    if _is_usable(studio, run_id):
        return run_id
    run_id = _next_free(studio, origin, run_id)
    params = {
        "demo": {"language": language, "seed": seed, "n": n},
        "roles": _DEMO_ROLES.to_json(),
        "language": language,
        "name": DEMO_NAMES[language],
        "split": SplitPlan(seed=seed).to_json(),
        "origin": origin,
    }
    return runs.submit(studio, actor, kind="import", title=DEMO_NAMES[language], params=params,
                       corpus_id=corpora.new_id(), seed=seed, run_id=run_id)  # fmt: skip


def _is_usable(studio: Studio, run_id: str) -> bool:
    """True for a run that is queued, at work or done; one that failed is made anew."""
    try:
        view = runs.view(studio, run_id)
    except JobError:
        return False
    return view.is_live or view.status.state == "done"


def _next_free(studio: Studio, origin: str, run_id: str) -> str:
    n = 1
    while (studio.workspace.run_dir(run_id) / "spec.json").exists() and not _is_usable(studio, run_id):
        n += 1
        run_id = str(uuid.uuid5(uuid.NAMESPACE_URL, f"winnow/{origin}/{n}"))
    return run_id
