"""What a measure run is given: the state of the database written down as files and parameters it can read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from studio.errors import SelectionError
from studio.jobs import query
from studio.measures import by_name
from studio.measures.rated import JUDGED
from studio.models.encoders import encoder_info
from studio.records import Array, Snapshot
from studio.store import examples, scores, snapshots
from studio.store.scores import ScoreSet, Surroundings
from studio.workflows import rated_inputs
from studio.workflows.select_contexts import DYNAMICS, Grounds, Targets, context_hash
from studio.workflows.select_files import file_texts, kept_file
from studio.workflows.studio import Studio

MAX_TARGETS = 2_000  # an evenly spaced part of a larger slice; relevance looks at the nearest three only
MAX_DESCRIPTION = 2_000
_EMBEDDED_AT_ONCE = 200
_MODEL_NEEDS = frozenset({"lm_losses", "masked_losses", "answer_losses"})


def make(grounds: Grounds, known: pd.DataFrame, contexts: Mapping[str, Mapping[str, Any]]) -> tuple[dict[str, str],
                                                                                          dict[str, Any]]:  # fmt: skip
    """Inputs (name -> path relative to the workspace) and parameters of a run for these measures.

    Args:
        grounds: what there is.
        known: `labels.current` of the snapshot.
        contexts: measure -> its context.

    Raises:
        SelectionError: none of the targets can be used, or the kept texts of a file are not what they were.
        JobError: texts cannot be embedded.
    """
    studio, around, snapshot = grounds.studio, grounds.around, grounds.snapshot
    root = studio.workspace.root
    needs = {need for name in contexts for need in by_name(name).needs}
    inputs = {"examples": str(studio.workspace.examples_file(snapshot.snapshot_id).relative_to(root))}
    params: dict[str, Any] = {"measures": list(contexts), "contexts": dict(contexts), "language": snapshot.language}
    if needs & {"embeddings", "knn", "class_probs", "out_of_fold", "likely_labels"} and around.vectors_path:
        inputs["vectors"] = around.vectors_path
        if "knn" in needs:
            inputs["knn"] = f"{around.vectors_path}/knn_{around.k}"
    if needs & {"class_probs", "likely_labels"} and around.round_path is not None:
        inputs["predictions"] = f"{around.round_path}/predictions.parquet"
    if "gold_history" in needs:
        inputs["dynamics"] = f"{around.round_path}/{DYNAMICS}"
    if needs & {"clusters", "class_probs", "labels", "likely_labels", "out_of_fold", "votes"}:
        inputs["given"] = _write_given(studio, _given(grounds, known, needs))
    if "targets" in needs:
        inputs["targets"] = _write_targets(studio, snapshot.snapshot_id, around, grounds.targets or Targets())
    if "target_texts" in needs:
        targets = grounds.targets or Targets()
        params["target_text"], params["target_ids"] = targets.text.strip(), thinned(targets.ids).tolist()
        if targets.file:
            inputs["target_file"] = str(kept_file(studio, targets.file).relative_to(root))
    if needs & JUDGED:
        rows = [rated_inputs.judged(studio, snapshot.snapshot_id, need) for need in sorted(needs & JUDGED)]
        inputs["judged"] = _write_given(studio, pd.concat(rows, ignore_index=True), "judged")
    if needs & _MODEL_NEEDS:
        inputs |= _before(studio, snapshot, contexts)
    return inputs, params


def _given(grounds: Grounds, known: pd.DataFrame, needs: Collection[str]) -> pd.DataFrame:
    """Labels, clusters and votes of every example as they are now."""
    store, around = grounds.studio.store, grounds.around
    given = pd.DataFrame({"example_id": examples.ids(store, grounds.snapshot.snapshot_id)})
    train = known.loc[known["split"] == "train", ["example_id", "label"]]
    given = given.merge(train, on="example_id", how="left")
    if around.map_id is not None and "clusters" in needs:
        given = given.merge(scores.clusters(store, around.map_id), on="example_id", how="left")
    if "votes" in needs:
        given = given.merge(grounds.votes, on="example_id", how="left")
    return given


def _folder(studio: Studio) -> Path:
    folder = studio.workspace.cache / "measure"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _write_given(studio: Studio, given: pd.DataFrame, what: str = "given") -> str:
    name = f"{what}-{hashlib.sha256(given.to_csv(index=False).encode('utf-8')).hexdigest()[:24]}.parquet"
    return _keep(studio, name, given)


def _keep(studio: Studio, name: str, frame: pd.DataFrame) -> str:
    path = _folder(studio) / name
    if not path.exists():
        temporary = path.with_suffix(f".{id(frame):x}.tmp")
        frame.to_parquet(temporary, index=False)
        temporary.rename(path)
    return str(path.relative_to(studio.workspace.root))


# --- what was scored before -------------------------------------------------------------------------------------------
def _before(studio: Studio, snapshot: Snapshot, contexts: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """The newest values by the same models in any version of the corpus, and the examples they belong to.

    A run asks a model only about rows whose texts differ from those, or that have no value.
    """
    wanted = {name: context_hash(one) for name, one in contexts.items() if _MODEL_NEEDS & {*by_name(name).needs}}
    found: dict[str, dict[str, ScoreSet]] = {}
    for other in snapshots.list_all(studio.store):
        if other.corpus_id != snapshot.corpus_id:
            continue
        for item in scores.sets(studio.store, other.snapshot_id):
            is_same = item.context_hash == wanted.get(item.measure) and item.version == by_name(item.measure).version
            if is_same:
                found.setdefault(other.snapshot_id, {})[item.measure] = item
    if not found:
        return {}
    chosen = max(found, key=lambda one: (len(found[one]), max(item.created_at for item in found[one].values())))
    frame = None
    for name, item in sorted(found[chosen].items()):
        ids, raw, _ = scores.values(studio.store, chosen, item)
        own = pd.DataFrame({"example_id": ids, name: raw})
        frame = own if frame is None else frame.merge(own, on="example_id", how="outer")
    marks = json.dumps([chosen, sorted((name, item.created_at) for name, item in found[chosen].items())])
    path = _keep(studio, f"before-{hashlib.sha256(marks.encode()).hexdigest()[:24]}.parquet", frame)
    file = studio.workspace.examples_file(chosen).relative_to(studio.workspace.root)
    return {"before": str(file), "before_scores": path}


# --- targets ----------------------------------------------------------------------------------------------------------
def thinned(ids: Collection[int]) -> Array:
    """At most 2,000 of the ids, evenly spaced."""
    wanted = np.asarray(list(ids), dtype=np.int64)
    if len(wanted) > MAX_TARGETS:
        wanted = wanted[np.linspace(0, len(wanted) - 1, MAX_TARGETS).astype(np.int64)]
    return wanted


def _write_targets(studio: Studio, snapshot_id: str, around: Surroundings, targets: Targets) -> str:
    """Unit rows of the targets as a file: typed and uploaded texts by the query worker, examples looked up."""
    rows: list[Array] = []
    texts = [targets.text.strip()[:MAX_DESCRIPTION]] if targets.text.strip() else []
    texts += file_texts(studio, targets.file) if targets.file else []
    for start in range(0, len(texts), _EMBEDDED_AT_ONCE):
        question = {
            "op": "embed",
            "texts": texts[start : start + _EMBEDDED_AT_ONCE],
            "encoder": around.encoder_key,
            "fitted_dir": around.vectors_path if encoder_info(str(around.encoder_key)).needs_fit else "",
        }
        rows.append(np.asarray(query.ask(studio, question, timeout=60.0)["vectors"], dtype=np.float32))
    if targets.ids:
        rows.append(vectors_of(studio, snapshot_id, around, thinned(targets.ids)))
    matrix = np.concatenate(rows) if rows else np.empty((0, max(around.dim, 1)), dtype=np.float32)
    matrix = matrix[np.abs(matrix).sum(axis=1) > 0]
    if not len(matrix):
        raise SelectionError("None of the targets can be used", got=f"{len(targets.ids)} examples",
                             fix="Describe the task in a few words, or pin examples of this corpus.")  # fmt: skip
    path = _folder(studio) / f"targets-{hashlib.sha256(matrix.tobytes()).hexdigest()[:24]}.npy"
    if not path.exists():
        temporary = path.with_suffix(f".{id(matrix):x}.tmp.npy")
        np.save(temporary, matrix, allow_pickle=False)
        temporary.rename(path)
    return str(path.relative_to(studio.workspace.root))


def vectors_of(studio: Studio, snapshot_id: str, around: Surroundings, ids: Array) -> Array:
    """(m, d) float32 stored vectors of the named examples; ids the snapshot lacks are left out."""
    everyone = examples.ids(studio.store, snapshot_id)
    at = np.searchsorted(everyone, ids)
    known = np.minimum(at, max(len(everyone) - 1, 0))
    rows = known[everyone[known] == ids] if len(everyone) else np.empty(0, dtype=np.int64)
    matrix = np.load(studio.workspace.root / str(around.vectors_path) / "vectors.npy", mmap_mode="r",
                     allow_pickle=False)  # fmt: skip
    return np.asarray(matrix[rows], dtype=np.float32)
