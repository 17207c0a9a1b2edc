"""What the model thought of each training example's own label, epoch after epoch, taken from the steps of training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import Trainer

from studio.records import Array

FILE = "dynamics.npy"


class Dynamics:
    """Probability of the own label (n, epochs) float32, NaN where an epoch has not reached the example.

    Paper: cartography-2020: taken from the forward passes of training, at no further cost.
    """

    def __init__(self, n: int, epochs: int) -> None:
        self.values: Array = np.full((n, epochs), np.nan, np.float32)

    def record(self, rows: Any, logits: Any, labels: Any, epoch: int) -> None:
        """Keep one batch: rows (b,) places in the training set, logits (b, c), labels (b,)."""
        if not 0 <= epoch < self.values.shape[1]:
            return
        probs = torch.softmax(logits.detach().float(), dim=-1)
        own = probs.gather(1, labels.clamp(min=0).unsqueeze(1)).squeeze(1).cpu().numpy()
        self.values[rows.cpu().numpy(), epoch] = own

    def save(self, folder: Path) -> None:
        """Beside a checkpoint, so that a resumed fit knows the epochs before it."""
        np.save(folder / FILE, self.values, allow_pickle=False)

    def load(self, folder: Path) -> None:
        """What a checkpoint knows; one without it, or of another size, leaves everything unknown."""
        try:
            found = np.load(folder / FILE, allow_pickle=False)
        except (OSError, ValueError):
            return
        if found.shape == self.values.shape:
            self.values = found.astype(np.float32)


class WatchedTrainer(Trainer):
    """The Trainer, with an eye on what it thinks of its own training rows; nothing of its steps changes."""

    def __init__(self, *args: Any, dynamics: Dynamics, **kwargs: Any) -> None:
        self.dynamics = dynamics
        super().__init__(*args, **kwargs)

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """The loss as ever; a training batch leaves its probabilities behind."""
        given = {name: value for name, value in inputs.items() if name != "row"}
        loss, outputs = super().compute_loss(model, given, True, num_items_in_batch)
        if model.training and "row" in inputs:
            epoch = int(float(self.state.epoch or 0.0) + 1e-6)
            self.dynamics.record(inputs["row"], outputs["logits"], inputs["labels"], epoch)
        return (loss, outputs) if return_outputs else loss
