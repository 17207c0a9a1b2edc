"""One label on a corpus of 1,000,000 examples with 50,000 labels in it: server time and CPU of everything a key causes.

Read the desk, read the texts ahead (every 25th key), store the label (journal fsync, committed row, read back). The
ratio compares with the two writes alone: one fsynced line and one committed row in a bare DuckDB file.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
import uuid
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from studio.corpus import schema
from studio.records import Actor, AnnotationEvent
from studio.settings import Settings, Workspace
from studio.store import annotations, corpora, examples, selections, snapshots
from studio.workflows import annotate, annotate_desk
from studio.workflows.studio import open_studio

N, N_LABELLED, N_QUEUE, N_KEYS = 1_000_000, 50_000, 2_000, 200
LABELS = tuple(f"label {n}" for n in range(12))
SNAPSHOT, CORPUS, QUEUE = "b" * 16, "bench", "benchqueue"


def build(workspace: Workspace) -> None:
    """A million rows written straight to Parquet, in the columns of a snapshot."""
    ids = np.arange(1, N + 1)
    columns = schema.column_names(("gender",))
    empty = pa.nulls(N, pa.string())
    data = {name: empty for name in columns} | {
        "example_id": pa.array(ids),
        "parent_id": pa.nulls(N, pa.int64()),
        "text": pa.array([f"request {i} about something that went wrong last week" for i in ids]),
        "label": pa.array([LABELS[i % 12] for i in ids]),
        "row_hash": pa.array([f"{i:064x}" for i in ids]),
    }
    file = workspace.examples_file(SNAPSHOT)
    file.parent.mkdir(parents=True)
    pq.write_table(pa.table({name: data[name] for name in columns}), file, row_group_size=65_536)


def fill(studio) -> None:
    """Rows of the catalogue, the queue, and labels that are there already."""
    manifest = {
        "snapshot_id": SNAPSHOT, "language": "en", "task": "classification", "n_examples": N, "groups": ["gender"],
        "labels": list(LABELS), "columns": list(schema.column_names(("gender",))),
    }  # fmt: skip
    corpora.add(studio.store, corpus_id=CORPUS, name="Bench", language="en", task="classification", by="bench")
    snapshots.add(studio.store, manifest, corpus_id=CORPUS, name="Bench", by="bench")
    ids = np.random.default_rng(0).choice(np.arange(1, N + 1), N_QUEUE, replace=False)
    selections.add(
        studio.store, selection_id=QUEUE, corpus_id=CORPUS, snapshot_id=SNAPSHOT, name="Queue", strategy="top",
        arm="selection", budget=N_QUEUE, seed=0, recipe={}, ids=ids, reasons=["above_threshold"] * N_QUEUE, by="bench",
    )  # fmt: skip
    taken = set(ids.tolist())
    others = [i for i in range(1, N_LABELLED + N_QUEUE + 1) if i not in taken][:N_LABELLED]
    for start in range(0, N_LABELLED, 5_000):
        annotations.append(
            studio.store,
            [
                AnnotationEvent(
                    event_id=uuid.uuid4().hex,
                    corpus_id=CORPUS,
                    snapshot_id=SNAPSHOT,
                    example_id=i,
                    row_hash=f"{i:064x}",
                    event="label",
                    payload=annotate.class_payload(LABELS[i % 12]),
                    actor="bench",
                    role="annotator",
                    split="train",
                    simulated=True,
                )
                for i in others[start : start + 5_000]
            ],
        )  # fmt: skip


def keys(studio) -> tuple[list[float], float]:
    """Seconds of each key, and CPU seconds per key."""
    actor = Actor("bench", "annotator")
    times, rows = [], None
    began = time.process_time()
    for number in range(N_KEYS):
        started = time.perf_counter()
        desk = annotate_desk.read(studio, actor, selection_id=QUEUE, session="bench")
        if number % annotate_desk.LOOK_AHEAD == 0 or rows is None:
            ahead = [waiting.example_id for waiting in desk.waiting]
            rows = examples.by_ids(studio.store, SNAPSHOT, ahead, ["example_id", "text", "row_hash"])
        shown = annotate.Shown(CORPUS, SNAPSHOT, QUEUE, desk.waiting[0].example_id, "h")
        annotate.label(studio, actor, shown=shown, value=LABELS[number % 12], event_id=uuid.uuid4().hex)
        times.append(time.perf_counter() - started)
    return times, (time.process_time() - began) / N_KEYS


def plain(folder: Path) -> list[float]:
    """The two writes by themselves."""
    connection = duckdb.connect(str(folder / "plain.duckdb"))
    connection.execute("CREATE TABLE event (id VARCHAR, payload VARCHAR)")
    times = []
    with (folder / "plain.jsonl").open("ab") as journal:
        for _ in range(N_KEYS):
            started = time.perf_counter()
            journal.write(b'{"event": "label"}\n')
            journal.flush()
            os.fsync(journal.fileno())
            connection.execute("INSERT INTO event VALUES (?, ?)", [uuid.uuid4().hex, "{}"])
            times.append(time.perf_counter() - started)
    connection.close()
    return times


def milliseconds(times: list[float], share: float) -> float:
    """A quantile in milliseconds."""
    return round(1000 * float(np.quantile(times, share)), 1)


def main() -> None:
    """Print one JSON line."""
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(Path(folder) / "workspace").make()
        build(workspace)
        studio = open_studio(Settings(workspace=workspace, device="cpu"), supervise=False)
        try:
            fill(studio)
            print("labelling", file=sys.stderr)
            times, cpu = keys(studio)
        finally:
            studio.close()
        bare = plain(Path(folder))
        print(
            json.dumps(
                {
                    "benchmark": "annotate", "examples": N, "labels": N_LABELLED, "keys": N_KEYS,
                    "server_ms_p50": milliseconds(times, 0.5), "server_ms_p95": milliseconds(times, 0.95),
                    "cpu_ms_per_label": round(1000 * cpu, 1), "goal_cpu_ms_per_label": 60,
                    "two_writes_ms_p50": milliseconds(bare, 0.5),
                    "ratio_to_two_writes": round(float(np.median(times) / np.median(bare)), 1),
                }
            )
        )  # fmt: skip


if __name__ == "__main__":
    main()
