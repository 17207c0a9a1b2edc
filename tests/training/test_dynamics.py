"""Training dynamics: what is recorded, that nothing of the training changes, and that a resumed fit knows it all."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from transformers import Trainer

from studio.training import checkpoints
from studio.training.dynamics import Dynamics
from studio.training.fit import fit
from studio.training.plan import TrainPlan
from tests.training.test_fit import HELD, TRAIN, Stop, Stopping
from tests.training.tiny import base_folder


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> str:
    return str(base_folder(tmp_path_factory.mktemp("base") / "tiny"))


def plan_of(base: str, **changes) -> TrainPlan:
    values = {"method": "full", "epochs": 3, "lr": 5e-3, "batch_size": 12, "max_length": 48, "patience": 0}
    return TrainPlan(base=base, **(values | {"lora_rank": 2} | changes))


def test_a_batch_keeps_the_probability_of_its_own_labels():
    dynamics = Dynamics(3, 2)
    logits = torch.tensor([[0.0, 0.0], [2.0, 0.0]])
    dynamics.record(torch.tensor([2, 0]), logits, torch.tensor([1, 0]), 1)
    expected = [[np.nan, 1 / (1 + np.exp(-2))], [np.nan, np.nan], [np.nan, 0.5]]
    np.testing.assert_allclose(dynamics.values, expected, rtol=1e-6)
    dynamics.record(torch.tensor([0]), logits[:1], torch.tensor([0]), 2)  # an epoch nobody planned
    np.testing.assert_allclose(dynamics.values, expected, rtol=1e-6)


@pytest.mark.parametrize("method", ["full", "lora"])
def test_every_example_of_every_epoch_is_recorded(base, method, tmp_path):
    fitted = fit(plan_of(base, method=method), TRAIN, HELD, checkpoints_dir=tmp_path, allow_list=(base,))
    assert fitted.dynamics.shape == (48, 3) and fitted.dynamics.dtype == np.float32
    assert ((fitted.dynamics > 0) & (fitted.dynamics < 1)).all()
    if method == "full":
        assert fitted.dynamics[:, 2].mean() > fitted.dynamics[:, 0].mean()  # it learns


def test_with_no_dropout_the_first_batch_is_what_the_untrained_model_says(tmp_path):
    """One batch of all rows and one epoch: recorded before the only step, so by the head the probe gave."""
    place = base_folder(tmp_path / "steady")
    config = json.loads((place / "config.json").read_text())
    config |= {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    (place / "config.json").write_text(json.dumps(config))
    plan = plan_of(str(place), epochs=1, batch_size=48, dropout=0.0, lr=1e-7)
    fitted = fit(plan, TRAIN, HELD, checkpoints_dir=tmp_path / "c", allow_list=(str(place),))
    probs = fitted.classifier.predict_probs(TRAIN.texts)
    own = probs[np.arange(48), [fitted.classifier.labels.index(label) for label in TRAIN.labels]]
    np.testing.assert_allclose(fitted.dynamics[:, 0], own, atol=1e-4)


def test_watching_changes_nothing_of_the_training(base, tmp_path, monkeypatch):
    watched = fit(plan_of(base), TRAIN, HELD, checkpoints_dir=tmp_path / "a", allow_list=(base,))
    monkeypatch.setattr("studio.training.dynamics.WatchedTrainer.compute_loss",
                        lambda self, model, inputs, *a, **k: Trainer.compute_loss(
                            self, model, {n: v for n, v in inputs.items() if n != "row"}, *a, **k))  # fmt: skip
    plain = fit(plan_of(base), TRAIN, HELD, checkpoints_dir=tmp_path / "b", allow_list=(base,))
    np.testing.assert_array_equal(watched.classifier.logits(HELD.texts), plain.classifier.logits(HELD.texts))
    assert np.isnan(plain.dynamics).all()


@pytest.mark.parametrize("step", [3, 4, 5])
def test_a_resumed_fit_knows_the_epochs_before_it(base, tmp_path, step):
    plan = plan_of(base, accumulation=1)
    whole = fit(plan, TRAIN, HELD, checkpoints_dir=tmp_path / "whole", allow_list=(base,))
    with pytest.raises(Stop):
        fit(plan, TRAIN, HELD, checkpoints_dir=tmp_path / "cut", reporter=Stopping("step", step), allow_list=(base,))
    resumed = fit(plan, TRAIN, HELD, checkpoints_dir=tmp_path / "cut", allow_list=(base,))
    np.testing.assert_allclose(resumed.dynamics, whole.dynamics, atol=1e-4)


def test_a_checkpoint_without_dynamics_leaves_them_unknown(tmp_path):
    dynamics = Dynamics(2, 2)
    dynamics.load(tmp_path)
    Dynamics(5, 5).save(tmp_path)
    dynamics.load(tmp_path)
    assert np.isnan(dynamics.values).all() and dynamics.values.shape == (2, 2)
    checkpoints.seal(tmp_path)
    assert checkpoints.is_whole(tmp_path)


def test_heads_in_closed_form_have_none(tmp_path):
    plan = TrainPlan(base="ngrams", method="linear_probe", epochs=1, max_length=48)
    assert fit(plan, TRAIN, HELD, checkpoints_dir=tmp_path).dynamics is None
