"""Plant the flaws that change finished examples: wrong labels, a spurious token, near-duplicates.

Each function changes a Draft in place and returns the rows it touched. What changes the drawing of an example (a thin
topic, a longer label, group shares) happens where the example is drawn, in `corpus`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from studio.demo.dice import Dice
from studio.demo.duplicates import jaccard, shingles

_WINDOW = 600  # a message is sent again among the next 600 of about 6,400, which is within some seven weeks
_TRIES = 12


@dataclass
class Draft:
    """A corpus being made; position i of every list is the same example. `columns` holds the group attributes."""

    language: str
    texts: list[str]
    labels: NDArray[np.object_]
    true_labels: NDArray[np.object_]
    kinds: list[str]
    topics: list[str]
    columns: dict[str, NDArray[np.object_]] = field(default_factory=dict)

    def __len__(self) -> int:
        """How many examples."""
        return len(self.texts)


def wrong_labels(draft: Draft, values: Mapping[str, Any], rng: np.random.Generator, kept: set[int]) -> list[int]:
    """Give a share of the clear examples another label, each of the others alike; rows in `kept` are spared."""
    names = sorted(set(draft.true_labels))
    clear = [i for i, kind in enumerate(draft.kinds) if kind == "clear" and i not in kept]
    rows = np.sort(rng.choice(clear, size=round(values["share"] * len(draft)), replace=False))
    for row in rows:
        others = [name for name in names if name != draft.true_labels[row]]
        draft.labels[row] = others[rng.integers(len(others))]
    return rows.tolist()


def spurious_token(
    draft: Draft,
    values: Mapping[str, Any],
    rng: np.random.Generator,
    insert: Callable[[str, Dice], str],
) -> list[int]:
    """Put the token into texts of one label at one rate and into all others at a low rate, blind to their content."""
    rates = np.where(draft.labels == values["label"], values["rate_in_label"], values["rate_elsewhere"])
    rows = np.flatnonzero(rng.random(len(draft)) < rates).tolist()
    dice = Dice(rng)
    for row in rows:
        draft.texts[row] = insert(draft.texts[row], dice)
    return rows


def near_duplicates(
    draft: Draft,
    values: Mapping[str, Any],
    rng: np.random.Generator,
    again: Callable[[str, Dice], str],
    kept: set[int],
) -> list[tuple[int, int]]:
    """Replace a share of the examples by an earlier message sent again with small changes; (copy, source) pairs.

    The copy takes text, label and requester of its source and keeps its own time and source. Every pair has a Jaccard
    similarity of at least `least_jaccard` and is never identical. Rows in `kept` are neither copied nor replaced.
    """
    wanted = round(values["share"] * len(draft))
    dice = Dice(rng)
    pairs: list[tuple[int, int]] = []
    replaced: set[int] = set()
    used: set[int] = set()
    for copy in rng.permutation(len(draft)).tolist():
        if len(pairs) == wanted:
            break
        if copy in kept or copy in used or copy == 0:
            continue
        source = dice.between(max(0, copy - _WINDOW), copy - 1)
        if source in kept or source in replaced or len(draft.texts[source]) < 10 * (6 if draft.language == "en" else 2):
            continue
        text = _sent_again(draft.texts[source], draft.language, values["least_jaccard"], again, dice)
        if text:
            _copy(draft, source, copy, text)
            pairs.append((copy, source))
            replaced.add(copy)
            used.add(source)
    return sorted(pairs)


def _sent_again(text: str, language: str, least: float, again: Callable[[str, Dice], str], dice: Dice) -> str:
    before = shingles(text, language)
    for _ in range(_TRIES):
        changed = again(text, dice)
        if changed != text and least <= jaccard(before, shingles(changed, language)) < 1:
            return changed
    return ""


def _copy(draft: Draft, source: int, copy: int, text: str) -> None:
    draft.texts[copy] = text
    draft.labels[copy] = draft.labels[source]
    draft.true_labels[copy] = draft.true_labels[source]
    draft.kinds[copy] = draft.kinds[source]
    draft.topics[copy] = draft.topics[source]
    for name, column in draft.columns.items():
        if name != "source":
            column[copy] = column[source]
