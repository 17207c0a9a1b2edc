"""What happens between the Trainer's steps: metrics go out, the wish to stop comes in, checkpoints are sealed."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from studio.training import checkpoints
from studio.training.reporter import Reporter


class StoppedInEvaluation(Exception):
    """A stop was asked for while the validation examples were being predicted."""


class Live(TrainerCallback):
    """Reports every logging step and obeys a stop within one step, inside an evaluation as well."""

    def __init__(self, reporter: Reporter, *, message: str, keep: Callable[[Path], None] | None = None) -> None:
        self._reporter = reporter
        self._keep = keep
        self._message = message
        self.keeping = False
        self.latest: dict[str, Any] = {}

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """A test may hold the run here."""
        self._reporter.progress(state.global_step, state.max_steps, self._message)
        self._reporter.barrier("training")

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> TrainerControl:
        """Stop after this step: with a checkpoint when it is to be kept, at once when it is to be discarded."""
        self._reporter.progress(state.global_step, state.max_steps, self._message)
        self._reporter.barrier("step")
        asked = self._reporter.stop_requested()
        if asked == "stop":
            self._reporter.barrier("stopping")
            self.keeping = control.should_save = control.should_training_stop = True
        elif asked:
            self._reporter.check_stop()
        return control

    def on_prediction_step(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """A long evaluation must not hide a stop."""
        self._reporter.barrier("evaluating")
        if self._reporter.stop_requested():
            raise StoppedInEvaluation

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, Any] | None = None,
        **_: Any,
    ) -> None:
        """One metric line per logging step: loss, learning rate, gradient norm."""
        logs = logs or {}
        if "loss" in logs:
            values = {name: logs[name] for name in ("loss", "learning_rate", "grad_norm", "epoch") if name in logs}
            self._reporter.metric(state.global_step, **{k: v for k, v in values.items() if math.isfinite(v)})

    def on_evaluate(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        metrics: dict[str, Any] | None = None,
        **_: Any,
    ) -> None:
        """One metric line per evaluation: validation loss, accuracy, macro-F1 and every group."""
        loss = (metrics or {}).get("eval_loss")
        extra = {"val_loss": float(loss)} if loss is not None and math.isfinite(loss) else {}
        self._reporter.metric(state.global_step, **self.latest, **extra)

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Seal the checkpoint that was just written, with what else belongs to it."""
        folder = Path(args.output_dir) / f"{checkpoints.PREFIX}{state.global_step}"
        if self._keep is not None:
            self._keep(folder)
        self._reporter.barrier("checkpoint")
        checkpoints.seal(folder)
        checkpoints.announce(folder.parent.parent, folder.name)
        self._reporter.checkpoint(folder.name)
