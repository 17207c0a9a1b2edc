"""Wall time, memory and quality of the map from stored vectors, beside umap-learn called plainly on the same vectors.

`python -m benchmarks map` prints one JSON object per size and side: 10,000 and 100,000 rows, and 1,000,000 too with
BENCH_MAP_1M=1. Every size and side runs in a process of its own: compiling and peak memory count.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from studio.jobs import rundir
from studio.jobs.task import Task
from studio.mapping.neighbours import knn_recall, nearest_neighbours
from studio.mapping.polygon import points_in_polygon
from studio.mapping.project import MapParams, map_quality, project
from studio.records import RunSpec
from studio.settings import Settings, Workspace
from studio.tasks import map as map_task

SIZES = (10_000, 100_000)
LARGE = 1_000_000
DIM, K = 384, 30


def islands(n: int, seed: int = 0) -> np.ndarray:
    """(n, 384) unit rows around 60 centres or n / 1,500, varying in 24 directions and a little in all."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(max(60, n // 1_500), DIM)).astype(np.float32)
    ways = rng.normal(size=(24, DIM)).astype(np.float32)
    rows = np.empty((n, DIM), dtype=np.float32)
    for start in range(0, n, 50_000):
        m = min(50_000, n - start)
        part = centres[rng.integers(0, len(centres), m)]
        part = part + 0.25 * rng.standard_normal((m, 24), dtype=np.float32) @ ways
        part += 0.3 * rng.standard_normal((m, DIM), dtype=np.float32)
        rows[start : start + m] = part / np.linalg.norm(part, axis=1, keepdims=True)
    return rows


class Watched(Task):
    """A task that notes when each stage began, in seconds of the wall and of the processor, on stderr and for later."""

    stages: list[tuple[str, float, float]]

    def progress(self, step: float, total: float, message: str = "") -> None:
        """Note a new stage."""
        if not hasattr(self, "stages"):
            self.stages = []
        if not self.stages or self.stages[-1][0] != message:
            self.stages.append((message, time.perf_counter(), time.process_time()))
            print(f"  {message} cpu={time.process_time():.0f} s", file=sys.stderr, flush=True)
        super().progress(step, total, message)

    def took(self) -> dict[str, tuple[float, float]]:
        """Stage -> (seconds of the wall, seconds of the processor)."""
        ends = [*self.stages[1:], ("", time.perf_counter(), time.process_time())]
        pairs = zip(self.stages, ends, strict=True)
        return {a[0].rsplit(".", 1)[-1]: (round(b[1] - a[1], 1), round(b[2] - a[2], 1)) for a, b in pairs}


def ours(n: int) -> dict[str, object]:
    """The stored vectors through the run kind `map` as a worker would do it, the k-NN graph timed before it."""
    with tempfile.TemporaryDirectory() as home:
        root = Path(home)
        vectors = islands(n)
        result: dict[str, object] = {}
        start, spent = time.perf_counter(), time.process_time()
        knn = nearest_neighbours(vectors, K)
        result["neighbours_s"] = round(time.perf_counter() - start, 1)
        result["neighbours_cpu_s"] = round(time.process_time() - spent, 1)
        print(f"  neighbours {result}", file=sys.stderr, flush=True)
        share, n_rows = knn_recall(vectors, knn, rng=np.random.default_rng(0))
        result["recall"], result["recall_rows"] = round(share, 4), n_rows
        folder = root / "vectors"
        (folder / "knn").mkdir(parents=True)
        np.save(folder / "vectors.npy", vectors)
        np.save(folder / "knn" / "idx.npy", knn.indices)
        np.save(folder / "knn" / "dist.npy", knn.distances)
        (folder / "meta.json").write_text(json.dumps({"content_hash": "bench"}))
        words = [f"word{number} thing{number % 7}" for number in range(60)]
        table = {"example_id": np.arange(n), "text": [words[i % 60] for i in range(n)]}
        pq.write_table(pa.table(table), root / "examples.parquet")
        del knn, vectors, table
        inputs = {"examples": "examples.parquet", "vectors": "vectors", "knn": "vectors/knn"}
        spec = RunSpec("bench", "map", "bench", rundir.utc_now(), "bench", inputs=inputs)
        (root / "run").mkdir()
        start, spent, began = time.perf_counter(), time.process_time(), time.time()
        task = Watched(root / "run", spec, Settings(Workspace(root)))
        found = map_task.run(task)
        result["map_s"] = round(time.perf_counter() - start, 1)
        result["map_cpu_s"] = round(time.process_time() - spent, 1)
        result["stages"] = task.took()
        preview = root / "run" / "preview"
        if preview.is_dir():
            result["preview_after_s"] = round((preview / "map.json").stat().st_mtime - began, 1)
            early = json.loads((preview / "map.json").read_text())
            result["preview_trustworthiness"] = early["trustworthiness"]
        result["all_s"] = round(float(result["map_s"]) + float(result["neighbours_s"]), 1)
        result |= {name: found[name] for name in ("method", "trustworthiness", "neighbour_overlap", "n_quality",
                                                  "n_clusters", "stability", "noise_share")}  # fmt: skip
    return result


def umap_learn(n: int) -> dict[str, object]:
    """`umap.UMAP(metric="cosine").fit_transform(vectors)`, with a seed (repeatable, as ours) and its own neighbours."""
    start = time.perf_counter()
    import umap  # the import compiles and belongs to what a user waits for

    vectors = islands(n)
    made, spent = time.perf_counter(), time.process_time()
    xy = umap.UMAP(metric="cosine", random_state=0).fit_transform(vectors)
    took, cpu = time.perf_counter() - made, time.process_time() - spent
    graph = nearest_neighbours(vectors, 15)
    quality = map_quality(vectors, xy, graph, rng=np.random.default_rng(0))
    return {
        "umap_s": round(took, 1),
        "umap_cpu_s": round(cpu, 1),
        "import_s": round(made - start, 1),
        "trustworthiness": quality.trustworthiness,
        "neighbour_overlap": quality.overlap,
    }


def landmarks(n: int) -> dict[str, object]:
    """The landmark map of a corpus that could still be laid out in full: what landmarks cost in trustworthiness."""
    from studio.mapping import project as module

    module.LANDMARK_ABOVE = n - 1
    vectors = islands(n)
    knn = nearest_neighbours(vectors, K)
    result = {}
    for count in (5_000, 50_000):
        start = time.perf_counter()
        xy = project(vectors, knn, MapParams(landmarks=count)).xy
        took = round(time.perf_counter() - start, 1)
        quality = map_quality(vectors, xy, knn, rng=np.random.default_rng(0))
        result[str(count)] = {"layout_s": took, "trustworthiness": quality.trustworthiness,
                              "neighbour_overlap": quality.overlap}  # fmt: skip
    return result


SIDES = {"winnow": ours, "umap-learn": umap_learn, "landmarks": landmarks}


def _apart(side: str, n: int) -> dict[str, object]:
    """One side at one size in a fresh process."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.bench_map", "--side", side, "--n", str(n)],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        return {"error": f"exit code {done.returncode}"}
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--n", type=int, default=0)
    parser.add_argument("--side", choices=list(SIDES), default="")
    arguments = parser.parse_args()
    if arguments.side:
        found = SIDES[arguments.side](arguments.n)
        found["peak_rss_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        found["load"] = [round(value, 1) for value in os.getloadavg()]
        print(json.dumps(found))
        return
    sizes = (arguments.n,) if arguments.n else SIZES + ((LARGE,) if os.environ.get("BENCH_MAP_1M") else ())
    for n in sizes:
        sides = ["winnow"] + (["umap-learn"] if n < LARGE else []) + (["landmarks"] if n == 100_000 else [])
        for side in sides:
            print(json.dumps({"benchmark": "map", "n": n, "side": side} | _apart(side, n)), flush=True)
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 1_000_000)).astype(np.float32)
    angle = np.linspace(0, 2 * np.pi, 300, endpoint=False)
    start = time.perf_counter()
    points_in_polygon(x, y, np.column_stack([1.5 * np.cos(angle), 1.5 * np.sin(angle)]))
    print(json.dumps({"benchmark": "map", "lasso_1m_s": round(time.perf_counter() - start, 3)}))


if __name__ == "__main__":
    main()
