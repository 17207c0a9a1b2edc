"""Every diversity measure of 100,000 short texts with vectors, and a comparison with 99 draws; plain library beside.

`python -m benchmarks.bench_diversity [n]`. Ratios hold ours against the plain way in the same run: prdc on 2,000 rows
of each side, lexicalrichness text by text, sets of tuples for distinct-n, scipy's full distance matrix.
Measures of words read codes that `texts into codes` made once; the plain ways tokenise each time.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from studio.diversity import DIVERSITY, measure
from studio.diversity.comparison import compare
from studio.diversity.prepare import prepare
from studio.diversity.reference import make_reference

SMALL = 2_000


Spent = tuple[float, float]  # seconds on the wall and of the processor; a busy machine moves only the first


def _report(name: str, spent: Spent, **more: object) -> None:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    line = {"benchmark": name, "seconds": round(spent[0], 3), "cpu_s": round(spent[1], 3), "peak_gib": round(peak, 2)}
    print(json.dumps(line | more), flush=True)


def _timed(work: Callable[[], object]) -> tuple[Spent, object]:
    wall, cpu = time.perf_counter(), time.process_time()
    found = work()
    return (time.perf_counter() - wall, time.process_time() - cpu), found


def _texts(n: int, rng: np.random.Generator) -> list[str]:
    """6 to 17 words of a Zipf vocabulary; every hundredth has 60 to 120, so that MTLD has something to read."""
    letters = "abcdefghijklmnopqrstuvwxyz"  # lexicalrichness takes digits out of words
    words = np.array(["".join(letters[i // 26**k % 26] for k in range(4)) for i in range(20_000)], dtype=object)
    weights = 1 / np.arange(1, len(words) + 1)
    lengths = rng.integers(6, 18, n)
    lengths[::100] = rng.integers(60, 120, len(lengths[::100]))
    drawn = rng.choice(words, int(lengths.sum()), p=weights / weights.sum())
    return [" ".join(part) for part in np.split(drawn, np.cumsum(lengths)[:-1])]


def main(n: int = 100_000, d: int = 384) -> None:
    """All lines."""
    rng = np.random.default_rng(0)
    texts = _texts(n, rng)
    vectors = rng.normal(size=(n, d)).astype(np.float32) * np.linspace(2, 0.2, d, dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    spent, rows = _timed(lambda: prepare(texts))
    _report("texts into codes", spent, n=n)
    rows = replace(rows, vectors=vectors, clusters=rng.integers(0, 40, n), families=np.arange(n))
    plain = _plain(texts, vectors)
    for one in DIVERSITY:
        used = replace(rows, reference=make_reference(rows, np.random.default_rng(1))) if _far(one.needs) else rows
        if one.most <= SMALL:
            used = replace(used.take(np.arange(SMALL)), reference=used.reference)
        spent, found = _timed(lambda one=one, used=used: measure(one, used))
        more = {"n": used.n, "value": None if found.reason else round(found.value, 6)}
        if one.name in plain:
            other, value = plain[one.name]
            more |= {
                "plain_cpu_s": round(other, 3),
                "ratio": round(other / max(spent[1], 1e-9), 1),
                "plain_value": value,
            }
        if not found.reason:
            _report(one.name, spent, **more)
    part = np.sort(rng.choice(n, min(5_000, n // 4), replace=False))
    spent, _ = _timed(lambda: compare(rows, np.arange(n), part, seed=0))
    _report("compare, 99 draws", spent, n=n, draw=len(part))


def _far(needs: tuple[str, ...]) -> bool:
    return "reference" in needs


def _plain(texts: list[str], vectors: np.ndarray) -> dict[str, tuple[float, float]]:
    """Name -> seconds of the processor and value of the plain way."""
    from lexicalrichness import LexicalRichness
    from prdc import compute_prdc
    from scipy.spatial.distance import cdist
    from vendi_score import vendi

    def distinct(size: int) -> float:
        grams = [gram for text in texts for gram in zip(*(text.split()[i:] for i in range(size)), strict=False)]
        return len(set(grams)) / len(grams)

    def nearest() -> float:
        full = cdist(vectors[:SMALL], vectors[:SMALL], "cosine")
        np.fill_diagonal(full, 9)
        return float(full.min(axis=1).mean())

    def coverage() -> float:
        drawn = np.sort(np.random.default_rng(1).choice(len(vectors), SMALL, replace=False))
        return float(compute_prdc(vectors[drawn], vectors[:SMALL], nearest_k=5)["coverage"])

    long = [text for text in texts if len(text.split()) >= 50]
    work = {
        "vendi": lambda: float(vendi.score_dual(vectors.astype(np.float64), normalize=True)),
        "distinct_1": lambda: distinct(1),
        "distinct_2": lambda: distinct(2),
        "mtld": lambda: float(np.mean([LexicalRichness(text).mtld(0.72) for text in long])),
        "nearest": nearest,
        "coverage": coverage,
    }
    found = {}
    for name, one in work.items():
        spent, value = _timed(one)
        found[name] = (spent[1], round(float(value), 6))
    return found


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
