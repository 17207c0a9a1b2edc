"""Why a record cannot become an example of its task: a reason code, raised while the example is built."""

from __future__ import annotations


class Reject(Exception):
    """The record is left out; `reason` is a code of `studio.corpus.rows.REASONS`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
