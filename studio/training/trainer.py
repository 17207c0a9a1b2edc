"""The transformers Trainer as the studio uses it: rows, settings, live scores, a stop that leaves a whole checkpoint.

Imports torch: only workers and notebooks import it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import (
    DataCollatorWithPadding,
    EarlyStoppingCallback,
    PrinterCallback,
    TrainingArguments,
)

from studio.records import Array
from studio.statistics import wilson_pair
from studio.training.callbacks import Live, StoppedInEvaluation
from studio.training.dynamics import Dynamics, WatchedTrainer
from studio.training.evaluate import confusion, group_accuracy, macro_f1
from studio.training.plan import TrainPlan
from studio.training.reporter import Reporter

EVALUATIONS = 10
LOG_LINES = 100


@dataclass(frozen=True)
class Labelled:
    """n texts with labels; `groups` attribute -> n values; `vectors` (n, d) unit rows of the base when stored."""

    texts: Sequence[str]
    labels: Sequence[str]
    groups: Mapping[str, Sequence[str | None]] = field(default_factory=dict)
    vectors: Array | None = None


class Rows(torch.utils.data.Dataset):
    """Tokenised rows without padding; the collator pads each batch to its own longest row.

    Numbered rows carry their place, by which `studio.training.dynamics` knows them again.
    """

    def __init__(
        self, tokenizer: Any, texts: Sequence[str], targets: Sequence[int], max_length: int, *, numbered: bool = False
    ) -> None:
        encoded = tokenizer(list(texts), truncation=True, max_length=max_length) if texts else {"input_ids": []}
        self._rows = [
            {"input_ids": ids, "attention_mask": [1] * len(ids), "labels": target}
            for ids, target in zip(encoded["input_ids"], targets, strict=True)
        ]
        if numbered:
            self._rows = [row | {"row": place} for place, row in enumerate(self._rows)]

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, i: int) -> dict[str, Any]:
        return self._rows[i]


def schedule(plan: TrainPlan, n: int) -> tuple[int, int, int]:
    """(total steps, steps between evaluations, steps between log lines) of a fit on n rows."""
    per_epoch = math.ceil(math.ceil(n / plan.batch_size) / plan.accumulation)
    total = per_epoch * plan.epochs
    every = max(1, min(per_epoch, math.ceil(total / EVALUATIONS)))
    return total, every, max(1, math.ceil(total / LOG_LINES))


def arguments(plan: TrainPlan, n: int, n_validation: int, folder: Path, device: str) -> TrainingArguments:
    """The Trainer's settings for a plan; nothing is reported to anyone outside."""
    _, every, log_every = schedule(plan, n)
    judged = n_validation > 0
    return TrainingArguments(
        output_dir=str(folder),
        num_train_epochs=plan.epochs,
        learning_rate=plan.lr,
        weight_decay=plan.weight_decay,
        per_device_train_batch_size=plan.batch_size,
        per_device_eval_batch_size=64,
        gradient_accumulation_steps=plan.accumulation,
        max_grad_norm=plan.max_grad_norm,
        warmup_steps=plan.warmup_share,
        lr_scheduler_type="linear",
        eval_strategy="steps" if judged else "no",
        eval_steps=every,
        save_strategy="steps",
        save_steps=every,
        save_total_limit=2,
        load_best_model_at_end=judged,
        metric_for_best_model="macro_f1" if judged else None,
        greater_is_better=True if judged else None,
        logging_strategy="steps",
        logging_steps=log_every,
        logging_first_step=True,
        report_to=[],
        disable_tqdm=True,
        seed=plan.seed,
        data_seed=plan.seed,
        use_cpu=device == "cpu",
        bf16=False,
        remove_unused_columns=False,
        label_names=["labels"],
        dataloader_num_workers=0,
        dataloader_pin_memory=device == "cuda",
        push_to_hub=False,
    )


def build_trainer(
    plan: TrainPlan,
    model: Any,
    tokenizer: Any,
    train: Labelled,
    validation: Labelled,
    labels: list[str],
    folder: Path,
    reporter: Reporter,
    device: str,
) -> WatchedTrainer:
    """The Trainer of one fit: live scores, early stopping, sealed checkpoints, nothing printed or sent."""
    position = {label: i for i, label in enumerate(labels)}
    order = sorted(range(len(validation.texts)), key=lambda i: len(validation.texts[i]))
    ordered = Labelled(
        [validation.texts[i] for i in order],
        [validation.labels[i] for i in order],
        {name: [values[i] for i in order] for name, values in validation.groups.items()},
    )
    targets = [position[label] for label in train.labels]
    rows = Rows(tokenizer, train.texts, targets, plan.max_length, numbered=True)
    # A validation label never seen in training has no position: -100 leaves it out of the loss, not out of the scores.
    held = Rows(tokenizer, ordered.texts, [position.get(label, -100) for label in ordered.labels], plan.max_length)
    dynamics = Dynamics(len(rows), plan.epochs)
    live = Live(reporter, message="training", keep=lambda saved: dynamics.save(saved))

    def scores(output: Any) -> dict[str, float]:
        logits = output.predictions[0] if isinstance(output.predictions, tuple) else output.predictions
        values = live_scores(ordered, [labels[i] for i in np.argmax(logits, axis=1)], labels)
        live.latest = values
        return {"accuracy": values["val_accuracy"], "macro_f1": values["val_macro_f1"]}

    callbacks: list[Any] = [live]
    if plan.patience and len(held):
        callbacks.append(EarlyStoppingCallback(early_stopping_patience=plan.patience))
    trainer = WatchedTrainer(
        dynamics=dynamics,
        model=model,
        args=arguments(plan, len(rows), len(held), folder, device),
        train_dataset=rows,
        eval_dataset=held if len(held) else None,
        data_collator=DataCollatorWithPadding(tokenizer),
        compute_metrics=scores if len(held) else None,
        callbacks=callbacks,
    )
    trainer.remove_callback(PrinterCallback)  # metrics go to metrics.jsonl, the log is for what goes wrong
    return trainer


def live_scores(validation: Labelled, predicted: Sequence[str], labels: Sequence[str]) -> dict[str, Any]:
    """What a validation pass sends to the page: accuracy with interval, macro-F1, n, and each group."""
    every = list(labels) + sorted(set(validation.labels) - set(labels))
    table = confusion(validation.labels, predicted, every)
    n, hits = int(table.sum()), int(np.trace(table))
    low, high = wilson_pair(hits, n)
    correct = np.array([t == p for t, p in zip(validation.labels, predicted, strict=True)])
    groups = [
        [row["attribute"], row["group"], row["n"], row["accuracy"]]
        for row in group_accuracy(correct, validation.groups)
    ]
    return {
        "val_accuracy": hits / n,
        "val_low": low,
        "val_high": high,
        "val_macro_f1": float(macro_f1(table)),
        "val_n": n,
        "val_groups": groups,
    }


def run_trainer(trainer: WatchedTrainer, resume: Path | None, reporter: Reporter) -> dict[str, Any]:
    """Train; on a stop, let the reporter raise: the last whole checkpoint is what is kept."""
    live = next(c for c in trainer.callback_handler.callbacks if isinstance(c, Live))
    if resume:
        trainer.dynamics.load(resume)
    try:
        trainer.train(resume_from_checkpoint=str(resume) if resume else None)
    except StoppedInEvaluation:
        # The last sealed checkpoint stays the one to resume from: a checkpoint of this step would lack the score that
        # decides which one is best, and the resumed fit would end elsewhere than an unbroken one.
        reporter.barrier("stopping")
        reporter.check_stop()
        raise
    if live.keeping:
        reporter.check_stop()
    state = trainer.state
    return {
        "steps": state.global_step,
        "planned_steps": state.max_steps,
        "epochs": round(float(state.epoch or 0), 3),
        "stopped_early": state.global_step < state.max_steps,
        "best_step": state.best_global_step,
        "best_macro_f1": state.best_metric,
    }
