"""A slider move over 1,000,000 examples x 4 views with caps, beside the same in plain pandas.

Prints one JSON line: wall time of a move (score, rank with cluster and group caps, parts, group counts) at p50 and p95
over 60 moves, its processor time, which a busy machine does not change, and the ratio against sorting a DataFrame and
capping with groupby.cumcount.
"""

from __future__ import annotations

import json
import time

import numpy as np
import pandas as pd

from studio.records import VIEWS
from studio.selection.live import LiveMatrix, Rule, parts, rank
from studio.selection.weights import DEFAULT_WEIGHTS, move_weight

N, BUDGET, MOVES = 1_000_000, 1_000, 60


def make(seed: int = 0) -> LiveMatrix:
    """A pool of random unit scores, 200 clusters of uneven size, one group of three."""
    rng = np.random.default_rng(seed)
    unit = np.asfortranarray(rng.random((N, len(VIEWS)), dtype=np.float32))
    unit[rng.integers(0, N, N // 100), 2] = np.nan
    clusters = np.minimum(rng.geometric(0.02, N) - 2, 199).astype(np.int32)
    columns = {"cluster": clusters, "group_region": rng.integers(-1, 3, N).astype(np.int32)}
    keys = {"cluster": tuple(map(str, range(200))), "group_region": ("a", "b", "c")}
    return LiveMatrix(np.arange(N, dtype=np.int64), unit, columns, keys)


def naive(frame: pd.DataFrame, weights: dict[str, int], rule: Rule) -> pd.DataFrame:
    """The same ranking in plain pandas; its caps are applied one after the other."""
    frame = frame.assign(score=sum(frame[view] * weights[view] for view in VIEWS) / 100).dropna(subset="score")
    frame = frame.sort_values(["score", "example_id"], ascending=[False, True])
    for column, limit in rule.caps.items():
        frame = frame[frame.groupby(column).cumcount() < limit]
    return frame.head(BUDGET)


def main() -> None:
    """Measure and print."""
    matrix = make()
    rule = Rule(caps={"cluster": 40, "group_region": 450})
    rng = np.random.default_rng(1)
    weights, seconds, cpu = dict(DEFAULT_WEIGHTS), [], []
    for _ in range(MOVES + 3):
        weights = move_weight(weights, VIEWS[int(rng.integers(4))], int(rng.integers(101)))
        started, worked = time.perf_counter(), time.thread_time()
        ranking = rank(matrix, weights, BUDGET, rule)
        parts(matrix, weights, ranking.rows[:500])
        for column in matrix.columns:
            matrix.counts(column, ranking.rows)
        seconds.append(time.perf_counter() - started)
        cpu.append(time.thread_time() - worked)
    seconds, cpu = seconds[3:], cpu[3:]
    frame = pd.DataFrame({view: matrix.unit[:, i] for i, view in enumerate(VIEWS)})
    frame = frame.assign(example_id=matrix.ids, **matrix.columns)
    plain = []
    for _ in range(3):
        started = time.perf_counter()
        naive(frame, weights, rule)
        plain.append(time.perf_counter() - started)
    p50, p95 = (float(np.percentile(seconds, q)) for q in (50, 95))
    print(
        json.dumps(
            {
                "benchmark": "slider move",
                "examples": N,
                "budget": BUDGET,
                "moves": MOVES,
                "p50_ms": round(1000 * p50, 1),
                "p95_ms": round(1000 * p95, 1),
                "cpu_p95_ms": round(1000 * float(np.percentile(cpu, 95)), 1),
                "goal_p95_ms": 100,
                "met": p95 <= 0.1,
                "pandas_ms": round(1000 * float(np.median(plain)), 1),
                "ratio_to_pandas": round(float(np.median(plain)) / p50, 1),
            }
        )
    )


if __name__ == "__main__":
    main()
