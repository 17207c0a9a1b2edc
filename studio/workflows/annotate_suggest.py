"""What the newest round's model would answer, for the examples on the desk."""

from __future__ import annotations

from collections.abc import Sequence

from studio.store import rounds
from studio.workflows import train_rounds
from studio.workflows.studio import Studio

MOST = 9


def newest_round(studio: Studio, snapshot_id: str) -> str | None:
    """The round whose model suggests labels; None before the first."""
    found = rounds.latest(studio.store, snapshot_id)
    return found.round_id if found else None


def of_examples(studio: Studio, round_id: str, ids: Sequence[int]) -> dict[int, list[tuple[str, float]]]:
    """The likeliest labels of each example the round has read, best first, with their probabilities."""
    return train_rounds.suggestions(studio, round_id, ids, MOST)
