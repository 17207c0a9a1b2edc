"""Run the benchmarks one after the other; one JSON line each on stdout, progress on stderr.

`python -m benchmarks [NAME ...]` runs those named (`import`, `embed`, `map`, ...); without names, all of them.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent


def machine() -> dict[str, object]:
    """What the figures were taken on."""
    cpu = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.processor(),
    )
    return {"cpu": cpu, "cores": os.cpu_count(), "python": platform.python_version(), "system": platform.system()}


def main(names: list[str]) -> int:
    """Run the chosen benchmarks in processes of their own, so that peak memory is each one's own."""
    files = sorted(HERE.glob("bench_*.py"))
    wanted = [file for file in files if not names or file.stem.removeprefix("bench_") in names]
    if not wanted:
        known = ", ".join(file.stem.removeprefix("bench_") for file in files)
        print(f"No such benchmark. Known: {known}", file=sys.stderr)
        return 2
    print(json.dumps({"benchmark": "machine", **machine()}), flush=True)
    failed = 0
    for file in wanted:
        print(f"{file.stem} ...", file=sys.stderr, flush=True)
        started = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", f"benchmarks.{file.stem}"],
            cwd=HERE.parent,
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
        for line in done.stdout.splitlines():
            print(line, flush=True)
        if done.returncode:
            failed += 1
            print(json.dumps({"benchmark": file.stem, "error": f"exit code {done.returncode}"}), flush=True)
        print(f"{file.stem} took {time.perf_counter() - started:.0f} s", file=sys.stderr, flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
