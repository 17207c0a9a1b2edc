"""Import of one million JSONL rows (about 300 MB) to a snapshot, rejects kept: seconds, peak memory, ratio.

The ratio compares with the plain library calls on the same file in the same run: orjson.loads per line and one
pyarrow table written as Parquet, without identity, hashes, checks, rejects or splits.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

_WORDS = (
    "card account refund password order delivery payment invoice late please help today again still closed "
    "transfer balance money bank support wrong charge fee exchange rate top up phone app update"
).split()
GOAL_S, GOAL_BYTES = 45.0, 2 * 1024**3


def make(path: Path, n: int, *, seed: int = 1) -> int:
    """Write n rows of about 300 bytes, one in a thousand broken; returns the bytes."""
    rng = random.Random(seed)
    with path.open("w", encoding="utf-8") as handle:
        for i in range(n):
            if i % 1000 == 999:
                handle.write(f'{{"id": {i}, "text": "cut off\n')
                continue
            text = " ".join(rng.choices(_WORDS, k=28))
            row = {
                "id": i,
                "text": text,
                "label": f"queue {i % 12}",
                "gender": rng.choice("abc"),
                "region": rng.choice(("north", "south", "east", "west")),
                "score": round(rng.random(), 4),
            }
            handle.write(json.dumps(row) + "\n")
    return path.stat().st_size


def _ours(path: Path, folder: Path) -> dict[str, object]:
    from studio.corpus.importing import Source, import_files
    from studio.corpus.roles import Roles

    started = time.perf_counter()
    result = import_files([Source(path, path.name)], Roles("text", "label", ("gender", "region")), folder,
                          rejects_path=folder / "rejects.jsonl")  # fmt: skip
    return {"seconds": time.perf_counter() - started, "examples": result.n_examples, "rejects": result.n_rejects,
            "records": result.n_records}  # fmt: skip


def _plain(path: Path, folder: Path) -> dict[str, object]:
    import orjson
    import pyarrow as pa
    import pyarrow.parquet as pq

    started = time.perf_counter()
    rows = []
    with path.open("rb") as handle:
        for line in handle:
            try:
                rows.append(orjson.loads(line))
            except ValueError:
                continue
    pq.write_table(pa.Table.from_pylist(rows), folder / "plain.parquet")
    return {"seconds": time.perf_counter() - started, "examples": len(rows)}


def _measured(which: str, path: Path, folder: Path) -> dict[str, object]:
    """One variant in a process of its own, so that its peak memory is its own."""
    done = subprocess.run([sys.executable, "-m", "benchmarks.bench_import", "--only", which, "--file", str(path),
                           "--folder", str(folder)], check=True, capture_output=True)  # fmt: skip
    return json.loads(done.stdout)


def main() -> None:
    """Print one JSON object."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--only", choices=("ours", "plain"))
    parser.add_argument("--file", type=Path)
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    if given.only:
        found = {"ours": _ours, "plain": _plain}[given.only](given.file, given.folder)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        print(json.dumps(found | {"peak_rss_bytes": peak}))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        n_bytes = make(folder / "rows.jsonl", given.rows)
        ours = _measured("ours", folder / "rows.jsonl", folder)
        plain = _measured("plain", folder / "rows.jsonl", folder)
    peak = int(ours["peak_rss_bytes"])
    print(json.dumps({
        "benchmark": "import", "rows": given.rows, "file_bytes": n_bytes, **ours,
        "rows_per_s": given.rows / float(ours["seconds"]), "plain_seconds": plain["seconds"],
        "plain_peak_rss_bytes": plain["peak_rss_bytes"], "ratio_to_plain": ours["seconds"] / plain["seconds"],
        "goal_seconds": GOAL_S, "goal_peak_rss_bytes": GOAL_BYTES,
        "met": float(ours["seconds"]) <= GOAL_S * given.rows / 1_000_000 and peak < GOAL_BYTES,
    }))  # fmt: skip


if __name__ == "__main__":
    main()
