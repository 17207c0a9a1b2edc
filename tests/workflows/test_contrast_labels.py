"""What sets a part apart in a corpus whose examples carry several labels: each label by itself, the pool's hidden."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy import stats

from studio.corpus.schema import write_snapshot
from studio.settings import Settings
from studio.store import corpora, snapshots, splits
from studio.workflows import contrast
from studio.workflows.contrast import Part
from studio.workflows.studio import open_studio


@pytest.fixture
def studio(workspace):
    opened = open_studio(Settings(workspace=workspace, device="cpu"), supervise=False)
    yield opened
    opened.close()


def make(studio) -> str:
    """60 examples; 1-20 carry joy, every third of all carries 爱, the last ten are pool; 50 carries neither."""
    labels = [(["joy"] if i <= 20 else []) + (["爱"] if i % 3 == 0 else []) for i in range(1, 61)]
    rows = [
        {"example_id": i, "text": f"word{i % 5} text {i}", "labels": json.dumps(labels[i - 1], ensure_ascii=False)}
        for i in range(1, 61)
    ]
    manifest = write_snapshot(rows, studio.workspace.snapshots, language="en", task="classification_multi")
    corpora.add(studio.store, corpus_id="c1", name="c", language="en", task="classification_multi", by="t")
    snapshots.add(studio.store, manifest, corpus_id="c1", name="c", by="t")
    ids = np.arange(1, 61)
    splits.decide(studio.store, manifest["snapshot_id"], ids=ids, names=np.where(ids > 50, "pool", "train"),
                  method="random", seed=0, shares={}, by="t")  # fmt: skip
    return str(manifest["snapshot_id"])


def test_each_label_is_held_against_the_rest_and_the_pool_stays_blind(studio):
    made = make(studio)
    found = contrast.compare(studio, made, Part(np.arange(1, 26)))
    assert found.overlaps and set(found.categories["attribute"]) == {"label_now"}
    rows = found.categories.set_index("name")
    # inside 1-25, outside 26-50: of the pool nobody knows the labels
    assert rows.loc["joy", ["n_in", "n_out"]].tolist() == [20, 0]
    assert rows.loc["爱", ["n_in", "n_out"]].tolist() == [8, 8]
    assert rows.loc["爱", "share_in"] == pytest.approx(8 / 25) and rows.loc["爱", "odds_ratio"] == pytest.approx(1.0)
    assert rows.index[0] == "joy"
    held = contrast.compare(studio, made, Part(np.arange(1, 41), blind=3), held=3)
    assert held.is_tested
    blind = contrast.halves.is_held(np.arange(1, 61), 3)
    ids = np.arange(1, 61)
    inside, outside = ids[blind & (ids <= 40)], ids[blind & (ids > 40) & (ids <= 50)]
    table = [[int((side % 3 == 0).sum()), int((side % 3 != 0).sum())] for side in (inside, outside)]
    small = np.outer(np.sum(table, 1), np.sum(table, 0)).min() / np.sum(table) < 5
    oracle = stats.fisher_exact(table).pvalue if small else stats.chi2_contingency(table, correction=False).pvalue
    assert held.categories.set_index("name").loc["爱", "p"] == pytest.approx(oracle)


def test_a_part_chosen_by_its_labels_is_not_compared_by_them(studio):
    found = contrast.compare(studio, make(studio), Part(np.arange(1, 21), columns=("labels",)))
    assert found.categories.empty and not found.overlaps
