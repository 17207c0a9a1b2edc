"""Four whole-number weights that always sum to 100, and what moving one does to the others."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence

from studio.errors import SelectionError
from studio.records import VIEWS

TOTAL = 100
DEFAULT_WEIGHTS: dict[str, int] = {"relevance": 25, "diversity": 25, "difficulty": 25, "quality": 25}

# Values, not modes: a preset only sets the four sliders. Ours, to be judged by the learning curves.
PRESETS: dict[str, dict[str, int]] = {
    "balanced": {"relevance": 25, "diversity": 25, "difficulty": 25, "quality": 25},
    "relevance_first": {"relevance": 60, "diversity": 15, "difficulty": 10, "quality": 15},
    "hard_cases": {"relevance": 15, "diversity": 15, "difficulty": 55, "quality": 15},
    "clean_typical": {"relevance": 30, "diversity": 5, "difficulty": 5, "quality": 60},
    "explore_widely": {"relevance": 10, "diversity": 60, "difficulty": 15, "quality": 15},
}


def largest_remainder(shares: Sequence[float], total: int) -> list[int]:
    """Whole numbers summing to `total` in proportion to the shares; all shares 0 counts as equal shares.

    Each gets floor(total * share / sum); what is left goes one by one to the largest fractions, ties to the first.

    Raises:
        SelectionError: a negative, infinite or NaN share, or a total below 0.
    """
    if total < 0 or any(not math.isfinite(s) or s < 0 for s in shares):
        raise SelectionError("Shares must be 0 or more", got=list(shares), fix="Set each of them to 0 or more.")
    if not shares:
        return []
    if math.fsum(shares) <= 0:
        shares = [1.0] * len(shares)
    largest = max(shares)
    scaled = [s / largest for s in shares]  # keeps total * share / sum finite for tiny and huge shares
    exact = [total * s / math.fsum(scaled) for s in scaled]
    whole = [math.floor(x) for x in exact]
    left = total - sum(whole)
    by_fraction = sorted(range(len(exact)), key=lambda i: (whole[i] - exact[i], i))
    for i in by_fraction[:left]:
        whole[i] += 1
    return whole


def normalise_url_weights(raw: Mapping[str, object]) -> dict[str, int]:
    """Weights read from a URL, made whole and summing to 100; what cannot be read takes its default.

    A share link is untrusted: a missing, negative, NaN or unreadable value is replaced by the default of its view, and
    four zeros by the defaults.

    Args:
        raw: view -> anything; keys may carry the prefix `w_`.

    Returns:
        view -> int in 0..100 for the four views, summing to 100.
    """
    values = []
    for view in VIEWS:
        number = _read(raw.get(view, raw.get(f"w_{view}")))
        values.append(float(DEFAULT_WEIGHTS[view]) if number is None else min(number, 1e9))
    if sum(values) <= 0:
        return dict(DEFAULT_WEIGHTS)
    return dict(zip(VIEWS, largest_remainder(values, TOTAL), strict=True))


def unreadable(raw: Mapping[str, object]) -> bool:
    """Whether weights of a link cannot be meant as they stand: one is no number of at least 0, or all four are 0.

    Args:
        raw: view -> what the link says of it; views it does not name are left out.
    """
    numbers = [_read(given) for given in raw.values()]
    return None in numbers or (len(numbers) == len(VIEWS) and not any(numbers))


def _read(given: object) -> float | None:
    """A finite number of at least 0, or None."""
    try:
        number = float(given)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) and number >= 0 else None


def move_weight(weights: Mapping[str, int], view: str, value: int, locks: Collection[str] = ()) -> dict[str, int]:
    """All four weights after one slider was moved: the unlocked others give or take in proportion to what they have.

    The moved view gets `value`, held between 0 and what the locked ones leave; with every other view locked it keeps
    the rest. Unlocked others that are all 0 share equally.

    Args:
        weights: the four weights before the move, summing to 100.
        view: which one was moved; its own lock does not count.
        value: where it was moved to.
        locks: views that must not change.

    Returns:
        view -> int in 0..100, summing to 100; locked views unchanged.

    Raises:
        SelectionError: an unknown view, or weights that do not sum to 100.
    """
    if view not in VIEWS or set(weights) != set(VIEWS):
        raise SelectionError("There is no such view", got=view, fix=f"Use the four views {', '.join(VIEWS)}.")
    if sum(weights.values()) != TOTAL or min(weights.values()) < 0:
        raise SelectionError(
            "Weights must sum to 100", got=dict(weights), fix="Normalise them with normalise_url_weights first."
        )
    held = sum(weights[v] for v in VIEWS if v != view and v in locks)
    free = [v for v in VIEWS if v != view and v not in locks]
    room = TOTAL - held
    moved = min(max(int(value), 0), room) if free else room
    parts = largest_remainder([weights[v] for v in free], room - moved)
    return {**weights, view: moved, **dict(zip(free, parts, strict=True))}


def moved_view(sent: Mapping[str, int], shown: Sequence[Mapping[str, int]]) -> str | None:
    """Which of the linked sliders a person moved, when a browser may not have drawn the last answers yet.

    A browser shows one of the vectors it was sent, with at most one slider moved since.

    Args:
        sent: view -> where the four sliders stand in the browser.
        shown: the vectors it was sent, oldest first.

    Returns:
        The view that differs from the newest vector that explains the others; "" when none was moved; None when no
        vector explains what was sent.
    """
    for vector in reversed(shown):
        moved = [view for view in VIEWS if sent[view] != vector[view]]
        if len(moved) <= 1:
            return moved[0] if moved else ""
    return None


def half_drawn(sent: Mapping[str, int], before: Mapping[str, int], told: Mapping[str, int]) -> bool:
    """Whether a browser may stand like this without a press: it draws an answer slider by slider.

    Args:
        sent: view -> where the four sliders stand in the browser.
        before: where they stood when it was answered.
        told: where the answer puts them.
    """
    return all(sent[view] in (before[view], told[view]) for view in VIEWS)
