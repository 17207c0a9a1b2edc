"""Each method learns, is saved whole, loads with the same logits, stops where it is told and goes on from there."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from studio.errors import ModelError, PlanError
from studio.models import classifier
from studio.training import checkpoints
from studio.training.fit import fit
from studio.training.plan import TrainPlan
from studio.training.reporter import Quiet
from tests.training.tiny import base_folder, labelled

TRAIN, HELD = labelled(48), labelled(18, seed=1)


class Stop(BaseException):
    """What a worker's stop looks like."""


class Stopping(Quiet):
    """A reporter that asks for a stop when a barrier of that name is passed for the n-th time."""

    def __init__(self, at: str, times: int = 1, how: str = "stop") -> None:
        super().__init__()
        self.at, self.left, self.how, self.asked = at, times, how, None

    def barrier(self, name: str) -> None:
        if name == self.at:
            self.left -= 1
            if self.left == 0:
                self.asked = self.how

    def stop_requested(self) -> str | None:
        return self.asked

    def check_stop(self) -> None:
        if self.asked:
            raise Stop


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> str:
    return str(base_folder(tmp_path_factory.mktemp("base") / "tiny"))


def plan_of(base: str, method: str, **changes) -> TrainPlan:
    values = {"epochs": 3, "lr": 5e-3, "batch_size": 12, "max_length": 48, "patience": 0, "lora_rank": 2}
    if method == "frozen":
        values["frozen_layers"] = 1
    return TrainPlan(base=base, method=method, **(values | changes))


@pytest.mark.parametrize("method", ["full", "frozen", "lora", "linear_probe"])
def test_a_saved_model_gives_the_same_logits(base, method, tmp_path):
    fitted = fit(plan_of(base, method), TRAIN, HELD, checkpoints_dir=tmp_path / "c", allow_list=(base,))
    fitted.save(tmp_path / "model")
    loaded = classifier.load(tmp_path / "model", allow_list=(base,))
    np.testing.assert_array_equal(loaded.logits(HELD.texts), fitted.classifier.logits(HELD.texts))
    assert loaded.labels == ("card", "fee", "login")
    assert not [f for f in (tmp_path / "model").rglob("*") if f.suffix in (".bin", ".pt", ".pkl", ".joblib")]
    probs = loaded.predict_probs(HELD.texts)
    np.testing.assert_allclose(probs.sum(axis=1), 1, atol=1e-5)


def test_ngrams_and_characters_too(tmp_path):
    for name, values in (
        ("ngrams", {"method": "linear_probe"}),
        ("characters", {"method": "full", "warmup_epochs": 1}),
    ):
        plan = TrainPlan(base=name, epochs=1, max_length=48, **values)
        fitted = fit(plan, TRAIN, HELD, corpus=labelled(30, 5).texts, checkpoints_dir=tmp_path / name)
        fitted.save(tmp_path / f"{name}-model")
        loaded = classifier.load(tmp_path / f"{name}-model")
        np.testing.assert_array_equal(loaded.logits(HELD.texts), fitted.classifier.logits(HELD.texts))
        if name == "ngrams":
            accuracy = np.mean(
                [loaded.labels[i] == t for i, t in zip(loaded.logits(HELD.texts).argmax(1), HELD.labels, strict=True)]
            )
            assert accuracy == 1.0


def test_the_head_starts_where_the_probe_is(base, tmp_path):
    """With a learning rate near nothing the fine-tuned model still answers as the linear probe does."""
    probe = fit(plan_of(base, "linear_probe"), TRAIN, HELD, checkpoints_dir=tmp_path / "a", allow_list=(base,))
    plan = plan_of(base, "lora", epochs=1, lr=1e-7)
    warm = fit(plan, TRAIN, HELD, checkpoints_dir=tmp_path / "b", allow_list=(base,))
    np.testing.assert_array_equal(warm.classifier.logits(HELD.texts).argmax(1),
                                  probe.classifier.logits(HELD.texts).argmax(1))  # fmt: skip


def test_metrics_carry_loss_validation_and_groups(base, tmp_path):
    reporter = Quiet()
    fit(plan_of(base, "full"), TRAIN, HELD, checkpoints_dir=tmp_path, reporter=reporter, allow_list=(base,))
    losses = [m for m in reporter.metrics if "loss" in m]
    evals = [m for m in reporter.metrics if "val_accuracy" in m]
    assert losses[-1]["step"] == evals[-1]["step"] == 12
    assert {"val_loss", "val_macro_f1", "val_low", "val_high", "val_n"} <= set(evals[0])
    assert [row[:3] for row in evals[0]["val_groups"]] == [["region", "north", 9], ["region", "south", 9]]


def test_the_same_seed_gives_the_same_model(base, tmp_path):
    plans = [plan_of(base, "full", seed=seed) for seed in (1, 1, 2)]
    made = [fit(plan, TRAIN, HELD, checkpoints_dir=tmp_path / str(i), allow_list=(base,)).classifier.logits(HELD.texts)
            for i, plan in enumerate(plans)]  # fmt: skip
    np.testing.assert_array_equal(made[0], made[1])
    assert np.abs(made[0] - made[2]).max() > 0


@pytest.mark.parametrize("method", ["full", "lora"])
@pytest.mark.parametrize(("at", "times"), [("step", 5), ("evaluating", 2)])
def test_stop_and_keep_leaves_a_checkpoint_that_goes_on_to_the_same_end(base, tmp_path, at, times, method):
    plan = plan_of(base, method)
    whole = fit(plan, TRAIN, HELD, checkpoints_dir=tmp_path / "whole", allow_list=(base,))
    with pytest.raises(Stop):
        fit(plan, TRAIN, HELD, checkpoints_dir=tmp_path / "cut", reporter=Stopping(at, times), allow_list=(base,))
    kept = checkpoints.last_whole(tmp_path / "cut" / checkpoints.STEPS)
    assert kept is not None
    assert json.loads((tmp_path / "cut" / checkpoints.LAST).read_text())["checkpoint"] == kept.name
    resumed = fit(plan, TRAIN, HELD, checkpoints_dir=tmp_path / "cut", allow_list=(base,))
    assert resumed.facts["resumed_from"] == kept.name
    assert resumed.facts["steps"] == whole.facts["steps"] == 12
    np.testing.assert_allclose(resumed.classifier.logits(HELD.texts), whole.classifier.logits(HELD.texts), atol=1e-4)


def test_cancel_leaves_at_once_without_a_new_checkpoint(base, tmp_path):
    with pytest.raises(Stop):
        fit(plan_of(base, "full"), TRAIN, HELD, checkpoints_dir=tmp_path, reporter=Stopping("step", 2, "cancel"),
            allow_list=(base,))  # fmt: skip
    assert checkpoints.last_whole(tmp_path / checkpoints.STEPS) is None


def test_a_torn_checkpoint_is_passed_over(base, tmp_path):
    plan = plan_of(base, "full")
    with pytest.raises(Stop):
        fit(plan, TRAIN, HELD, checkpoints_dir=tmp_path, reporter=Stopping("step", 9), allow_list=(base,))
    steps = tmp_path / checkpoints.STEPS
    newest = checkpoints.listed(steps)[-1]
    weights = newest / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    assert not checkpoints.is_whole(newest)
    before = checkpoints.last_whole(steps)
    resumed = fit(plan, TRAIN, HELD, checkpoints_dir=tmp_path, allow_list=(base,))
    assert resumed.facts["resumed_from"] == before.name != newest.name
    assert resumed.facts["steps"] == 12


def test_early_stopping_ends_a_fit_that_no_longer_gains(base, tmp_path):
    plan = plan_of(base, "full", epochs=40, lr=1e-7, patience=2)
    fitted = fit(plan, TRAIN, HELD, checkpoints_dir=tmp_path, allow_list=(base,))
    assert fitted.facts["stopped_early"]
    assert fitted.facts["steps"] < fitted.facts["planned_steps"]


def test_one_label_is_refused(base, tmp_path):
    alone = dataclasses.replace(TRAIN, labels=["card"] * len(TRAIN.labels))
    with pytest.raises(PlanError, match="two labels"):
        fit(plan_of(base, "full"), alone, HELD, checkpoints_dir=tmp_path, allow_list=(base,))


def test_two_labels_keep_their_probabilities(base, tmp_path):
    rows = [i for i, label in enumerate(TRAIN.labels) if label != "fee"]
    two = dataclasses.replace(TRAIN, texts=[TRAIN.texts[i] for i in rows], labels=[TRAIN.labels[i] for i in rows],
                              groups={})  # fmt: skip
    fitted = fit(TrainPlan(base="ngrams", method="linear_probe"), two, HELD, checkpoints_dir=tmp_path)
    assert fitted.classifier.labels == ("card", "login")
    assert fitted.classifier.predict_probs(["lost card number 4"])[0].argmax() == 0


@pytest.mark.parametrize("damage", ["missing facts", "another format", "unknown base"])
def test_a_damaged_model_is_a_clear_error(base, tmp_path, damage):
    fitted = fit(plan_of(base, "linear_probe"), TRAIN, HELD, checkpoints_dir=tmp_path / "c", allow_list=(base,))
    fitted.save(tmp_path / "m")
    facts = tmp_path / "m" / classifier.FACTS
    if damage == "missing facts":
        facts.unlink()
    elif damage == "another format":
        facts.write_text(facts.read_text().replace('"format": 1', '"format": 9'))
    with pytest.raises(ModelError):
        classifier.load(tmp_path / "m", allow_list=() if damage == "unknown base" else (base,))


def test_a_layer_that_does_not_exist_is_named(base, tmp_path):
    with pytest.raises(ModelError, match="q_proj"):
        fit(plan_of(base, "lora", lora_targets=("q_proj",)), TRAIN, HELD, checkpoints_dir=tmp_path, allow_list=(base,))
    with pytest.raises(ModelError, match="too few layers"):
        fit(plan_of(base, "frozen", frozen_layers=5), TRAIN, HELD, checkpoints_dir=tmp_path, allow_list=(base,))
