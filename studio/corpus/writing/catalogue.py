"""Every format an export or a conversion can write: what it is called, which tasks it holds, what it loses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from studio.corpus.writing import shapes, sinks
from studio.errors import CorpusError

_LABELLED = ("classification", "classification_multi")
_ANSWERED = ("seq2seq", "prompt_completion", "generative_qa", "instruction")
_EVERY = ("*",)
# What may be lost; the words are in the catalogue under export.loses.<code>.
LOSSES: tuple[str, ...] = (
    "types", "nothing", "other_columns", "instruction_words", "context_in_prompt", "several_labels_joined",
    "one_exchange", "messages_extra",
)  # fmt: skip


@dataclass(frozen=True)
class Format:
    """One format. `title` and `line` are words keys; `tasks` are written as they are ("*" is every task).

    `by_instruction` are tasks whose labels are written through an instruction; `is_table` formats take any columns,
    `keeps_columns` formats take further columns beside their own; `loses` names what an import of the file cannot bring
    back, by task ("*" for all); `paper` names where the format was published, or is empty.
    """

    name: str
    extension: str
    shape: Callable[[shapes.Row, shapes.Options], dict[str, Any]]
    sink: Callable[..., sinks.Sink]
    tasks: tuple[str, ...]
    loses: Mapping[str, tuple[str, ...]]
    by_instruction: tuple[str, ...] = ()
    is_table: bool = False
    keeps_columns: bool = False
    is_folder: bool = False
    describes: str = ""

    @property
    def title(self) -> str:
        """Words key of its name."""
        return f"export.format.{self.name}.title"

    @property
    def line(self) -> str:
        """Words key of the one line that says whom it is for."""
        return f"export.format.{self.name}.line"

    def holds(self, task: str) -> bool:
        """True when rows of this task can be written."""
        return "*" in self.tasks or task in self.tasks or task in self.by_instruction

    def needs_instruction(self, task: str) -> bool:
        """True when rows of this task are written through an instruction."""
        return task in self.by_instruction

    def lost(self, task: str) -> tuple[str, ...]:
        """What is lost when rows of this task are written, as codes of LOSSES."""
        return tuple(dict.fromkeys((*self.loses.get("*", ()), *self.loses.get(task, ()))))

    def why_not(self, task: str) -> str:
        """Words key of why rows of this task cannot be written; empty when they can."""
        return "" if self.holds(task) else f"export.format.{self.name}.why_not"

    def require(self, task: str) -> Format:
        """Itself, when it can hold the task.

        Raises:
            CorpusError: it cannot.
        """
        if not self.holds(task):
            fitting = ", ".join(item.name for item in FORMATS if item.holds(task))
            raise CorpusError("This format cannot hold examples of this task", got=f"{self.name} for {task}",
                              fix=f"Use one of: {fitting}.")  # fmt: skip
        return self


_SHAPED = {"*": ("other_columns",), "classification": ("instruction_words",), "preference": (),
           "classification_multi": ("instruction_words", "several_labels_joined")}  # fmt: skip
_FLAT = {"generative_qa": ("context_in_prompt",), "instruction": ("context_in_prompt",)}  # fmt: skip

FORMATS: tuple[Format, ...] = (
    Format("jsonl", ".jsonl", shapes.table, sinks.JsonLines, _EVERY, {"*": ("nothing",)}, is_table=True),
    Format("parquet", ".parquet", shapes.table, sinks.Parquet, _EVERY, {"*": ("nothing",)}, is_table=True),
    Format("csv", ".csv", shapes.table, sinks.Csv, _EVERY, {"*": ("types",)}, is_table=True),
    Format("csv_sheet", ".csv", shapes.table, sinks.SpreadsheetCsv, _EVERY, {"*": ("types",)}, is_table=True),
    Format("datasets", "", shapes.table, sinks.DatasetsFolder, _EVERY, {"*": ("nothing",)}, is_table=True,
           is_folder=True),
    Format("prompt_completion", ".jsonl", shapes.prompt_completion, sinks.JsonLines, (*_ANSWERED, "preference"),
           _SHAPED | _FLAT, _LABELLED, keeps_columns=True),
    Format("messages", ".jsonl", shapes.openai_messages, sinks.JsonLines, ("chat", *_ANSWERED), _SHAPED | _FLAT,
           _LABELLED, keeps_columns=True),
    Format("alpaca", ".json", shapes.alpaca, sinks.JsonArray, (*_ANSWERED, "chat", "preference"),
           _SHAPED | {"chat": ("one_exchange",)}, _LABELLED, keeps_columns=True),
    Format("sharegpt", ".json", shapes.sharegpt, sinks.JsonArray, ("chat", *_ANSWERED),
           _SHAPED | _FLAT | {"chat": ("messages_extra",)}, _LABELLED, keeps_columns=True),
    Format("llama_factory", ".json", shapes.alpaca, sinks.JsonArray, (*_ANSWERED, "chat", "preference"), _SHAPED,
           _LABELLED, keeps_columns=True, describes="dataset_info.json"),
    Format("seq2seq_tsv", ".tsv", shapes.prompt_completion, sinks.PairsTsv, _ANSWERED, _SHAPED | _FLAT, _LABELLED),
    Format("squad", ".json", shapes.squad, sinks.Squad, ("generative_qa",),
           {"*": ("other_columns",)}),
    Format("conll", ".conll", shapes.conll, sinks.Conll, ("token_classification",), {"*": ("other_columns",)}),
)  # fmt: skip
NAMES: tuple[str, ...] = tuple(item.name for item in FORMATS)


def by_name(name: str) -> Format:
    """The format of a name.

    Raises:
        CorpusError: there is none.
    """
    found = next((item for item in FORMATS if item.name == name), None)
    if found is None:
        raise CorpusError("There is no such export format", got=name, fix=f"Use one of: {', '.join(NAMES)}.")
    return found


def shape_for(form: Format, task: str) -> Callable[[shapes.Row, shapes.Options], dict[str, Any]]:
    """The shape a format gives rows of a task: LLaMA-Factory reads conversations as ShareGPT, all else as Alpaca."""
    return shapes.sharegpt if form.name == "llama_factory" and task == "chat" else form.shape
