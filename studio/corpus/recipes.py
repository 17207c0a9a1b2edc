"""A mapping with everything around it, saved under a name and applied to the next file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from studio.corpus.roles import Roles
from studio.errors import CorpusError

KIND = "mapping"
FORMAT = "winnow mapping"
VERSION = 1
MOST_BYTES = 256 * 1024


@dataclass(frozen=True)
class MappingRecipe:
    """Shape, roles (derived groups among them), how examples are split, and reading options such as the encoding.

    `split` has the keys of a split plan; `options` may hold header, encoding and language.
    """

    name: str
    shape: str
    roles: Roles
    split: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """A plain mapping, with format and version."""
        return {
            "format": FORMAT,
            "version": VERSION,
            "name": self.name,
            "shape": self.shape,
            "roles": self.roles.to_json(),
            "split": dict(self.split),
            "options": dict(self.options),
        }

    def to_bytes(self) -> bytes:
        """Readable JSON for a download."""
        return json.dumps(self.to_json(), ensure_ascii=False, indent=2).encode() + b"\n"

    @classmethod
    def from_json(cls, value: Any) -> MappingRecipe:
        """The inverse of `to_json`.

        Raises:
            CorpusError: not a mapping recipe, or one of a newer version.
        """
        if not isinstance(value, Mapping) or value.get("format") != FORMAT:
            raise CorpusError("This is not a saved mapping", fix="Choose a JSON file that Winnow saved as a mapping.")
        if not isinstance(value.get("version"), int) or value["version"] > VERSION:
            raise CorpusError("The mapping was saved by a newer version", got=value.get("version"),
                              fix="Update Winnow, or make the mapping again.")  # fmt: skip
        parts = {name: value.get(name) or {} for name in ("roles", "split", "options")}
        if not all(isinstance(part, Mapping) for part in parts.values()):
            raise CorpusError("The saved mapping is damaged", fix="Make the mapping again and save it.")
        try:
            roles = Roles.from_json(parts["roles"])
            roles.to_json()
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            raise CorpusError("The saved mapping is damaged", got=str(error)[:100],
                              fix="Make the mapping again and save it.") from error  # fmt: skip
        _only_text(roles)
        return cls(str(value.get("name") or "")[:120], str(value.get("shape") or "")[:60], roles, parts["split"],
                   parts["options"])  # fmt: skip

    @classmethod
    def from_bytes(cls, data: bytes) -> MappingRecipe:
        """A mapping from an uploaded file.

        Raises:
            CorpusError: too large, not JSON, or not a mapping recipe.
        """
        if len(data) > MOST_BYTES:
            raise CorpusError("The file is too large for a saved mapping", got=f"{len(data):,} bytes",
                              fix="Choose the JSON file that was saved as a mapping.")  # fmt: skip
        try:
            value = json.loads(data.decode("utf-8-sig"))
        except (ValueError, RecursionError) as error:
            raise CorpusError("This is not a saved mapping", got=str(error)[:100],
                              fix="Choose a JSON file that Winnow saved as a mapping.") from error  # fmt: skip
        return cls.from_json(value)

    def check(self, columns: Sequence[str]) -> None:
        """Refuse a file the recipe does not fit, naming what went missing.

        Raises:
            CorpusError: columns the file lacks, or whatever `Roles.check` refuses.
        """
        read = (*self.roles.used(), *(rule.column for rule in self.roles.derived if rule.column))
        gone = [name for name in dict.fromkeys(read) if name not in columns]
        if gone:
            listed = ", ".join(columns[:30]) + (" …" if len(columns) > 30 else "")
            raise CorpusError(
                "The saved mapping reads columns this file does not have",
                got=", ".join(gone),
                fix=f"Choose among: {listed}; or use the mapping that was guessed.",
            )
        self.roles.check(columns)


def _only_text(roles: Roles) -> None:
    """A recipe comes from a file: every role must be text or a list of texts."""
    for name, value in roles.to_json().items():
        if name == "derived":
            continue
        listed = value if isinstance(value, list) else [value]
        if not all(item is None or isinstance(item, str) for item in listed):
            raise CorpusError("The saved mapping is damaged", got=name, fix="Make the mapping again and save it.")
