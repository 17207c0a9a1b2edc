"""Export of one million rows by a run: seconds, rows per second, peak memory of the worker and growth of the server."""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import psutil

from benchmarks.bench_import import make


def _peak(stop: threading.Event, peaks: dict[str, int]) -> None:
    """Watch this process and its children until told to stop."""
    me = psutil.Process(os.getpid())
    while not stop.wait(0.1):
        peaks["server"] = max(peaks["server"], me.memory_info().rss)
        for child in me.children(recursive=True):
            try:
                peaks["worker"] = max(peaks["worker"], child.memory_info().rss)
            except psutil.Error:
                continue


def run(n: int) -> list[dict[str, object]]:
    """One line per format and kind of rows."""
    from studio.corpus.importing import Source, import_files
    from studio.corpus.roles import Roles
    from studio.corpus.writing import ExportPlan
    from studio.records import Actor
    from studio.settings import Settings, Workspace
    from studio.store import corpora, selections, snapshots, splits
    from studio.workflows import corpora_export, export_files, runs
    from studio.workflows.studio import open_studio

    lines, actor = [], Actor("bench", "admin")
    with tempfile.TemporaryDirectory() as place:
        studio = open_studio(Settings(Workspace(Path(place) / "w")))
        file = Path(place) / "rows.jsonl"
        n_bytes = make(file, n)
        done = import_files([Source(file, file.name)], Roles("text", "label", ("gender", "region")),
                            studio.workspace.snapshots, rejects_path=Path(place) / "rejects")  # fmt: skip
        snapshot_id = done.snapshot_id
        corpora.add(studio.store, corpus_id="c", name="Bench", language="en", task="classification", by="bench")
        snapshots.add(studio.store, done.manifest, corpus_id="c", name="Bench", by="bench")
        ids = np.arange(done.n_examples)
        splits.decide(studio.store, snapshot_id, ids=ids, names=np.array(["test", "validation"])[ids % 2],
                      method="random", seed=0, shares={}, by="bench")  # fmt: skip
        picked = np.random.default_rng(0).permutation(ids)[: n // 2]
        selections.add(studio.store, selection_id="s", corpus_id="c", snapshot_id=snapshot_id, name="Half",
                       strategy="random", arm="selection", budget=len(picked), seed=0, recipe={}, ids=picked,
                       reasons=["top"] * len(picked), by="bench")  # fmt: skip
        for fmt, what in (("jsonl", "snapshot"), ("parquet", "snapshot"), ("alpaca", "labelled"),
                          ("jsonl", "selection:s")):  # fmt: skip
            before, peaks, stop = psutil.Process().memory_info().rss, {"server": 0, "worker": 0}, threading.Event()
            watcher = threading.Thread(target=_peak, args=(stop, peaks))
            watcher.start()
            started = time.perf_counter()
            chosen = corpora_export.choose(studio, snapshot_id=snapshot_id, what=what)
            export_files.look(studio, chosen=chosen, plan=ExportPlan(fmt, what))
            looked = time.perf_counter() - started
            del chosen
            run_id = corpora_export.start(studio, actor, snapshot_id=snapshot_id, plan=ExportPlan(fmt, what))
            state = runs.wait(studio, run_id).state
            seconds = time.perf_counter() - started - looked
            stop.set()
            watcher.join()
            made = export_files.outcome(studio, run_id)
            lines.append(
                {"benchmark": "export", "format": fmt, "what": what.split(":")[0], "state": state,
                 "rows": made.manifest["n"], "seconds": round(seconds, 2), "look_seconds": round(looked, 2),
                 "rows_per_s": round(made.manifest["n"] / seconds), "bytes": made.n_bytes, "source_bytes": n_bytes,
                 "worker_peak_rss_bytes": peaks["worker"], "server_growth_bytes": max(0, peaks["server"] - before)}
            )  # fmt: skip
        studio.close()
    return lines


def main() -> None:
    """Print one JSON line per export."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=1_000_000)
    for line in run(parser.parse_args().rows):
        print(json.dumps(line))


if __name__ == "__main__":
    main()
