"""Wall time of the map from stored vectors: k-NN, clusters, layout, quality, on random islands of 10,000 rows.

`python -m benchmarks map` prints one JSON object; the first layout of a process compiles, so it is timed apart.
"""

from __future__ import annotations

import argparse
import json
import time

import numpy as np

from studio.mapping.clusters import find_clusters
from studio.mapping.neighbours import nearest_neighbours
from studio.mapping.polygon import points_in_polygon
from studio.mapping.project import MapParams, map_quality, project


def islands(n: int, seed: int = 0) -> np.ndarray:
    """(n, 384) unit rows around 60 centres."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(60, 384))[rng.integers(0, 60, n)] + 0.9 * rng.normal(size=(n, 384))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--n", type=int, default=10_000)
    n = parser.parse_args().n
    vectors = islands(n)
    result: dict[str, object] = {"benchmark": "map", "n": n}
    for name in ("cold", "warm"):
        took: dict[str, float] = {}
        start = time.perf_counter()
        knn = nearest_neighbours(vectors)
        took["neighbours_s"] = time.perf_counter() - start
        mark = time.perf_counter()
        found = find_clusters(knn)
        took["clusters_s"] = time.perf_counter() - mark
        mark = time.perf_counter()
        picture = project(vectors, knn, MapParams())
        took["layout_s"] = time.perf_counter() - mark
        mark = time.perf_counter()
        quality = map_quality(vectors, picture.xy, knn, rng=np.random.default_rng(0))
        took["quality_s"] = time.perf_counter() - mark
        took["all_s"] = time.perf_counter() - start
        result[name] = {key: round(value, 2) for key, value in took.items()}
    result["n_clusters"], result["trustworthiness"] = found.n_clusters, quality.trustworthiness
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 1_000_000)).astype(np.float32)
    angle = np.linspace(0, 2 * np.pi, 300, endpoint=False)
    start = time.perf_counter()
    points_in_polygon(x, y, np.column_stack([1.5 * np.cos(angle), 1.5 * np.sin(angle)]))
    result["lasso_1m_s"] = round(time.perf_counter() - start, 3)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
