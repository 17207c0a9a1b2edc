"""The errors a person can mend: what happened, what was got, what to do next."""

from __future__ import annotations

from typing import Any


class StudioError(Exception):
    """A fact the user can act on; pages print its three parts, logs print one line.

    Args:
        what: the act that cannot go on, one sentence without a full stop.
        got: the value as it was read; shown with repr for strings, cut to 200 characters.
        fix: the next step, starting with a verb.
    """

    def __init__(self, what: str, *, got: Any = None, fix: str = "") -> None:
        """Keep the three parts apart so that a page can lay them out."""
        self.what = what
        self.got = got
        self.fix = fix
        super().__init__(self.line())

    def got_text(self) -> str:
        """The got value as short text; empty when there is none."""
        if self.got is None:
            return ""
        text = self.got if isinstance(self.got, str) else repr(self.got)
        return text if len(text) <= 200 else text[:199] + "…"

    def line(self) -> str:
        """All three parts on one line, for logs and the command line."""
        got = f": got {self.got_text()}" if self.got is not None else ""
        fix = f" {self.fix}" if self.fix else ""
        return f"{self.what}{got}.{fix}"

    def __reduce__(self):
        """Keep the keyword arguments when an error crosses a process border."""
        return (_rebuild, (type(self), self.what, self.got, self.fix))


def _rebuild(cls: type[StudioError], what: str, got: Any, fix: str) -> StudioError:
    return cls(what, got=got, fix=fix)


class CorpusError(StudioError):
    """The uploaded data cannot be read as examples."""


class MeasureError(StudioError):
    """A measure or audit was asked for something its inputs cannot give."""


class SelectionError(StudioError):
    """Weights, budget or pool are not usable."""


class EmptyPool(SelectionError):
    """There is nothing left to choose from."""


class BudgetTooLarge(SelectionError):
    """More examples were asked for than the constraints can give."""


class AnnotationError(StudioError):
    """A label cannot be stored as it was given."""


class PlanError(StudioError):
    """A training plan contradicts itself or its data."""


class JobError(StudioError):
    """A run cannot be started, stopped or read."""


class StoreError(StudioError):
    """The workspace database cannot be opened, read or written."""


class AccessError(StudioError):
    """The role may not do this act."""


class ModelError(StudioError):
    """Weights cannot be found, trusted or loaded."""


class MissingPackage(StudioError):
    """An optional package is needed; the fix is the exact pip line."""
