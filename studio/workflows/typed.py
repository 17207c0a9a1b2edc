"""What people typed, made fit to be kept: no control characters, and a limit that is said instead of a silent cut."""

from __future__ import annotations

import unicodedata

from studio.errors import SelectionError

MOST_NAME, MOST_WORDS = 120, 10_000


def line(text: str) -> str:
    """One line: blanks and control characters become one blank each.

    Raises:
        SelectionError: longer than a list can show.

    Example:
        >>> line(f"  first{chr(0)}batch {chr(10)} 第一批 ")
        'first batch 第一批'
    """
    said = " ".join(_clean(text).split())
    if len(said) > MOST_NAME:
        raise SelectionError("This name is too long", got=f"{len(said):,} characters",
                             fix="Keep it to 120 characters; what it is for has a field of its own.")  # fmt: skip
    return said


def words(text: str) -> str:
    """A text of several lines without control characters.

    Raises:
        SelectionError: longer than anybody reads.
    """
    said = _clean(text).strip()
    if len(said) > MOST_WORDS:
        raise SelectionError("This text is too long to be read", got=f"{len(said):,} characters",
                             fix="Keep it below 10,000 characters.")  # fmt: skip
    return said


def _clean(text: str) -> str:
    """Line breaks and tabs stay, other control characters and half characters become blanks."""
    kept = (char if char in "\n\t" or unicodedata.category(char) not in ("Cc", "Cs") else " "
            for char in text.replace("\r\n", "\n"))  # fmt: skip
    return "".join(kept)
