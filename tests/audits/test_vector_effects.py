"""Planted wrong labels and a planted thin topic, seen through the lexical vectors of demo messages."""

import numpy as np
import pytest

from studio import audits, demo
from studio.audits.context import Context
from studio.audits.noise import NOISE
from studio.audits.topics import TOPICS
from studio.corpus.dedup import find_duplicates
from studio.mapping.clusters import find_clusters
from studio.mapping.neighbours import nearest_neighbours
from studio.models.lexical import LexicalEncoder
from studio.statistics import wilson

N = 1500


def precision_interval(language, seed):
    """Share of planted wrong labels among the suspects, its interval, and their share of the corpus."""
    corpus = demo.make(language, seed=seed, n=N)
    texts = corpus.frame["text"].tolist()
    vectors = LexicalEncoder.fit(texts, seed=0).encode(texts)
    families = find_duplicates(texts, np.random.default_rng(0)).families
    frame = corpus.frame.assign(example_id=np.arange(N))
    result = audits.run(NOISE, frame, Context(knn=nearest_neighbours(vectors, 30), families=families))
    wrong = set(frame["example_id"][frame["row"].isin(corpus.truth["effects"]["wrong_labels"]["rows"])])
    suspects = set(result.table["example_id"])
    low, high = wilson(len(suspects & wrong), len(suspects))
    return len(suspects), float(low), float(high), len(wrong) / N


@pytest.mark.parametrize("language", ["en", "zh"])
def test_suspects_are_mostly_planted_wrong_labels(language):
    n_suspects, low, _, base = precision_interval(language, 0)
    assert n_suspects >= 5
    assert low > 5 * base


@pytest.mark.slow
@pytest.mark.timeout(1500)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_suspects_beat_chance_in_eighteen_of_twenty_corpora(language):
    found = [precision_interval(language, seed) for seed in range(20)]
    assert sum(low > base for _, low, _, base in found) >= 18, found


# --- the thin topic ---------------------------------------------------------------------------------------------------
N_TOPICS = 3000
THIN_CLUSTER = 1000


def topics(language, seed, *, is_planted, is_apart=False):
    """What the audit of thin topics alarms on; `is_apart` puts the planted topic into a cluster of its own."""
    corpus = demo.make(language, seed=seed, n=N_TOPICS, effects=demo.ALL_EFFECTS if is_planted else ())
    texts = corpus.frame["text"].tolist()
    vectors = LexicalEncoder.fit(texts, seed=0).encode(texts)
    clusters = find_clusters(nearest_neighbours(vectors, 30), seed=0, n_seeds=2).labels.copy()
    if is_apart:
        clusters[corpus.frame["row"].isin(corpus.truth["effects"]["thin_topic"]["rows"]).to_numpy()] = THIN_CLUSTER
    result = audits.run(TOPICS, corpus.frame.assign(example_id=np.arange(N_TOPICS)), Context(clusters=clusters))
    return [finding.examples[0].value for finding in result.findings if finding.alarm]


@pytest.mark.slow
@pytest.mark.timeout(1500)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_thin_topic_over_twenty_corpora(language):
    """The audit sees what the clusters show. The planted topic is none of them with this encoder: see docs/log.md."""
    found = [THIN_CLUSTER in topics(language, seed, is_planted=True, is_apart=True) for seed in range(20)]
    assert sum(found) >= 18
    assert sum(bool(topics(language, seed, is_planted=False)) for seed in range(20)) <= 3
