"""What a shape proposes for a file, and how sure it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from studio.corpus.roles import Roles
from studio.corpus.shapes.sample import Sample

Why = tuple[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Proposal:
    """A way to read a file: a shape (how it is spelled), a task (what it is for), its roles, and the evidence.

    `strength` in [0, 1] is what names and forms of the columns say, before any record was built; `why` are words keys
    under shape.why with their values.
    """

    shape: str
    roles: Roles
    strength: float
    why: tuple[Why, ...]


@dataclass(frozen=True)
class Shape:
    """A spelling of a task: `propose` gives None for a file that is not of this shape."""

    name: str
    task: str
    propose: Callable[[Sample], Proposal | None]
