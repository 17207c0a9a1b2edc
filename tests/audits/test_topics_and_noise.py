"""Thin topics and labels that neighbours contradict: small worlds with a known answer."""

import numpy as np
import pandas as pd
import pytest
from sklearn.neighbors import NearestNeighbors

from studio.audits.context import Context
from studio.audits.label_sets import exclusive
from studio.audits.noise import NOISE, neighbour_votes
from studio.audits.topics import TOPICS
from studio.records import Knn


def test_a_thin_topic_is_named_with_its_filter():
    clusters = np.repeat([0, 1, 2, 3, -1], [400, 380, 390, 8, 22])
    frame = pd.DataFrame({"example_id": range(1200)})
    result = TOPICS.compute(frame, Context(clusters=clusters, cluster_names={3: "parking permit"}))
    thin, even = result.findings
    assert thin.alarm and thin.values["topic"] == "parking permit" and thin.high < 1 / 6 / 4
    assert [(c.column, c.value) for c in thin.examples] == [("cluster", 3)]
    assert even.values["noise"] == 22 and even.values["thin"] == 1
    # Upper bounds of 35 and 36 of 1,178: 0.0410 and 0.0420; a sixth of an equal share is 0.0417.
    assert even.values["least"] == 35
    assert 3 < even.estimate < 4


def test_even_topics_raise_no_alarm():
    result = TOPICS.compute(pd.DataFrame({"example_id": range(90)}), Context(clusters=np.arange(90) % 3))
    assert [f.key for f in result.findings] == ["audit.topics.sizes"]
    assert result.findings[0].estimate == pytest.approx(3)


def test_votes_by_hand():
    """Weights 0.9, 0.8, 0.7, 0.6, 0.5; the neighbour of the same family and the unlabelled one do not vote."""
    indices = np.array([[1, 2, 3, 4, 5, 6, 7]])
    distances = np.array([[0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.0]])
    labels = np.array([0, 0, 0, 1, 1, 1, 2, -1])
    families = np.array([0, 0, 2, 3, 4, 5, 6, 7])
    votes = neighbour_votes(
        np.tile(indices, (8, 1)), np.tile(distances, (8, 1)), exclusive(labels, ["a", "b", "c"]), families
    )
    assert votes[0] == pytest.approx(np.array([0.9, 0.8 + 0.7 + 0.6, 0.5]) / 3.5)


def test_too_few_neighbours_judge_nobody():
    votes = neighbour_votes(
        np.array([[1, 2]]), np.array([[0.1, 0.1]]), exclusive(np.array([0, 1, 1]), ["a", "b"]), None
    )
    assert np.isnan(votes).all()


def test_planted_wrong_labels_are_found_on_separable_data():
    rng = np.random.default_rng(0)
    centres = np.eye(4, 16)
    truth = rng.integers(0, 4, 800)
    vectors = centres[truth] + rng.normal(scale=0.12, size=(800, 16))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    distances, indices = NearestNeighbors(n_neighbors=16, metric="cosine").fit(vectors).kneighbors()
    labels = truth.copy()
    wrong = rng.choice(800, 24, replace=False)
    labels[wrong] = (labels[wrong] + 1 + rng.integers(0, 3, 24)) % 4
    frame = pd.DataFrame({"example_id": np.arange(800) + 5, "label": [f"l{i}" for i in labels]})
    result = NOISE.compute(frame, Context(knn=Knn(indices.astype(np.int32), distances.astype(np.float32))))
    found = set(result.table.example_id - 5)
    assert len(found & set(wrong)) >= 22
    assert len(found - set(wrong)) <= 2
    assert not result.findings[0].alarm
    assert set(result.findings[0].example_ids) == set(result.table.example_id)
