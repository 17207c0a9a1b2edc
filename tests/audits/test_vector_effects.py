"""Planted wrong labels, seen through the lexical vectors of 1,500 demo messages."""

import numpy as np
import pytest

from studio import audits, demo
from studio.audits.context import Context
from studio.audits.noise import NOISE
from studio.corpus.dedup import find_duplicates
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
