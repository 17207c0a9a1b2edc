"""A tiny base model and a tiny labelled set, made in the test: nothing is downloaded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from studio.models import characters
from studio.training.trainer import Labelled

WORDS = {
    "card": ("card", "lost card", "new card", "card stuck"),
    "fee": ("fee", "high fee", "fee again", "a fee"),
    "login": ("login", "cannot login", "login code", "login page"),
}


def texts(n: int, seed: int = 0) -> tuple[list[str], list[str], list[str]]:
    """N texts with their labels and a group each; the label is in the words."""
    rng = np.random.default_rng(seed)
    names = sorted(WORDS)
    rows = [(names[i % 3], int(rng.integers(4)), int(rng.integers(1000))) for i in range(n)]
    made = [f"{WORDS[label][word]} number {number}" for label, word, number in rows]
    return made, [label for label, _, _ in rows], [("north", "south")[i % 2] for i in range(n)]


def labelled(n: int, seed: int = 0) -> Labelled:
    """The same as the fit takes it."""
    made, labels, groups = texts(n, seed)
    return Labelled(made, labels, {"region": groups})


def base_folder(folder: Path) -> Path:
    """A BERT-type base of two layers with random weights, in safetensors."""
    torch.manual_seed(0)
    tokenizer = characters.build_tokenizer(texts(60)[0], min_count=1)
    characters.save(
        folder, characters.build_body(len(tokenizer), hidden=16, layers=2, heads=2, max_length=64), tokenizer
    )
    return folder
