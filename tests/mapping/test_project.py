from __future__ import annotations

import numpy as np
import pytest
from sklearn.manifold import trustworthiness

from studio.errors import MeasureError
from studio.mapping import project as module
from studio.mapping.neighbours import nearest_neighbours
from studio.mapping.placing import align, displacement, place_between
from studio.mapping.project import MapParams, draw_landmarks, map_id, map_quality, project


def islands(n: int = 300, n_islands: int = 5, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(n_islands, 32))[np.arange(n) % n_islands] + 0.25 * rng.normal(size=(n, 32))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def test_the_same_map_twice_bit_for_bit():
    vectors = islands()
    graph = nearest_neighbours(vectors, 15)
    first, second = (project(vectors, graph, MapParams(), seed=3) for _ in range(2))
    assert first.method == "umap"
    assert first.xy.tobytes() == second.xy.tobytes()
    assert project(vectors, graph, MapParams(), seed=4).xy.tobytes() != first.xy.tobytes()


def test_islands_stay_apart_and_quality_says_so():
    vectors = islands()
    graph = nearest_neighbours(vectors, 15)
    xy = project(vectors, graph, MapParams(), seed=0).xy
    group = np.arange(300) % 5
    near = nearest_of(xy)
    assert (group[near] == group).mean() > 0.99
    quality = map_quality(vectors, xy, graph, rng=np.random.default_rng(0))
    assert quality.n_sample == 300
    exact = trustworthiness(vectors, xy, n_neighbors=15, metric="cosine")
    assert quality.trustworthiness == pytest.approx(exact, abs=1e-4)
    assert 0 < quality.overlap <= 1


def test_trustworthiness_of_a_sample_estimates_that_of_all_rows(monkeypatch):
    """Many small islands: in a sample as a corpus of its own most neighbours would be strangers, on any picture."""
    rng = np.random.default_rng(2)
    centres = rng.normal(size=(150, 24)).astype(np.float32)
    vectors = np.repeat(centres, 12, axis=0) + 0.2 * rng.normal(size=(1_800, 24)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    places = np.repeat(rng.uniform(0, 100, size=(150, 2)), 12, axis=0)
    xy = (places + rng.normal(scale=0.05, size=(1_800, 2))).astype(np.float32)
    graph = nearest_neighbours(vectors, 15)
    exact = trustworthiness(vectors, xy, n_neighbors=15, metric="cosine")
    assert map_quality(vectors, xy, graph, rng=rng).trustworthiness == pytest.approx(exact, abs=1e-4)
    monkeypatch.setattr(module, "QUALITY_SAMPLE", 300)
    monkeypatch.setattr(module, "QUALITY_BLOCK", 700)
    found = map_quality(vectors, xy, graph, rng=rng)
    assert found.n_sample == 300
    assert found.trustworthiness == pytest.approx(exact, abs=0.01)
    few = rng.choice(1_800, 300, replace=False)
    assert trustworthiness(vectors[few], xy[few], n_neighbors=15, metric="cosine") < exact - 0.05


def nearest_of(xy: np.ndarray) -> np.ndarray:
    distance = ((xy[:, None] - xy[None]) ** 2).sum(axis=2)
    np.fill_diagonal(distance, np.inf)
    return distance.argmin(axis=1)


def test_overlap_by_brute_force():
    """On the identity picture (2-d vectors of length 1) cosine and picture neighbours are the same rows."""
    angle = np.sort(np.random.default_rng(1).uniform(0, 2 * np.pi, 120))
    vectors = np.column_stack([np.cos(angle), np.sin(angle)]).astype(np.float32)
    graph = nearest_neighbours(vectors, 15)
    quality = map_quality(vectors, vectors, graph, rng=np.random.default_rng(0))
    assert quality.overlap > 0.99
    assert quality.trustworthiness > 0.999


@pytest.mark.parametrize("n", [0, 1, 2, 5, 16, 20, 40])
def test_tiny_corpora_have_a_map(n):
    vectors = islands(max(n, 1))[:n]
    graph = nearest_neighbours(vectors, 15)
    picture = project(vectors, graph, MapParams())
    assert picture.xy.shape == (n, 2)
    assert picture.xy.dtype == np.float32
    assert np.isfinite(picture.xy).all()
    assert picture.method == ("pca" if n < module.SMALL else "umap")
    map_quality(vectors, picture.xy, graph, rng=np.random.default_rng(0))


def test_equal_rows_and_rows_of_zeros_do_not_crash():
    equal = np.tile(islands(1), (60, 1))
    picture = project(equal, nearest_neighbours(equal, 15), MapParams())
    assert picture.method == "pca" and np.abs(picture.xy).max() < 1e-5
    some = islands(60)
    some[::3] = 0
    picture = project(some, nearest_neighbours(some, 15), MapParams())
    assert np.isfinite(picture.xy).all()


def test_landmarks_place_the_rest_beside_their_neighbours(monkeypatch):
    monkeypatch.setattr(module, "LANDMARK_ABOVE", 200)
    vectors = islands(400)
    picture = project(vectors, nearest_neighbours(vectors, 15), MapParams(landmarks=150), seed=1)
    assert picture.method == "landmark"
    group = np.arange(400) % 5
    assert (group[nearest_of(picture.xy)] == group).mean() > 0.98


def test_landmarks_are_drawn_in_proportion_and_small_clusters_keep_rows():
    labels = np.repeat([0, 1, 2, -1], [800, 160, 10, 30])
    marks = draw_landmarks(1_000, 200, labels=labels, rng=np.random.default_rng(0))
    found = {int(label): int((labels[marks] == label).sum()) for label in np.unique(labels)}
    assert found == {0: 160, 1: 32, 2: 10, -1: 15}  # a fifth of each, at least 15 or all there are
    assert len(np.unique(marks)) == len(marks) and (np.diff(marks) > 0).all()
    assert np.array_equal(marks, draw_landmarks(1_000, 200, labels=labels, rng=np.random.default_rng(0)))
    assert len(draw_landmarks(1_000, 200, labels=None, rng=np.random.default_rng(0))) == 200


def test_a_layout_that_begins_from_places_stays_near_them():
    vectors = islands()
    graph = nearest_neighbours(vectors, 15)
    first = project(vectors, graph, MapParams(), seed=0).xy
    turned = first @ np.array([[0.0, 1.0], [-1.0, 0.0]], dtype=np.float32) + 50
    again = project(vectors, graph, MapParams(), seed=1, start=turned).xy
    assert again.tobytes() == project(vectors, graph, MapParams(), seed=1, start=turned).xy.tobytes()
    assert displacement(again, turned).median < 0.25
    # it lies where it began: the best turn, scale and shift back onto the start is to leave it as it is
    assert np.abs(align(again, turned) - again).max() < 1e-3
    fresh = project(vectors, graph, MapParams(), seed=1).xy
    assert displacement(fresh, turned).median > 1.0  # without a start it lies around 0


def test_a_row_between_two_landmarks_lies_by_the_nearer():
    base = np.eye(2, dtype=np.float32)
    placed = np.array([[0.0, 0.0], [10.0, 0.0]], dtype=np.float32)
    row = np.array([[0.8, 0.6]], dtype=np.float32)
    # cosine distances 0.2 and 0.4: weights 5 and 2.5, and 5 |y| + 2.5 |10 - y| is least at 0
    assert place_between(row, base, placed) == pytest.approx(np.array([[0.0, 0.0]]), abs=1e-2)


def test_the_key_changes_with_what_the_map_depends_on():
    key = map_id("abc", MapParams(), 0)
    assert len(key) == 16 and key == map_id("abc", MapParams(), 0)
    others = {
        map_id("abd", MapParams(), 0),
        map_id("abc", MapParams(min_dist=0.2), 0),
        map_id("abc", MapParams(), 1),
        map_id("abc", MapParams(), 0, clustering={"resolution": 2.0}),
    }
    assert len(others) == 4 and key not in others


@pytest.mark.parametrize("bad", [{"n_neighbors": 1}, {"min_dist": 1.0}, {"min_dist": float("nan")}, {"landmarks": 5}])
def test_parameters_out_of_range_are_named(bad):
    with pytest.raises(MeasureError):
        MapParams(**bad)
