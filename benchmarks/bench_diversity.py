"""Every diversity measure of 100,000 short texts with vectors, and a comparison with 99 draws; plain library beside.

`python benchmarks/bench_diversity.py [n]`. Ratios hold ours against the plain way in the same run: prdc on 2,000 rows
of each side, lexicalrichness text by text, sets of tuples for distinct-n, scipy's full distance matrix.
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
from studio.mapping.neighbours import nearest_neighbours

SMALL = 2_000


def _report(name: str, seconds: float, **more: object) -> None:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    print(json.dumps({"benchmark": name, "seconds": round(seconds, 3), "peak_gib": round(peak, 2)} | more), flush=True)


def _timed(work: Callable[[], object]) -> tuple[float, object]:
    started = time.perf_counter()
    found = work()
    return time.perf_counter() - started, found


def _texts(n: int, rng: np.random.Generator) -> list[str]:
    """6 to 17 words of a Zipf vocabulary; every hundredth has 60 to 120, so that MTLD has something to read."""
    words = np.array([f"word{i}" for i in range(20_000)], dtype=object)
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
    seconds, rows = _timed(lambda: prepare(texts))
    _report("texts into codes", seconds, n=n)
    rows = replace(rows, vectors=vectors, clusters=rng.integers(0, 40, n), families=np.arange(n))
    graph = nearest_neighbours(vectors[:SMALL], 30)
    plain = _plain(texts, vectors)
    for one in DIVERSITY:
        used = replace(rows, reference=make_reference(rows, np.random.default_rng(1))) if _far(one.needs) else rows
        if one.most <= SMALL:
            used = replace(used.take(np.arange(SMALL)), reference=used.reference, graph=graph)
        seconds, found = _timed(lambda one=one, used=used: measure(one, used))
        more = {"n": used.n, "value": None if found.reason else round(found.value, 6)}
        if one.name in plain:
            other, value = plain[one.name]
            more |= {
                "plain_seconds": round(other, 3),
                "ratio": round(other / max(seconds, 1e-9), 1),
                "plain_value": value,
            }
        if not found.reason:
            _report(one.name, seconds, **more)
    part = np.sort(rng.choice(n, min(5_000, n // 4), replace=False))
    seconds, _ = _timed(lambda: compare(rows, np.arange(n), part, seed=0))
    _report("compare, 99 draws", seconds, n=n, draw=len(part))


def _far(needs: tuple[str, ...]) -> bool:
    return "reference" in needs


def _plain(texts: list[str], vectors: np.ndarray) -> dict[str, tuple[float, float]]:
    """Name -> seconds and value of the plain way."""
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
        seconds, value = _timed(one)
        found[name] = (seconds, round(float(value), 6))
    return found


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
