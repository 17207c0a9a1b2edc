"""What a cleaning step is, what it may look at, and what it answers."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from studio.errors import CorpusError
from studio.records import Array, Knn

Editor = Callable[[str], str]
ACTIONS: tuple[str, ...] = ("edit", "drop", "flag")
EMPTIED = "emptied"  # reason code of an example of whose text an edit leaves nothing


@dataclass(frozen=True)
class Parameter:
    """One setting of a step; `default` is a value, or a mapping from language to value where languages differ.

    `kind` is int, float, choice, bool or languages (codes joined by commas); `low` and `high` bound the numbers.
    """

    name: str
    kind: Literal["int", "float", "choice", "bool", "languages"]
    default: Any
    low: float = 0.0
    high: float = 0.0
    step: float = 1.0
    choices: tuple[str, ...] = ()

    @property
    def by_language(self) -> bool:
        """True when each language of a text has its own value."""
        return isinstance(self.default, Mapping)

    def read(self, value: Any) -> Any:
        """The value as it will be used.

        Raises:
            CorpusError: not a value of this kind, or out of bounds.
        """
        if self.by_language:
            given = value if isinstance(value, Mapping) else dict.fromkeys(self.default, value)
            if unknown := set(given) - set(self.default):
                raise CorpusError(f"The setting {self.name} knows no such language", got=sorted(unknown)[0],
                                  fix=f"Use: {', '.join(self.default)}.")  # fmt: skip
            return {name: self._one(given.get(name, own)) for name, own in self.default.items()}
        return self._one(value)

    def _one(self, value: Any) -> Any:
        if self.kind == "bool":
            if isinstance(value, bool):
                return value
            raise CorpusError(f"The setting {self.name} is yes or no", got=value, fix="Give true or false.")
        if self.kind == "choice":
            if value in self.choices:
                return value
            raise CorpusError(f"The setting {self.name} has no such choice", got=value,
                              fix=f"Use one of: {', '.join(self.choices)}.")  # fmt: skip
        if self.kind == "languages":
            return self._codes(value)
        return self._number(value)

    def _codes(self, value: Any) -> str:
        codes = [code.strip().lower() for code in str(value).replace(";", ",").split(",") if code.strip()]
        if not codes or not all(code in self.choices for code in codes):
            raise CorpusError("The languages cannot be read", got=value,
                              fix=f"Give codes such as en, zh; known: {', '.join(self.choices)}.")  # fmt: skip
        return ",".join(dict.fromkeys(codes))

    def _number(self, value: Any) -> float | int:
        try:
            number = float(value) if not isinstance(value, bool) else math.nan
        except (TypeError, ValueError):
            number = math.nan
        if not self.low <= number <= self.high or (self.kind == "int" and number != int(number)):
            kind = "a whole number" if self.kind == "int" else "a number"
            raise CorpusError(f"The setting {self.name} needs {kind} from {self.low:g} to {self.high:g}", got=value,
                              fix="Choose a value inside these bounds.")  # fmt: skip
        return int(number) if self.kind == "int" else number


@dataclass(frozen=True)
class Batch:
    """What a step may look at: the examples still in, in ascending example_id; item i of every field is the same one.

    ids (m,) int64; texts m strings, as the steps before left them; labels m strings or None; rows (m,) int64 positions
    among all examples of the snapshot, which `knn` (over all of them) speaks in; check_stop raises when the run should
    end.
    """

    ids: Array
    texts: Sequence[str]
    labels: Sequence[str | None]
    rows: Array
    seed: int = 0
    knn: Knn | None = None
    check_stop: Callable[[], None] = lambda: None

    def __len__(self) -> int:
        return len(self.texts)


@dataclass(frozen=True)
class Outcome:
    """What a step wants: `editor` for every text, or a reason code and a detail for each position in `found`.

    `action` says what becomes of the found ones: drop or flag. `notes` are words keys.
    """

    editor: Editor | None = None
    found: Mapping[int, tuple[str, str]] = field(default_factory=dict)
    action: str = "flag"
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Step:
    """A cleaning step. `title` is a words key; `kind` is what it does unless its parameter `action` says otherwise.

    `needs` names Batch fields it cannot do without (labels, knn); `steady` says that doing it twice changes nothing
    more; `advised` is False for a step that no suggested list may hold; `group` is the shelf it stands on in the list
    of steps.
    """

    name: str
    title: str
    group: str
    kind: Literal["edit", "drop", "flag"]
    parameters: tuple[Parameter, ...]
    needs: tuple[str, ...]
    paper: str
    version: int
    apply: Callable[[Batch, Mapping[str, Any]], Outcome]
    steady: bool = True
    advised: bool = True

    def defaults(self) -> dict[str, Any]:
        """Every parameter at its default."""
        return {one.name: one.read(one.default) for one in self.parameters}

    def read(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """All parameters, those given checked.

        Raises:
            CorpusError: an unknown name or an impossible value.
        """
        known = {one.name: one for one in self.parameters}
        if unknown := [name for name in given if name not in known]:
            raise CorpusError(f"The step {self.name} has no such setting", got=unknown[0],
                              fix=f"Use: {', '.join(known) or 'none'}.")  # fmt: skip
        return {name: one.read(given.get(name, one.default)) for name, one in known.items()}

    def action(self, values: Mapping[str, Any]) -> str:
        """edit, drop or flag under these parameters."""
        asked = values.get("action", self.kind)
        return asked if asked in ACTIONS else "edit"


def action(*choices: str) -> Parameter:
    """The parameter that says what becomes of what a step finds; the first choice is the default."""
    return Parameter("action", "choice", choices[0], choices=choices)
