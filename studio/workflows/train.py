"""Launch a round: collect the labels in force, look at them, freeze them, start the run, take its result over."""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from studio.errors import PlanError
from studio.jobs import rundir
from studio.models import devices
from studio.records import Actor, RunSpec, Snapshot
from studio.store import examples, labels, rounds, snapshots
from studio.training import gate
from studio.training.estimate import Estimate, estimate
from studio.training.plan import BASES, METHODS_OF_BASE, TrainPlan, check_allowed, defaults, from_json
from studio.words import t
from studio.workflows import openings, runs
from studio.workflows.acts import act
from studio.workflows.studio import Studio

ARMS: tuple[str, ...] = ("selection", "random")
# A stream of its own: with the seed alone the draw would repeat a random selection made with the same seed.
_CONTROL_STREAM = 70
_RESULT = ("report.json", "predictions.parquet", "model/winnow.json")


@dataclass(frozen=True)
class Prepared:
    """What a launch would do, without doing it. `rows` holds example_id, part, label of every row that takes part."""

    plan: TrainPlan
    gate: gate.GateResult
    rows: pd.DataFrame
    label_counts: Mapping[str, int]
    n_train: int
    n_validation: int
    n_test: int
    n_pool: int
    n_annotated: int
    n_simulated: int
    n_stale: int
    estimate: Estimate
    device: str
    vectors: str
    average_tokens: float


# --- choices a page offers --------------------------------------------------------------------------------------------
def bases(studio: Studio, snapshot: Snapshot) -> list[str]:
    """Base models for a snapshot, the suggested one first: MiniLM reads English only.

    Elsewhere the n-grams come first: they take seconds, a round, and the character model has yet to beat them on a
    corpus we measured.
    """
    built_in = ["minilm", "ngrams", "characters"] if snapshot.language == "en" else ["ngrams", "characters", "minilm"]
    return [name for name in built_in if name in BASES] + list(studio.settings.model_allow_list)


def methods(base: str) -> tuple[str, ...]:
    """Methods a base allows."""
    return METHODS_OF_BASE.get(base, METHODS_OF_BASE["minilm"])


def default_plan(base: str, method: str, seed: int = 0, **changes: Any) -> TrainPlan:
    """The sane settings of a base and a method, with some of them changed.

    Raises:
        PlanError: the settings contradict each other.
    """
    return from_json({**defaults(base, method, seed).to_json(), **changes})


def hardware() -> devices.Hardware:
    """The machine's GPU and torch, seen without loading torch."""
    return devices.inspect()


def label_counts(studio: Studio, snapshot_id: str) -> dict[str, int]:
    """Usable labels by where they count: train and validation."""
    counted = labels.counts(studio.store, snapshot_id)
    counted = counted[~counted["stale"].astype(bool)]
    return {name: int(counted.loc[counted["split"] == name, "n"].sum()) for name in ("train", "validation")}


# --- preparing --------------------------------------------------------------------------------------------------------
def prepare(
    studio: Studio, *, snapshot_id: str, plan: TrainPlan, arm: str = "selection", per_class: int | None = None
) -> Prepared:
    """Labels, data gate and estimate of a launch; writes nothing.

    Args:
        studio: the open workspace.
        snapshot_id: what to train on.
        plan: how.
        arm: selection (every label in force) or random (the train split and as many random pool examples).
        per_class: draw at most so many training rows of each label, by the plan's seed; None for all.

    Raises:
        PlanError: the base is not allowed, or there is no random draw with labels.
    """
    check_allowed(plan, studio.settings.model_allow_list)
    snapshots.require(studio.store, snapshot_id)
    now = labels.current(studio.store, snapshot_id)
    stale = now[now["stale"].astype(bool)]
    used = now[~now["stale"].astype(bool)]
    train = used[used["split"] == "train"]
    if arm == "random":
        train = _random_arm(studio, snapshot_id, train, plan.seed)
    elif arm not in ARMS:
        raise PlanError("There is no such arm", got=arm, fix="Choose selection or random.")
    if per_class is not None:
        train = _per_class(train, per_class, plan.seed)
    validation = used[used["split"] == "validation"]
    every = examples.frame(studio.store, snapshot_id, ["example_id", "text", "split_now"])
    text_of = pd.Series(every["text"].to_numpy(), index=every["example_id"].to_numpy())
    test = every[every["split_now"] == "test"]
    vectors = vectors_of(studio, snapshot_id, plan.base)
    near = vectors or _any_vectors(studio, snapshot_id)
    order = every["example_id"].to_numpy()
    parts = [_part(frame, text_of, order, near) for frame in (train, validation, test.assign(label=None))]
    result = gate.check(plan, *parts)
    train = train[~train["example_id"].isin(result.leave_out)]
    rows = _rows(every, train, validation)
    sizes = rows["part"].value_counts()
    average = average_tokens(plan, every["text"])
    device = device_of(studio)
    return Prepared(
        plan, result, rows, dict(Counter(train["label"])), len(train), len(validation), len(test),
        int(sizes.get("pool", 0)), int((train["decided"] == "pool").sum()), int(train["simulated"].sum()), len(stale),
        estimate(plan, len(train), average, device=device, cores=os.cpu_count() or 1, has_vectors=bool(vectors),
                 n_corpus=int(sizes.get("pool", 0)) if plan.base == "characters" else 0,
                 n_pool=int(sizes.get("pool", 0)) + len(validation) + len(test),
                 pace=measured_pace(studio, plan, device)),
        device, vectors, average,
    )  # fmt: skip


def _per_class(train: pd.DataFrame, k: int, seed: int) -> pd.DataFrame:
    """At most k rows of each label: a seeded permutation of all rows, the first k of each label taken."""
    if k < 1:
        raise PlanError("Each class needs at least one example", got=k, fix="Ask for 1 or more per class.")
    mixed = train.iloc[np.random.default_rng(seed).permutation(len(train))]
    return mixed.groupby("label").head(k).sort_values("example_id")


def _part(frame: pd.DataFrame, text_of: pd.Series, order: np.ndarray, vectors: str) -> gate.Part:
    ids = frame["example_id"].to_numpy(np.int64)
    picked = None
    if vectors and len(ids):
        picked = np.load(vectors, mmap_mode="r")[np.searchsorted(order, ids)]
    texts = [text or "" for text in text_of.loc[ids].tolist()] if len(ids) else []
    return gate.Part(ids.tolist(), texts, frame["label"].tolist(), picked)


def _rows(every: pd.DataFrame, train: pd.DataFrame, validation: pd.DataFrame) -> pd.DataFrame:
    """Each example's part in the run: train, validation, test (no labels), pool (whatever is left)."""
    part = pd.Series(np.where(every["split_now"] == "test", "test", "pool"), index=every["example_id"])
    label = pd.Series([None] * len(every), index=every["example_id"], dtype=object)
    for name, frame in (("train", train), ("validation", validation)):
        part.loc[frame["example_id"]] = name
        label.loc[frame["example_id"]] = frame["label"].to_numpy()
    # Train and validation rows that take no part (left out by the gate, without a label) are not in the pool either.
    idle = every["split_now"].isin(["train", "validation"]).to_numpy() & (part == "pool").to_numpy()
    frame = pd.DataFrame(
        {"example_id": every["example_id"].to_numpy(), "part": part.to_numpy(), "label": label.to_numpy()}
    )
    return frame[~idle].reset_index(drop=True)


def _random_arm(studio: Studio, snapshot_id: str, train: pd.DataFrame, seed: int) -> pd.DataFrame:
    """The train split and a random draw from the whole pool, as many as were annotated.

    Labels of the draw: the annotation where there is one, else the corpus's own, as the simulated annotator would.

    Raises:
        PlanError: nothing was annotated yet, or the corpus has no labels to reveal.
    """
    annotated = train[train["decided"] == "pool"]
    if annotated.empty:
        raise PlanError(
            "A random-selection round needs annotated pool examples to match", got=0, fix="Annotate a selection first."
        )
    pool = examples.frame(studio.store, snapshot_id, ["example_id", "split_now"])
    pool_ids = pool.loc[pool["split_now"] == "pool", "example_id"].to_numpy()
    known = labels.hidden(studio.store, snapshot_id, pool_ids).set_index("example_id")["label"]
    known = pd.concat([known, annotated.set_index("example_id")["label"]])
    known = known[~known.index.duplicated(keep="last")].sort_index()
    if len(known) < len(pool_ids):
        raise PlanError(
            "A random-selection round needs a label for every pool example it may draw",
            got=f"{len(known)} of {len(pool_ids)} have one",
            fix="Freeze a random selection of the same size, annotate it, and compare on a copy.",
        )
    drawn = np.sort(
        np.random.default_rng([seed, _CONTROL_STREAM]).choice(
            known.index.to_numpy(), size=len(annotated), replace=False
        )
    )
    own = train[train["decided"] != "pool"]
    random = pd.DataFrame(
        {
            "example_id": drawn,
            "label": known.loc[drawn].to_numpy(),
            "origin": "corpus",
            "split": "train",
            "decided": "pool",
            "simulated": True,
            "stale": False,
            "row_hash_ok": True,
        }
    )
    return pd.concat([own, random]).sort_values("example_id")


def has_random_arm(studio: Studio, snapshot_id: str) -> bool:
    """True when a random-selection round can be made: something was annotated and the corpus can label the rest."""
    now = labels.current(studio.store, snapshot_id)
    annotated = ((now["decided"] == "pool") & (now["split"] == "train")).any()
    return bool(annotated) and labels.has_corpus_labels(studio.store, snapshot_id)


def average_tokens(plan: TrainPlan, texts: pd.Series) -> float:
    """Mean tokens (characters for a model from scratch) of a sample of texts, as an estimate counts them."""
    sample = [text or "" for text in texts.iloc[:: max(1, len(texts) // 500)]]
    count = len if plan.base == "characters" else gate.pieces
    return float(np.mean([count(text) + 2 for text in sample])) if sample else 0.0


def measured_pace(studio: Studio, plan: TrainPlan, device: str) -> float | None:
    """Work per second of the newest round of the same base and method in this workspace, None before the first."""
    for report in rounds.reports(studio.store, base=plan.base, method=plan.method):
        pace = report.get("fit", {}).get("pace")
        if pace and report.get("device") == device:
            return float(pace)
    return None


def device_of(studio: Studio) -> str:
    """The device a round would be trained on."""
    asked = studio.settings.device
    return asked if asked != "auto" else devices.inspect().device


def vectors_of(studio: Studio, snapshot_id: str, base: str) -> str:
    """Path of the stored vectors a base would make itself (MiniLM only); empty when there are none."""
    folders = sorted((studio.workspace.vectors / snapshot_id).glob(f"{base}@*")) if base == "minilm" else []
    files = [folder / "vectors.npy" for folder in folders if (folder / "vectors.npy").exists()]
    return str(files[-1]) if files else ""


def _any_vectors(studio: Studio, snapshot_id: str) -> str:
    files = sorted((studio.workspace.vectors / snapshot_id).glob("*@*/vectors.npy"))
    return str(files[0]) if files else ""


# --- launching --------------------------------------------------------------------------------------------------------
@act("train.launch", "analyst")
def launch(
    studio: Studio,
    actor: Actor,
    *,
    snapshot_id: str,
    plan: TrainPlan,
    arm: str = "selection",
    loop_id: str | None = None,
    run_id: str | None = None,
    open_test: bool = False,
    open_why: str = "",
    name: str = "",
    per_class: int | None = None,
) -> str:
    """Freeze the labels in force and start a training run; the same run_id twice is one run.

    Args:
        studio: the open workspace.
        actor: who asks.
        snapshot_id: what to train on.
        plan: how.
        arm: selection or random.
        loop_id: the loop this round belongs to.
        run_id: a UUID made by the client; the round carries the same id.
        open_test: hold the finished model against the test labels at once; counted.
        open_why: see `openings.open_test`.
        name: shown in lists.
        per_class: at most so many training rows of each label.

    Returns:
        The run_id, which is the round_id too.

    Raises:
        PlanError: the data gate is closed, or the test split could not be opened.
    """
    run_id = run_id or str(uuid.uuid4())
    if (studio.workspace.run_dir(run_id) / "spec.json").exists():
        return run_id
    snapshot = snapshots.require(studio.store, snapshot_id)
    if open_test:
        openings.check_launch(studio, by=actor, corpus_id=snapshot.corpus_id, arm=arm, why=open_why)
    prepared = prepare(studio, snapshot_id=snapshot_id, plan=plan, arm=arm, per_class=per_class)
    if not prepared.gate.is_open:
        first = prepared.gate.findings[0]
        raise PlanError("The data gate is closed", got=gate_text(first.key, first.values),
                        fix="Annotate more examples, then look at the gate on the Train page.")  # fmt: skip
    rows = _write_rows(studio, run_id, prepared.rows)
    inputs = {"rows": rows, "examples": _relative(studio, studio.workspace.examples_file(snapshot_id))}
    inputs |= {"vectors": _relative(studio, Path(prepared.vectors))} if prepared.vectors else {}
    params = {
        "plan": plan.to_json(), "round_id": run_id, "arm": arm, "loop_id": loop_id, "name": name,
        "open_test": open_test and {"why": open_why, "role": actor.role, "verified": actor.verified},
        "groups": list(snapshot.groups), "n_train": prepared.n_train, "n_validation": prepared.n_validation,
        "n_annotated": prepared.n_annotated, "n_simulated": prepared.n_simulated,
        "average_tokens": prepared.average_tokens,
        "gate": [{"level": f.level, "key": f.key, "values": dict(f.values)} for f in prepared.gate.findings],
    }  # fmt: skip
    return runs.submit(studio, actor, kind="train", title=name or f"{plan.base} · {plan.method} · {snapshot.name}",
                       params=params, inputs=inputs, snapshot_id=snapshot_id, corpus_id=snapshot.corpus_id,
                       seed=plan.seed, run_id=run_id)  # fmt: skip


def gate_text(key: str, values: Mapping[str, Any]) -> str:
    """A finding of the gate as a sentence of the current language; several labels are joined as it does."""
    joined = {name: t("train.and").join(value) if isinstance(value, list) else value for name, value in values.items()}
    return t(key, **joined)


def _write_rows(studio: Studio, run_id: str, frame: pd.DataFrame) -> str:
    """The frozen rows of a run, written before the run exists so that its worker never meets half of them."""
    folder = studio.workspace.root / "inputs" / run_id
    folder.mkdir(parents=True, exist_ok=True)
    table = pa.table(
        {
            "example_id": pa.array(frame["example_id"].to_numpy(np.int64)),
            "part": pa.array(frame["part"].tolist(), pa.string()),
            "label": pa.array([None if pd.isna(v) else str(v) for v in frame["label"]], pa.string()),
        }
    )
    temporary = folder / ".rows.parquet"
    pq.write_table(table, temporary)
    with temporary.open("rb") as handle:
        os.fsync(handle.fileno())
    temporary.replace(folder / "rows.parquet")
    return _relative(studio, folder / "rows.parquet")


def _relative(studio: Studio, file: Path) -> str:
    return file.resolve().relative_to(studio.workspace.root.resolve()).as_posix()


# --- taking over ------------------------------------------------------------------------------------------------------
def finish_train(studio: Studio, run_dir: Path, spec: RunSpec) -> None:
    """Put the model of a done run in its place and write its round; safe to call again after a crash in the middle."""
    result = rundir.check_result(run_dir, *_RESULT)
    target = studio.workspace.model_dir(spec.params["round_id"])
    if not (target / "report.json").exists():
        temporary = target.with_name(f".new-{target.name}")
        shutil.rmtree(temporary, ignore_errors=True)
        shutil.copytree(result, temporary, copy_function=_link)
        temporary.rename(target)
    report = json.loads((target / "report.json").read_text(encoding="utf-8"))
    report |= {key: spec.params.get(key) for key in ("gate", "n_annotated", "n_simulated")}
    best = report["validation"]
    rounds.add(studio.store, {
        "round_id": spec.params["round_id"], "corpus_id": spec.corpus_id, "snapshot_id": spec.snapshot_id,
        "name": spec.params.get("name") or "", "arm": spec.params["arm"], "run_id": spec.run_id,
        "loop_id": spec.params.get("loop_id"), "plan": spec.params["plan"], "n_train": report["n_train"],
        "n_validation": best["n"], "accuracy": best["accuracy"]["value"], "macro_f1": best["macro_f1"]["value"],
        "report": report, "path": _relative(studio, target), "test_openings": 0, "created_by": spec.created_by,
    })  # fmt: skip
    openings.open_launched(studio, spec)
    shutil.rmtree(run_dir / "checkpoints", ignore_errors=True)  # the model is kept; optimiser states are three times it


def _link(source: str, target: str) -> str:
    """A second name for the same bytes where the file system has them, a copy elsewhere."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
    return target
