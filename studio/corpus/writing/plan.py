"""What somebody asked an export to be: format, columns, splits, instruction, packing. Plain JSON inside a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from studio.corpus.writing import catalogue, shapes
from studio.corpus.writing.template import Instruction
from studio.errors import CorpusError
from studio.records import SPLITS

PACKS: tuple[str, ...] = ("folder", "zip")


@dataclass(frozen=True)
class ExportPlan:
    """How to write; `what` says which rows (snapshot, labelled, selection:<id>, slice:<id>).

    `columns` empty means the sensible ones: all that are filled for a table, none beside its own for a trainer's
    format. `splits` empty means all. `by_split` writes a file per split. `words` is the instruction around labels.
    """

    format: str
    what: str = "snapshot"
    columns: tuple[str, ...] = ()
    splits: tuple[str, ...] = ()
    by_split: bool = False
    words: str = ""
    pack: str = "folder"
    strict: bool = False

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> ExportPlan:
        """The inverse of `to_json`; unknown entries are ignored."""
        known = {name: value[name] for name in cls.__dataclass_fields__ if name in value}
        for name in ("columns", "splits"):
            known[name] = tuple(known.get(name) or ())
        return cls(**known)

    def to_json(self) -> dict[str, Any]:
        """For a run's parameters and the manifest of the export."""
        return asdict(self) | {"columns": list(self.columns), "splits": list(self.splits)}

    def check(self, task: str, columns: tuple[str, ...]) -> ExportPlan:
        """Refuse what cannot be written; returns itself.

        Raises:
            CorpusError: an unknown format, column, split or packing, or a format that cannot hold the task.
        """
        form = catalogue.by_name(self.format).require(task)
        for name in self.columns:
            if name not in columns:
                raise CorpusError("There is no such column to export", got=name,
                                  fix=f"Choose among: {', '.join(columns[:40])}.")  # fmt: skip
        for name in self.splits:
            if name not in SPLITS:
                raise CorpusError("There is no such split", got=name, fix=f"Use: {', '.join(SPLITS)}.")
        if self.pack not in PACKS:
            raise CorpusError("An export is a folder or a zip", got=self.pack, fix=f"Use one of: {', '.join(PACKS)}.")
        if form.needs_instruction(task):
            Instruction(self.words).check()
        return self

    def options(self, task: str, labels: tuple[str, ...], language: str, columns: tuple[str, ...]) -> shapes.Options:
        """What the shape needs; `columns` are the sensible ones, taken where none were chosen."""
        form = catalogue.by_name(self.format)
        chosen = self.columns or (columns if form.is_table else ())
        given = Instruction(self.words, labels, language) if form.needs_instruction(task) else None
        return shapes.Options(task, given, chosen if form.is_table or form.keeps_columns else ())
