"""Does choosing beat a random draw? Learning curves on five corpora, each clean and dirty.

`python -m benchmarks.selection` works through the plan, one JSON line per corpus, state, seed and arm into
bench-cache/selection/cells.jsonl, and goes on from what is there; then writes docs/selection-evidence.md, .svg, .json.
`--page` writes the documents from what is there; `--minutes M` stops starting cells after M minutes, then writes them.

Fixed before the first full run. Primary, one per pool (5 corpora x clean, dirty): area under the learning curve (test
accuracy over log2 of 64 to 1,024 bought labels) of the Select page's default recipe against a random draw of the same
size, 20 seeds paired, 95 % t-interval of the mean difference, two-sided p corrected by Holm over the ten pools. All
else is described. A better setting of the page is looked for on even seeds and confirmed on odd ones.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from benchmarks import selection_page
from benchmarks.selection_arms import ARMS, BUDGETS, Arm, run_arm
from benchmarks.selection_pools import BASE, CORPORA, STATES, Corpus, encode, prepare, read_corpus

HERE = Path(__file__).resolve().parent.parent
CACHE, DOCS = HERE / "bench-cache" / "selection", HERE / "docs"
SEEDS, DESCRIBED_SEEDS = 20, 6
Cell = tuple[str, str, int, Arm]


def plan(corpora: tuple[str, ...] = CORPORA, seeds: int = SEEDS, described: int = DESCRIBED_SEEDS) -> Iterator[Cell]:
    """Cells in the order of their weight: primary arms, then seed by seed the settings of the page, described arms."""
    groups = ((role, described if role == "described" else seeds) for role in ("primary", "candidate", "described"))
    for role, n in groups:
        arms = [one for one in ARMS if one.role == role]
        for seed in range(n):
            for name in corpora:
                for state in STATES:
                    for one in arms:
                        yield name, state, seed, one


def read_cells(path: Path) -> list[dict[str, object]]:
    """The lines that are there; a last line cut off by an interruption is left out."""
    found = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        try:
            found.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return found


def run(
    cells: Iterator[Cell], out: Path, *, minutes: float | None = None, base: int = BASE, cache: Path | None = CACHE,
    budgets: tuple[int, ...] = BUDGETS, read=read_corpus, make_vectors=encode,
) -> dict[str, str]:  # fmt: skip
    """Work out the cells that are not in `out` yet, one line each.

    Returns:
        Corpus -> why it was skipped.
    """
    done = {(c["corpus"], c["state"], c["seed"], c["arm"]) for c in read_cells(out)}
    corpora: dict[str, Corpus] = {}
    skipped: dict[str, str] = {}
    ready, key, started = None, None, time.monotonic()
    out.parent.mkdir(parents=True, exist_ok=True)
    if out.exists() and not out.read_bytes().endswith(b"\n"):
        out.write_bytes(out.read_bytes() + b"\n")
    with out.open("a", encoding="utf-8") as file:
        for name, state, seed, one in cells:
            if name in skipped or (name, state, seed, one.name) in done:
                continue
            if minutes is not None and time.monotonic() - started > 60 * minutes:
                break
            if name not in corpora:
                try:
                    corpora[name] = make_vectors(read(name), CACHE if cache is None else cache)
                except FileNotFoundError as error:
                    skipped[name] = str(error)
                    continue
            if key != (name, state, seed):
                ready, key = prepare(corpora[name], state, seed, base, cache), (name, state, seed)
            before = time.process_time()
            try:
                line = run_arm(ready, one, budgets)
            except ValueError as error:
                line = {"corpus": name, "state": state, "seed": seed, "arm": one.name, "failed": str(error)}
            file.write(json.dumps(line | {"cpu_s": round(time.process_time() - before, 2)}) + "\n")
            file.flush()
    return skipped


def as_text(found: Mapping[str, object]) -> str:
    """A summary as JSON with one line per entry of its lists and tables, so that a change shows as the line it is."""
    parts = []
    for name, own in found.items():
        left, right, lines = "", "", json.dumps(own)
        if own and isinstance(own, list | dict):
            left, right = "[]" if isinstance(own, list) else "{}"
            entries = ([json.dumps(entry) for entry in own] if isinstance(own, list) else
                       [f"{json.dumps(key)}: {json.dumps(entry)}" for key, entry in own.items()])  # fmt: skip
            left, right, lines = f"{left}\n", f"\n{right}", ",\n".join(entries)
        parts.append(f"{json.dumps(name)}: {left}{lines}{right}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def main() -> None:
    """Run what is missing, write the documents."""
    parser = argparse.ArgumentParser(description="Does choosing beat a random draw?")
    parser.add_argument("--page", action="store_true", help="write the documents from what is there")
    parser.add_argument("--minutes", type=float, help="start no further cell after so many minutes")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--corpora", nargs="+", choices=CORPORA, default=list(CORPORA), help="these only")
    parser.add_argument("--no-page", action="store_true", help="write no documents")
    given = parser.parse_args()
    out = CACHE / "cells.jsonl"
    skipped = {} if given.page else run(plan(tuple(given.corpora), given.seeds), out, minutes=given.minutes)
    if given.no_page:
        return
    cells = [cell for cell in read_cells(out) if "failed" not in cell]
    found = selection_page.summary(cells, skipped)
    (DOCS / "selection-evidence.json").write_text(as_text(found), encoding="utf-8")
    (DOCS / "selection-evidence.md").write_text(selection_page.report(found), encoding="utf-8")
    (DOCS / "selection-evidence.svg").write_text(selection_page.chart(found), encoding="utf-8")
    print(json.dumps(found["primary"]))


if __name__ == "__main__":
    main()
