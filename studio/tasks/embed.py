"""Run kind `embed`: a vector per example and the k-NN graph of a snapshot.

params: encoder (name), k. inputs: examples (the snapshot's Parquet); encoder_state, the vectors folder of another
version whose fitted encoder is used again.
checkpoints/: encoder/ (fitted or distilled state), chunk-<start>.npy; a later attempt goes on from them.
result/: vectors.npy (n, d) float32 unit rows by ascending example_id, meta.json, knn_<k>/{idx,dist}.npy, the fitted
state of the encoder, and static/ when the fast encoder had to be distilled first.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from studio.errors import CorpusError
from studio.jobs.task import Task
from studio.mapping.neighbours import DEFAULT_K, EXACT_UP_TO, N_PROBES, knn_recall, nearest_neighbours
from studio.models.encoders import check_rows, encoder_info, facts, prepare_encoder, unknown_share
from studio.models.minilm import MiniLM
from studio.models.neighbours_gpu import nearest_on_device
from studio.models.static import StaticEncoder
from studio.records import Array, Knn

log = logging.getLogger(__name__)
CHUNK_ROWS = {MiniLM.name: 4_096}
FAST_CHUNK_ROWS = 65_536
GPU_ABOVE = 10_000  # ours: below it the CPU is done before the GPU has been woken


def run(task: Task) -> dict[str, Any]:
    """Embed every example, then find its neighbours.

    Raises:
        CorpusError: the snapshot has no examples.
        ModelError: the encoder cannot be loaded or gave rows that are not numbers.
        StopRequested: someone asked the run to end; finished chunks stay.
    """
    name = encoder_info(str(task.spec.params["encoder"])).name
    k = int(task.spec.params.get("k") or DEFAULT_K)
    ids, texts = read_texts(task)
    n = len(texts)
    task.progress(0, n, "explore.run.encoder")
    state = task.checkpoints_dir / "encoder"
    _take_state(task, state)
    encoder = prepare_encoder(
        name, task.settings, texts, out_dir=state, seed=task.spec.seed, check_stop=task.check_stop
    )
    share = unknown_share(encoder, texts)
    task.event("encoder", name=name, precision=encoder.precision, unknown_share=round(share, 4))
    started = time.monotonic()
    vectors, n_new = _embed(task, encoder, texts)
    seconds = time.monotonic() - started
    check_rows(vectors)
    content = hashlib.sha256(memoryview(np.ascontiguousarray(vectors)).cast("B")).hexdigest()
    task.barrier("neighbours")
    task.progress(0, n, "explore.run.neighbours")
    knn, how = _neighbours(task, vectors, k)
    recall, n_recall = knn_recall(vectors, knn, rng=np.random.default_rng(task.spec.seed))
    folder = task.result_dir / f"knn_{k}"
    folder.mkdir()
    np.save(folder / "idx.npy", knn.indices, allow_pickle=False)
    np.save(folder / "dist.npy", knn.distances, allow_pickle=False)
    _keep_state(task, state)
    meta = facts(
        encoder,
        snapshot_id=task.spec.snapshot_id,
        n=n,
        k=k,
        seed=task.spec.seed,
        precision=encoder.precision,
        unknown_share=share,
        n_empty=int((np.abs(vectors).sum(axis=1) == 0).sum()),
        content_hash=content,
        knn=how,
        knn_recall=recall,
        knn_recall_rows=n_recall,
        ids_hash=hashlib.sha256(ids.tobytes()).hexdigest(),
    )
    (task.result_dir / "meta.json").write_text(json.dumps(meta, ensure_ascii=False, indent=1), encoding="utf-8")
    rate = n_new / seconds if n_new and seconds > 0 else None
    log.info("run=%s encoder=%s n=%d texts_per_s=%s", task.spec.run_id, name, n, rate and round(rate))
    return meta | {"texts_per_s": rate}


def _neighbours(task: Task, vectors: Array, k: int) -> tuple[Knn, str]:
    """The k-NN graph and how it was made: exactly on a GPU where the run has one, else on the CPU."""
    n = len(vectors)

    def say(done: int) -> None:
        task.progress(done, n, "explore.run.neighbours")

    if task.device.startswith("cuda") and n > GPU_ABOVE:
        knn = nearest_on_device(vectors, k, device=task.device, on_progress=say, check_stop=task.check_stop)
        return knn, "exact, GPU"
    knn = nearest_neighbours(vectors, k, seed=task.spec.seed, on_progress=say, check_stop=task.check_stop)
    return knn, "exact" if n <= EXACT_UP_TO else f"{N_PROBES} nearest cells"


def _take_state(task: Task, state: Path) -> None:
    """Copy the fitted encoder of another version, where the run was given one, so that vectors can be compared."""
    if "encoder_state" not in task.spec.inputs or (state / ".taken").is_file():
        return
    state.mkdir(parents=True, exist_ok=True)
    for file in sorted(task.input_path("encoder_state").iterdir()):
        if file.suffix == ".safetensors" or file.name == "lexical.json":
            shutil.copyfile(file, state / file.name)
    (state / ".taken").touch()


def read_texts(task: Task) -> tuple[Array, list[str]]:
    """Ids and texts of the snapshot in ascending example_id.

    Raises:
        CorpusError: there are none.
    """
    table = pq.read_table(task.input_path("examples"), columns=["example_id", "text"])
    if table.num_rows == 0:
        raise CorpusError("The corpus has no examples to embed", got=0, fix="Import a file with at least one text.")
    table = table.sort_by("example_id")
    return table["example_id"].to_numpy().astype(np.int64), [text or "" for text in table["text"].to_pylist()]


def _embed(task: Task, encoder: Any, texts: list[str]) -> tuple[Array, int]:
    """(n, d) vectors as a file of the result, and how many rows this attempt computed; whole chunks are kept."""
    n, done, n_new = len(texts), 0, 0
    vectors = np.lib.format.open_memmap(
        task.result_dir / "vectors.npy", mode="w+", dtype=np.float32, shape=(n, encoder.dim)
    )
    height = CHUNK_ROWS.get(encoder.name, FAST_CHUNK_ROWS)
    for start in range(0, n, height):
        task.check_stop()
        part = texts[start : start + height]
        kept = task.checkpoints_dir / f"chunk-{start:09d}.npy"
        rows = _read_chunk(kept, (len(part), encoder.dim))
        if rows is None:
            base = done
            rows = encoder.encode(
                part,
                on_progress=lambda count, base=base: task.progress(base + count, n, "explore.run.embedding"),
                check_stop=task.check_stop,
            )
            temporary = task.checkpoints_dir / f".chunk-{start}.npy"
            np.save(temporary, rows, allow_pickle=False)
            os.replace(temporary, kept)
            task.checkpoint(kept.name)
            n_new += len(part)
        vectors[start : start + len(part)] = rows
        done += len(part)
        task.progress(done, n, "explore.run.embedding")
        task.barrier("embedding")
    vectors.flush()
    return vectors, n_new


def _read_chunk(path: Path, shape: tuple[int, int]) -> Array | None:
    """A whole chunk of an earlier attempt, or None."""
    try:
        rows = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return rows if rows.shape == shape and rows.dtype == np.float32 else None


def _keep_state(task: Task, state: Path) -> None:
    """Copy what was fitted or distilled into the result: lexical beside the vectors, static into its own folder."""
    if not state.is_dir():
        return
    for file in sorted(state.iterdir()):
        if file.name == StaticEncoder.file_name():
            (task.result_dir / "static").mkdir(exist_ok=True)
            shutil.copyfile(file, task.result_dir / "static" / file.name)
        elif not file.name.startswith("."):
            shutil.copyfile(file, task.result_dir / file.name)
