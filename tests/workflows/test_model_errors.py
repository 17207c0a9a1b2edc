"""Errors by group of a round: read from its predictions and the labels in force, held against fairlearn and sklearn."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from fairlearn.metrics import equalized_odds_difference
from sklearn.metrics import roc_auc_score

from studio.errors import PlanError, StoreError
from studio.records import Actor
from studio.settings import Settings
from studio.store import rounds
from studio.workflows import model_errors, openings
from studio.workflows.studio import open_studio
from tests.workflows import model_round


@pytest.fixture
def opened(workspace):
    made = open_studio(Settings(workspace=workspace, device="cpu"), supervise=False)
    yield made
    made.close()


def validation(opened, snapshot_id) -> pd.DataFrame:
    """Truth, prediction, probability and side of every validation example, read by hand."""
    said = pd.read_parquet(opened.workspace.model_dir("r1") / "predictions.parquet")
    said = said[said["part"] == "validation"].set_index("example_id")
    rows = pd.read_parquet(opened.workspace.examples_file(snapshot_id)).set_index("example_id").loc[said.index]
    return pd.DataFrame({"truth": rows["label"] == "toxic", "said": said["predicted"] == "toxic",
                         "p": [pair[1] for pair in said["probs"]], "side": rows["group_side"]})  # fmt: skip


def test_rates_and_areas_of_a_round(opened):
    snapshot_id = model_round.make(opened)
    found, rows = model_errors.of_round(opened, "r1"), validation(opened, snapshot_id)
    assert found.n == len(rows) == 200
    (odds,) = found.odds.itertuples()
    oracle = equalized_odds_difference(rows["truth"], rows["said"], sensitive_features=rows["side"])
    assert odds.difference == pytest.approx(oracle) and odds.alarm
    assert (odds.attribute, odds.label, odds.rate, odds.highest) == ("side", "toxic", "wrong", "w")
    women = rows["side"] == "w"
    assert (
        odds.high_n == (women & ~rows["truth"]).sum() and odds.high_k == (women & ~rows["truth"] & rows["said"]).sum()
    )
    areas = found.areas.set_index(["kind", "axis", "name"])
    mask = women ^ rows["truth"]
    bpsn = roc_auc_score(rows["truth"][mask], rows["p"][mask])
    for key in (("value", "side", "w"), ("group", "gender", "women"), ("term", "gender", "she")):
        assert areas.loc[key, "bpsn"] == pytest.approx(bpsn) and areas.loc[key, "wrong"]  # she stands in those texts
    assert not areas.loc[("value", "side", "m"), "wrong"]


def test_a_fair_model_is_calm_and_the_numbers_are_remembered(opened, monkeypatch):
    model_round.make(opened, shift=0.0)
    found = model_errors.of_round(opened, "r1")
    assert not found.odds["alarm"].any() and not found.areas["alarm"].any()
    monkeypatch.setattr(model_errors, "errors_of", None)
    assert model_errors.of_round(opened, "r1") is found


def test_the_test_split_stays_closed_until_the_round_has_opened_it(opened):
    model_round.make(opened)
    with pytest.raises(PlanError, match="closed"):
        model_errors.of_round(opened, "r1", "test")
    with pytest.raises(StoreError):
        model_errors.of_round(opened, "r2")
    openings.open_test(opened, Actor("ann", "analyst"), round_id="r1", why="a test")
    assert model_errors.parts(rounds.require(opened.store, "r1")) == ("validation", "test")
    assert model_errors.of_round(opened, "r1", "test").n == 200


def test_held_out_examples_without_a_group_or_a_text_are_missing_not_a_group(opened):
    snapshot_id = model_round.make(opened, n=60)
    found = rounds.require(opened.store, "r1")
    from studio.store import snapshots

    held = model_errors.held(opened, found, snapshots.require(opened.store, snapshot_id), None, "validation")
    assert len(held.truth) == len(held.probs) == 30 and {key[0] for key in held.subgroups} == {"value"}
    assert np.allclose(held.probs.sum(1), 1)
