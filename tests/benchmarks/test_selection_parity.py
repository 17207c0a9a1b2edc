"""The benchmark's arms choose whom the Select page chooses in a real workspace with the same vectors and scores."""

import numpy as np
import pytest

from benchmarks import selection_arms as arms
from benchmarks.selection_pools import Prepared
from studio.measures import by_name, compute
from studio.settings import Settings
from studio.store import examples, labels, scores
from studio.workflows import select
from studio.workflows.select_scores import Targets
from studio.workflows.studio import open_studio
from tests.workflows import select_corpus

TARGETS = Targets(ids=(1, 5, 9))


@pytest.fixture
def studio(workspace):
    opened = open_studio(Settings(workspace=workspace, device="cpu"), supervise=False)
    yield opened
    opened.close()


def test_arms_are_the_choices_of_the_page(studio):
    """Whom, not in which order: the page reads scores stored in single precision, so equals swap."""
    made = select_corpus.make(studio)
    select_corpus.score(studio, made, TARGETS)
    batch = select_corpus.batch(studio, made, scores.surroundings(studio.store, made), TARGETS)
    names = {name for view in arms.INNER["goal"].values() for name in view}
    raw = {name: compute(by_name(name), batch) for name in names}
    pool = Prepared(None, "clean", 0, None, tuple(batch.texts), batch.embeddings, batch.knn, batch.clusters, raw)
    everyone = examples.ids(studio.store, made)
    rows = np.searchsorted(everyone, labels.pool_left(studio.store, made))
    for one in arms.ARMS:
        if one.recipe.strategy != "weighted_sum" or one.knows != "goal" or one.is_bottom or one.recipe.tau is not None:
            continue
        for budget in (10, 40):
            recipe = arms.replace(one.recipe, budget=budget)
            expected = select.choose(studio, made, recipe, TARGETS).ids
            assert set(everyone[arms.choose(pool, one, rows, budget)]) == set(expected), (one.name, budget)
