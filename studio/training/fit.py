"""The fit: labelled texts and a plan in, a trained classifier out, with metrics on the way and checkpoints to resume.

Imports torch: only workers and notebooks import it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import set_seed

from studio.errors import PlanError
from studio.models import baseline, bases, characters, classifier
from studio.records import Array
from studio.training import checkpoints
from studio.training.plan import TrainPlan
from studio.training.reporter import Quiet, Reporter
from studio.training.trainer import LOG_LINES, Labelled, build_trainer, live_scores, run_trainer

#: The probe's probabilities are flat (its vectors have length 1); this sharpens them to where gradients are useful
#: without changing any decision. Ours, chosen by the runs in docs/log.md.
HEAD_SCALE = 4.0
SLICE = 4096


@dataclass
class Fitted:
    """A trained classifier, how to write it (`save(folder)`), and what is known about its fit.

    `probe` maps stored vectors (n, d) of the base to class probabilities (n, c); only a linear probe has it. `dynamics`
    (n, epochs) float32 is the probability of each training example's label in each epoch, NaN where the fit ended
    before; only a network trained by gradients has it.
    """

    classifier: classifier.Classifier
    save: Callable[[Path], None]
    facts: dict[str, Any]
    probe: Callable[[Array], Array] | None = None
    dynamics: Array | None = None


def fit(
    plan: TrainPlan,
    train: Labelled,
    validation: Labelled,
    *,
    corpus: Sequence[str] = (),
    checkpoints_dir: Path,
    reporter: Reporter | None = None,
    device: str = "cpu",
    allow_list: Sequence[str] = (),
) -> Fitted:
    """Fit one classifier.

    Args:
        plan: what to do.
        train: at least two labels.
        validation: decides which checkpoint is kept; never trained on.
        corpus: unlabelled texts a model from scratch may read in its warm-up.
        checkpoints_dir: where whole checkpoints lie; a fit that finds one goes on from it.
        reporter: where metrics go and stops come from.
        device: cpu, cuda or mps.
        allow_list: base folders the host allows.

    Raises:
        PlanError: fewer than two labels.
        ModelError: the base cannot be loaded or does not fit the plan.
    """
    reporter = reporter or Quiet()
    labels = sorted(set(train.labels))
    if len(labels) < 2:
        raise PlanError("Training needs at least two labels", got=", ".join(labels), fix="Annotate another class.")
    set_seed(plan.seed)
    started = time.monotonic()
    if plan.base == "ngrams":
        fitted = _fit_ngrams(plan, train)
    elif plan.method == "linear_probe":
        fitted = _fit_probe(plan, train, labels, reporter, device, allow_list)
    else:
        fitted = _fit_network(plan, train, validation, labels, corpus, checkpoints_dir, reporter, device, allow_list)
    fitted.facts["seconds"] = round(time.monotonic() - started, 3)
    if not plan.uses_gradients:
        _report_head(fitted, validation, reporter)
    return fitted


def answers(
    fitted: Fitted,
    texts: Sequence[str],
    *,
    vectors: Array | None = None,
    rows: Array | None = None,
    on_batch: Callable[[int, int], None] = lambda done, total: None,
) -> Array:
    """(n, c) class probabilities of n texts; a probe reads stored vectors of the base instead of embedding again.

    Args:
        fitted: what `fit` returned.
        texts: n texts, any order.
        vectors: all stored vectors of the base, memory-mapped or not; None where there are none.
        rows: (n,) which of them belong to the texts.
        on_batch: called with (done, n) between slices; it may raise to stop.
    """
    if fitted.probe is None or vectors is None or rows is None:
        return fitted.classifier.predict_probs(texts, on_batch)
    slices = []
    for start in range(0, len(rows), SLICE):
        slices.append(fitted.probe(np.asarray(vectors[rows[start : start + SLICE]], np.float32)))
        on_batch(min(start + SLICE, len(rows)), len(rows))
    return np.concatenate(slices) if slices else np.zeros((0, len(fitted.classifier.labels)), np.float32)


# --- heads in closed form ---------------------------------------------------------------------------------------------
def _fit_ngrams(plan: TrainPlan, train: Labelled) -> Fitted:
    model = baseline.NgramClassifier.fit(train.texts, train.labels, seed=plan.seed)
    return Fitted(
        classifier.Classifier(model.labels, model.logits, model),
        lambda folder: classifier.save_ngrams(folder, model),
        {"steps": 0, "trained_parameters": model.size},
    )


def _fit_probe(
    plan: TrainPlan, train: Labelled, labels: list[str], reporter: Reporter, device: str, allow_list: Sequence[str]
) -> Fitted:
    place = bases.folder(plan.base, allow_list)
    network = classifier.build(place, labels, dropout=0.0).to(device)
    tokenizer = bases.tokenizer(place)
    reporter.barrier("training")
    vectors = (
        train.vectors if train.vectors is not None else embed(network, tokenizer, train.texts, plan, device, reporter)
    )
    weight, bias, names = baseline.head_arrays(baseline.logistic(vectors, train.labels, c=plan.probe_c, seed=plan.seed))
    classifier.set_head(network, weight, bias)
    reporter.check_stop()
    run = classifier.runner(network.eval(), tokenizer, plan.max_length, device)

    def save(folder: Path) -> None:
        classifier.save_probe(folder, weight, bias, base=plan.base, labels=names, max_length=plan.max_length)

    return Fitted(
        classifier.Classifier(names, run, network),
        save,
        {"steps": 0, "trained_parameters": int(weight.size + bias.size)},
        probe=lambda vectors: baseline.softmax(vectors @ weight.T + bias),
    )


def _report_head(fitted: Fitted, validation: Labelled, reporter: Reporter) -> None:
    """One metric line, so that a probe's run reads like every other run."""
    if not validation.texts:
        return
    probs = fitted.classifier.predict_probs(validation.texts, lambda done, total: reporter.check_stop())
    predicted = [fitted.classifier.labels[i] for i in probs.argmax(axis=1)]
    values = live_scores(validation, predicted, fitted.classifier.labels)
    reporter.metric(1, **values)
    fitted.facts |= {"best_step": 1, "best_macro_f1": values["val_macro_f1"], "stopped_early": False}


def embed(
    network: classifier.MeanPooledClassifier,
    tokenizer: Any,
    texts: Sequence[str],
    plan: TrainPlan,
    device: str,
    reporter: Reporter,
) -> Array:
    """Pooled unit vectors (n, d) of texts in evaluation mode."""
    network.eval()
    order = np.argsort([len(text) for text in texts], kind="stable")
    out = np.zeros((len(texts), network.head.in_features), np.float32)
    for start in range(0, len(texts), 64):
        reporter.check_stop()
        rows = order[start : start + 64]
        batch = tokenizer(
            [texts[i] for i in rows], padding=True, truncation=True, max_length=plan.max_length, return_tensors="pt"
        ).to(device)
        with torch.inference_mode():
            out[rows] = network.pool(batch["input_ids"], batch["attention_mask"]).float().cpu().numpy()
    return out


# --- networks ---------------------------------------------------------------------------------------------------------
def _fit_network(
    plan: TrainPlan,
    train: Labelled,
    validation: Labelled,
    labels: list[str],
    corpus: Sequence[str],
    checkpoints_dir: Path,
    reporter: Reporter,
    device: str,
    allow_list: Sequence[str],
) -> Fitted:
    steps_dir = checkpoints_dir / checkpoints.STEPS
    steps_dir.mkdir(parents=True, exist_ok=True)
    checkpoints.drop_torn(steps_dir)
    resume = checkpoints.last_whole(steps_dir)
    place = (
        _scratch(plan, [*corpus, *train.texts], checkpoints_dir / checkpoints.WARM_UP, reporter, device)
        if plan.base == "characters"
        else bases.folder(plan.base, allow_list)
    )
    network = classifier.build(place, labels, dropout=plan.dropout).to(device)
    tokenizer = bases.tokenizer(place)
    if resume is None:
        vectors = (
            train.vectors
            if train.vectors is not None
            else embed(network, tokenizer, train.texts, plan, device, reporter)
        )
        head = baseline.logistic(vectors, train.labels, c=plan.probe_c, seed=plan.seed)
        weight, bias, _ = baseline.head_arrays(head)
        classifier.set_head(network, weight, bias, scale=HEAD_SCALE)
    model = _trainable(plan, network)
    trainer = build_trainer(plan, model, tokenizer, train, validation, labels, steps_dir, reporter, device)
    steps = run_trainer(trainer, resume, reporter)
    run = classifier.runner(model.eval(), tokenizer, plan.max_length, device)

    def save(folder: Path) -> None:
        base = plan.base if plan.method == "lora" else "itself"
        classifier.save(folder, model, tokenizer, base=base, labels=labels, max_length=plan.max_length)

    return Fitted(
        classifier.Classifier(labels, run, model),
        save,
        steps
        | {
            "trained_parameters": sum(p.numel() for p in model.parameters() if p.requires_grad),
            "resumed_from": resume.name if resume else "",
        },
        dynamics=trainer.dynamics.values,
    )


def _scratch(plan: TrainPlan, texts: Sequence[str], folder: Path, reporter: Reporter, device: str) -> Path:
    """The folder of a warmed-up character encoder; one that is whole is used again by the next attempt."""
    if checkpoints.is_whole(folder):
        return folder
    tokenizer = characters.build_tokenizer(texts, min_count=2 if len(texts) >= 200 else 1)
    body = characters.build_body(len(tokenizer), max_length=plan.max_length)

    def on_step(step: int, total: int, loss: float) -> None:
        if step % 5 == 1 or step == total:
            reporter.progress(step, total, "warm_up")
            reporter.check_stop()
        if step % max(1, total // LOG_LINES) == 0:
            reporter.metric(step - total - 1, warm_up_loss=loss)  # before step 0, so no training step replaces it

    loss = characters.warm_up(
        body,
        tokenizer,
        texts,
        epochs=plan.warmup_epochs,
        max_length=plan.max_length,
        seed=plan.seed,
        device=device,
        on_step=on_step,
    )
    body.to("cpu")
    characters.save(folder, body, tokenizer)
    checkpoints.seal(folder)
    checkpoints.announce(folder.parent, "warm-up")
    reporter.event("warm_up", loss=None if math.isnan(loss) else round(loss, 4))
    return folder


def _trainable(plan: TrainPlan, network: classifier.MeanPooledClassifier) -> Any:
    if plan.method == "lora":
        return classifier.add_lora(
            network, rank=plan.lora_rank, alpha=plan.lora_alpha, targets=plan.lora_targets, dropout=plan.dropout
        )
    if plan.method == "frozen":
        classifier.freeze_layers(network, plan.frozen_layers)
    return network
