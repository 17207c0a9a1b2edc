"""Which key gives which label: digits 1 to 9, then letters, without those the desk and the browser skin use."""

from __future__ import annotations

from collections.abc import Sequence

DESK_KEYS: dict[str, str] = {"skip": "S", "undo": "Z", "redo": "Y", "accept": "A", "note": "N"}
RESERVED = ("C", "R")  # clear cache and rerun in Streamlit, which refuses them even with modifiers
LABEL_KEYS: tuple[str, ...] = tuple("123456789") + tuple(
    letter for letter in "QWERTUIOPASDFGHJKLXVBM" if letter not in (*RESERVED, *DESK_KEYS.values())
)
MOST_BUTTONS = 20


def label_keys(names: Sequence[str]) -> dict[str, str]:
    """A key per label, in the order of the labels; empty when there are more labels than fit on buttons.

    Example:
        >>> label_keys(["card", "cash"])
        {'card': '1', 'cash': '2'}
    """
    if len(names) > MOST_BUTTONS:
        return {}
    return dict(zip(names, LABEL_KEYS, strict=False))
