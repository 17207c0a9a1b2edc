"""Nearest neighbours, coverage and density (prdc as the oracle), topics."""

import math

import numpy as np
import pytest
from prdc import compute_prdc

from studio.diversity import Rows, by_name, measure
from studio.diversity.nearest import near_in_graph, near_of
from studio.diversity.reference import make_reference
from studio.diversity.rows import Parts
from studio.mapping.neighbours import nearest_neighbours
from tests.diversity.rows_by_hand import against, unit


def value(name, of):
    return measure(by_name(name), of).value


@pytest.fixture(scope="module")
def clouds():
    rng = np.random.default_rng(0)
    real = unit(rng.normal(size=(400, 12)) + 0.4)
    fake = unit(rng.normal(size=(300, 12)) * np.linspace(1.5, 0.2, 12) + 0.4)
    return real, fake


# --- coverage and density ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize("k", [3, 5])
def test_coverage_and_density_are_those_of_prdc(clouds, k):
    real, fake = clouds
    wanted = compute_prdc(real.astype(np.float64), fake.astype(np.float64), nearest_k=k)
    of = against(Rows(len(fake), vectors=fake), Rows(len(real), vectors=real), k=k)
    assert value("coverage", of) == pytest.approx(wanted["coverage"], abs=1 / 400)  # ties at float32
    assert value("density", of) == pytest.approx(wanted["density"], rel=1e-3)


def test_a_set_against_itself_is_covered_and_one_far_away_is_not(clouds):
    real, _ = clouds
    own = Rows(400, vectors=real)
    assert value("coverage", against(own, own)) == 1.0
    far = Rows(50, vectors=unit(np.tile(-real.mean(axis=0), (50, 1))))
    assert value("coverage", against(far, own)) == 0.0
    assert value("density", against(far, own)) == 0.0


def test_coverage_by_hand():
    """Four reference points on a circle at 0, 10, 20 and 180 degrees, k = 1: radii 10, 10, 10 and 160 degrees."""
    angles = np.deg2rad([0, 10, 20, 180])
    points = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    reference = Rows(4, vectors=points)
    asked = np.deg2rad([4.0])  # inside the balls of 0 and 10 degrees; 20 is 16 away; 180 is 176 away
    own = Rows(1, vectors=np.stack([np.cos(asked), np.sin(asked)], axis=1).astype(np.float32))
    of = against(own, reference, k=1)
    assert value("coverage", of) == 0.5
    assert value("density", of) == 2.0


def test_odd_references_have_a_reason_instead_of_a_number():
    one, zeros = Rows(1, vectors=np.eye(1, 3, dtype=np.float32)), Rows(2, vectors=np.zeros((2, 3), np.float32))
    assert measure(by_name("coverage"), against(one, one)).reason == "small_reference"
    many = Rows(3, vectors=np.eye(3, dtype=np.float32))
    assert measure(by_name("coverage"), against(zeros, many)).reason == "no_directions"
    assert measure(by_name("coverage"), one).reason == "no_reference"


def test_the_reference_is_a_seeded_sample_of_stated_size(clouds):
    real, _ = clouds
    first = make_reference(Rows(400, vectors=real), np.random.default_rng(1), most=100)
    again = make_reference(Rows(400, vectors=real), np.random.default_rng(1), most=100)
    assert first.points.shape == (100, 12) and np.array_equal(first.points, again.points)


# --- nearest neighbours -----------------------------------------------------------------------------------------------
def test_nearest_distance_is_brute_force(clouds):
    real, _ = clouds
    cosine = real.astype(np.float64) @ real.astype(np.float64).T
    np.fill_diagonal(cosine, -2)
    ordered = np.sort(1 - cosine, axis=1)
    of = Rows(400, vectors=real)
    assert value("nearest", of) == pytest.approx(ordered[:, 0].mean(), abs=1e-6)
    assert value("radius", of) == pytest.approx(np.median(ordered[:, 9]), abs=1e-6)
    assert measure(by_name("radius"), of).values["k"] == 10


def test_the_stored_graph_gives_what_the_search_gives(clouds):
    real, _ = clouds
    rows = np.vstack([real, real[:5], np.zeros((2, 12), np.float32)])
    graph = nearest_neighbours(rows, 15)
    stored, made = near_in_graph(graph, rows), near_of(rows)
    np.testing.assert_allclose(stored.first, made.first, atol=2e-6)
    np.testing.assert_allclose(stored.radius, made.radius, atol=2e-6)
    assert stored.n_groups == made.n_groups <= 400
    with_graph = Rows(len(rows), vectors=rows, graph=graph)
    assert value("same_meaning", with_graph) == value("same_meaning", Rows(len(rows), vectors=rows)) > 0


def test_one_example_and_examples_without_direction():
    one, none = Rows(1, vectors=np.eye(1, 4, dtype=np.float32)), Rows(3, vectors=np.zeros((3, 4), np.float32))
    for name in ("nearest", "radius"):
        assert measure(by_name(name), one).reason == "one_row"
        assert measure(by_name(name), none).reason == "no_directions"
    assert value("same_meaning", one) == 0.0
    assert measure(by_name("same_meaning"), none).reason == "no_directions"


def test_vectors_of_several_matrices_are_taken_by_row():
    first, second = np.arange(6, dtype=np.float32).reshape(3, 2), 10 + np.arange(4, dtype=np.float32).reshape(2, 2)
    parts = Parts([first, second], np.array([0, 0, 0, 1, 1]), np.array([0, 1, 2, 0, 1]))
    assert len(parts) == 5 and parts.shape == (5, 2)
    assert parts[np.array([4, 0])].tolist() == [[12, 13], [0, 1]]


# --- topics -----------------------------------------------------------------------------------------------------------
def test_topics_by_hand():
    pool = Rows(20, clusters=np.repeat([0, 1, 2, -1], [6, 1, 3, 10]))
    found = measure(by_name("topics"), pool)
    assert found.value == pytest.approx(2.454556, abs=1e-6)  # reference values of B1: .6 / .1 / .3
    assert found.values == {"clusters": 3}
    reference = Rows(100, clusters=np.repeat([0, 1, 3, 5], 25))
    of = against(pool, reference)  # 6 of topic 0, 1 of topic 1, 3 of topic 2 (unknown to the reference)
    reached = measure(by_name("topics_reached"), of)
    assert reached.value == 0.25 and reached.values == {"reached": 1, "topics": 4, "least": 5}
    p, q = np.array([0.6, 0.1, 0.3, 0, 0, 0]), np.array([0.25, 0.25, 0, 0.25, 0, 0.25])
    m = (p + q) / 2
    wanted = sum(0.5 * x * math.log(x / y) for side in (p, q) for x, y in zip(side, m, strict=True) if x > 0)
    assert value("topics_apart", of) == pytest.approx(wanted)
    assert measure(by_name("topics"), Rows(2, clusters=np.array([-1, -1]))).reason == "no_clusters"
