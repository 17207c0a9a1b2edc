"""The look at a file before its import: seconds for a 2 GB file of each kind, and server memory for a 500 MB upload.

The look runs as the page runs it, in a process of its own; its peak memory is that process's. The upload is what the
server does with one: the bytes arrive in memory (Streamlit holds an upload there), are copied to disk in blocks, and
are let go. Nothing large is kept: the files are made of one repeated block and removed at the end.
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

GOAL_S, GOAL_RATIO = 3.0, 1.2
_BLOCK_ROWS = 20_000


def _block(kind: str) -> bytes:
    texts = [f"card account refund number {i} 订单什么时候到 please help today" for i in range(_BLOCK_ROWS)]
    if kind == "csv":
        return "".join(f'"{text}",queue {i % 12},{i}\n' for i, text in enumerate(texts)).encode()
    if kind == "gb18030":
        return "".join(f"{text},queue {i % 12},{i}\n" for i, text in enumerate(texts)).encode("gb18030")
    if kind == "text":
        return ("\n".join(texts) + "\n").encode()
    return "".join(
        json.dumps({"text": text, "label": f"queue {i % 12}"}) + "\n" for i, text in enumerate(texts)
    ).encode()


def make(path: Path, kind: str, n_bytes: int) -> int:
    """Write a file of about this size; returns its bytes. A gz file unpacks to that size."""
    block = _block(kind)
    with gzip.open(path, "wb", compresslevel=1) if kind == "jsonl.gz" else path.open("wb") as handle:
        if kind in ("csv", "gb18030"):
            handle.write(b"text,label,n\n")
        for _ in range(max(1, n_bytes // len(block))):
            handle.write(block)
    return path.stat().st_size


def _look(path: Path) -> dict[str, object]:
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    started = time.perf_counter()
    done = subprocess.run([sys.executable, "-m", "studio.corpus.preview", str(path), path.name, "{}"],
                          capture_output=True, check=True)  # fmt: skip
    seconds = time.perf_counter() - started
    seen = json.loads(done.stdout)
    return {"seconds": seconds, "cpu_s": resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before,
            "kind": seen["kind"], "encoding": seen["form"]["encoding"], "records": seen["n_sample"],
            "peak_rss_bytes": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024}  # fmt: skip


def _spool(folder: Path, n_bytes: int) -> dict[str, object]:
    """Memory of a server process before, at most during, and after it takes an upload of this size to disk."""
    from studio.records import Actor
    from studio.settings import Settings, Workspace
    from studio.workflows import corpora
    from studio.workflows.studio import open_studio

    studio = open_studio(Settings(workspace=Workspace(folder / "workspace")), supervise=False)
    try:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        data = io.BytesIO(b"x" * n_bytes)
        started = time.perf_counter()
        corpora.spool(studio, Actor("bench", "admin"), name="big.csv", data=data, limit=n_bytes + 1)
        seconds = time.perf_counter() - started
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    finally:
        studio.close()
    return {"seconds": seconds, "before_bytes": before, "peak_bytes": peak, "ratio_to_file": (peak - before) / n_bytes}


def main() -> None:
    """Print one JSON object per kind of file, and one for the upload."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--gigabytes", type=float, default=2.0)
    parser.add_argument("--spool-megabytes", type=int, default=500)
    parser.add_argument("--only-spool", type=Path)
    given = parser.parse_args()
    if given.only_spool:
        print(json.dumps(_spool(given.only_spool, given.spool_megabytes * 1_000_000)))
        return
    with tempfile.TemporaryDirectory() as name:
        for kind in ("jsonl", "csv", "text", "gb18030", "jsonl.gz"):
            path = Path(name) / f"big.{kind}"
            n_bytes = make(path, kind, int(given.gigabytes * 1e9))
            seen = _look(path)
            path.unlink()
            print(json.dumps({"benchmark": "preview", "file": kind, "file_bytes": n_bytes, **seen,
                              "goal_seconds": GOAL_S,
                              "met": float(seen["seconds"]) <= GOAL_S}), flush=True)  # fmt: skip
        command = [sys.executable, "-m", "benchmarks.bench_preview", "--only-spool", name]
        command += ["--spool-megabytes", str(given.spool_megabytes)]
        done = subprocess.run(command, check=True, capture_output=True)
        spooled = json.loads(done.stdout)
        print(json.dumps({"benchmark": "upload memory", "file_bytes": given.spool_megabytes * 1_000_000, **spooled,
                          "goal_ratio": GOAL_RATIO, "met": spooled["ratio_to_file"] <= GOAL_RATIO}))  # fmt: skip


if __name__ == "__main__":
    main()
