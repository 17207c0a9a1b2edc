"""Filters and strategies that compare candidates: similarity filter, facility location, MMR, beside plain loops.

One JSON line each, with wall and processor time of ours (a busy machine changes the first only) and of the same thing
done plainly: DEITA's filter (every row against all kept ones), facility location by apricot's lazy greedy on the same
similarities where `apricot` is installed, else the plain greedy loop, MMR by one product with all candidates per pick.
The plain ones run on a smaller part, or for fewer picks, and say so; `plain_ratio` is processor time for the same work.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from studio.records import Array, Knn, Pool
from studio.selection.constraints import Axis, NearGraph, pick_best
from studio.selection.cover import lazy_greedy, lazy_mmr, pick_facility_location, pick_mmr, similarity_graph
from studio.selection.limits import Limits

N, DIM, CLUSTERS, K = 50_000, 384, 500, 32
BUDGET, WIDE, RELEASE = 10_000, 1_000_000, 50_000
PART, PART_BUDGET = 3_000, 600


def make(n: int, seed: int = 0) -> tuple[Array, Knn, Array]:
    """Vectors around 500 centres, their neighbours inside the cluster, random scores."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(CLUSTERS, DIM)).astype(np.float32)
    who = np.sort(rng.integers(0, CLUSTERS, n))
    x = centres[who] + 0.8 * rng.normal(size=(n, DIM)).astype(np.float32)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    index, distances = np.full((n, K), -1, np.int32), np.full((n, K), 2.0, np.float32)
    for cluster in range(CLUSTERS):
        rows = np.flatnonzero(who == cluster)
        alike = x[rows] @ x[rows].T
        np.fill_diagonal(alike, -9)
        k = min(K, len(rows) - 1)
        order = np.argsort(-alike, axis=1)[:, :k]
        index[rows, :k] = rows[order]
        distances[rows, :k] = 1 - np.take_along_axis(alike, order, axis=1)
    return x, Knn(index, np.clip(distances, 0, 2)), rng.random(n)


def wide_graph(seed: int = 0) -> tuple[Knn, Array]:
    """A graph of a million rows: neighbours within 500 places, a tenth of the rows with copies; no vectors needed."""
    rng = np.random.default_rng(seed)
    index = (np.arange(WIDE)[:, None] + rng.integers(1, 500, (WIDE, K))) % WIDE
    distances = np.sort(rng.random((WIDE, K), dtype=np.float32) * 0.6 + 0.05, axis=1)
    distances[rng.random(WIDE) < 0.1, :4] *= 0.1
    return Knn(index.astype(np.int32), distances), rng.random(WIDE)


def timed(work: Callable[[], Any]) -> tuple[float, float, Any]:
    """Wall seconds, processor seconds and what came of it."""
    wall, cpu = time.perf_counter(), time.process_time()
    made = work()
    return time.perf_counter() - wall, time.process_time() - cpu, made


def plain_filter(x: Array, scores: Array, budget: int, tau: float) -> list[int]:
    """DEITA's loop: a row stays unless its largest similarity to the kept ones is above tau."""
    kept: list[int] = []
    for row in np.argsort(-scores, kind="stable"):
        if not kept or float((x[kept] @ x[row]).max()) <= tau:
            kept.append(int(row))
            if len(kept) == budget:
                break
    return kept


def plain_greedy(alike: Array, budget: int) -> list[int]:
    """Facility location with every gain worked out at every step."""
    best, order = np.zeros(len(alike)), []
    for _ in range(budget):
        gains = np.maximum(alike - best, 0).sum(axis=1)
        gains[order] = -1
        order.append(int(np.argmax(gains)))
        best = np.maximum(best, alike[order[-1]])
    return order


def plain_mmr(x: Array, scores: Array, budget: int, balance: float) -> list[int]:
    """MMR with every value worked out at every step."""
    alike, order = np.full(len(x), -1.0), []
    for _ in range(budget):
        value = balance * scores - (1 - balance) * alike
        value[order] = -np.inf
        order.append(int(np.argmax(value)))
        alike = np.maximum(alike, x @ x[order[-1]])
    return order


def similarity_filter() -> dict[str, Any]:
    """The filter on release: 50,000 of a million under tau 0.9 and 0.8, and DEITA's loop on a part."""
    knn, scores = wide_graph()
    found: dict[str, Any] = {"benchmark": "similarity filter", "examples": WIDE, "budget": RELEASE, "goal_s": 0.5}
    for tau in (0.9, 0.8, 0.5):  # at 0.5 no choice of 50,000 exists: all million rows are walked
        runs = [timed(lambda tau=tau: pick_best(scores, RELEASE, (), NearGraph(knn, tau))) for _ in range(3)]
        found[f"wall_s_{tau}"] = round(sorted(run[0] for run in runs)[1], 3)
        found[f"cpu_s_{tau}"] = round(sorted(run[1] for run in runs)[1], 3)
    x, own, own_scores = make(PART)
    ours = timed(lambda: pick_best(own_scores, PART_BUDGET, (), NearGraph(own, 0.62)))
    plain = timed(lambda: plain_filter(x, own_scores, PART_BUDGET, 0.62))
    same = set(ours[2].rows.tolist()) & set(plain[2])
    return found | {"part": PART, "plain_ratio": round(plain[1] / max(ours[1], 1e-9), 1),
                    "shared_with_plain": round(len(same) / PART_BUDGET, 3)}  # fmt: skip


def facility_location() -> dict[str, Any]:
    """10,000 of 50,000 by facility location on the stored graph, and the same by apricot or plainly."""
    _, knn, scores = make(N)
    pool = Pool(np.arange(N), scores, knn=knn)
    wall, cpu, _ = timed(lambda: pick_facility_location(pool, BUDGET, np.random.default_rng(0)))
    found = {"benchmark": "facility location", "candidates": N, "budget": BUDGET, "goal_s": 60,
             "wall_s": round(wall, 2), "cpu_s": round(cpu, 2)}  # fmt: skip
    groups = Axis("group", np.arange(N) * CLUSTERS // N, np.full(CLUSTERS + 1, 22))  # about 20 of each would be picked
    wall, cpu, made = timed(
        lambda: pick_facility_location(pool, BUDGET, np.random.default_rng(0), limits=Limits((groups,)))
    )
    found |= {"within_cap_wall_s": round(wall, 2), "within_cap_cpu_s": round(cpu, 2), "within_cap_n": len(made.ids),
              "made_room": made.reasons.count("made_room")}  # fmt: skip
    _, small, _ = make(PART)
    graph = similarity_graph(small, np.arange(PART), PART)
    ours = timed(lambda: lazy_greedy(*graph, PART_BUDGET))
    dense = np.zeros((PART, PART))
    rows = np.repeat(np.arange(PART), np.diff(graph[0]))
    dense[rows, graph[1]] = graph[2]
    try:
        from apricot import FacilityLocationSelection
    except ImportError:
        plain, by = timed(lambda: plain_greedy(dense, PART_BUDGET // 10)), f"plain loop, {PART_BUDGET // 10} picks"
        ours = timed(lambda: lazy_greedy(*graph, PART_BUDGET // 10))
        order = plain[2]
    else:
        chooser = FacilityLocationSelection(PART_BUDGET, metric="precomputed", optimizer="lazy")
        plain, by = timed(lambda: chooser.fit(dense)), "apricot, lazy, dense matrix"
        order = plain[2].ranking.tolist()
    covered = [float(dense[:, picks].max(axis=1).sum()) for picks in (ours[2].tolist(), order)]
    return found | {"part": PART, "beside": by, "plain_ratio": round(plain[1] / max(ours[1], 1e-9), 1),
                    "covers": round(covered[0], 3), "plain_covers": round(covered[1], 3)}  # fmt: skip


def mmr() -> dict[str, Any]:
    """10,000 of 50,000 by MMR on exact cosines."""
    x, _, scores = make(N)
    pool = Pool(np.arange(N), scores, embeddings=x)
    wall, cpu, _ = timed(lambda: pick_mmr(pool, BUDGET, np.random.default_rng(0)))
    some = 100  # picks of the plain loop: each costs the same
    ours = lazy_mmr(x, scores, np.full(N, -1.0), some, 0.5)
    plain = timed(lambda: plain_mmr(x, scores, some, 0.5))
    same = len(set(ours.tolist()) & set(plain[2])) / some
    return {"benchmark": "mmr", "candidates": N, "budget": BUDGET, "wall_s": round(wall, 2), "cpu_s": round(cpu, 2),
            "plain_picks": some, "plain_ratio": round(plain[1] * BUDGET / some / max(cpu, 1e-9), 1),
            "shared_with_plain": round(same, 3)}  # fmt: skip


def main() -> None:
    """Measure and print."""
    for work in (similarity_filter, facility_location, mmr):
        print(json.dumps(work()), flush=True)


if __name__ == "__main__":
    main()
