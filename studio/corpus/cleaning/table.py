"""The examples of a snapshot in memory while they are cleaned: editable fields, and which rows may not be edited."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import orjson
import pyarrow.compute as pc
import pyarrow.parquet as pq

from studio.corpus.cleaning.records import Editor
from studio.records import Array

EDITABLE: tuple[str, ...] = ("prompt", "completion", "context", "messages")  # beside text, which they render to
OFFSETS: tuple[str, ...] = ("tokens", "tags", "spans")  # fields that count characters or tokens of a text
_ANSWER_START = "answer_start"
BETWEEN = "\n\n"


@dataclass
class Table:
    """Columns of a snapshot in ascending example_id; item i of every list is the same example.

    `fields` holds the editable fields that any example fills; `fixed` (n,) bool is True where offsets into the text
    (spans, tags, the start of an answer) would break if it changed; `groups` are what effects are counted by.
    """

    ids: Array
    texts: list[str]
    fields: dict[str, list[str | None]]
    labels: list[str | None]
    fixed: Array
    groups: dict[str, list[str | None]]
    task: str = "classification"

    def __len__(self) -> int:
        return len(self.texts)

    def edit(self, i: int, editor: Editor) -> str | None:
        """The text example i would have after an edit of all its fields; None where nothing would change.

        Nothing is changed here: `put` does that, so that a caller can look at the text first.
        """
        if not self.fields or all(self.fields[name][i] is None for name in self.fields):
            new = editor(self.texts[i])
            return None if new == self.texts[i] else new
        edited = self.edited_fields(i, editor)
        if all(edited[name] == self.fields[name][i] for name in self.fields):
            return None
        return render({name: value for name, value in edited.items() if value is not None}, self.texts[i])

    def edited_fields(self, i: int, editor: Editor) -> dict[str, str | None]:
        """The fields of example i after an edit; a conversation is edited message by message."""
        return {
            name: None if (value := self.fields[name][i]) is None else edit_value(value, editor, name == "messages")
            for name in self.fields
        }

    def put(self, i: int, text: str, editor: Editor) -> None:
        """Make the edit that `edit` looked at."""
        if self.fields:
            for name, value in self.edited_fields(i, editor).items():
                self.fields[name][i] = value
        self.texts[i] = text


def edit_value(value: str, editor: Editor, is_messages: bool) -> str:
    """One field edited; the content of every message of a conversation, whose JSON stays otherwise as it is."""
    if not is_messages:
        return editor(value)
    try:
        messages = orjson.loads(value)
    except orjson.JSONDecodeError:
        return value
    if not isinstance(messages, list):
        return value
    changed = False
    for message in messages:
        if isinstance(message, dict) and isinstance(message.get("content"), str):
            content = editor(message["content"])
            changed = changed or content != message["content"]
            message["content"] = content
    return orjson.dumps(messages).decode() if changed else value


def render(fields: Mapping[str, str], text: str) -> str:
    """The text of an example made of fields: context, question, answer in turn; a conversation message by message."""
    if "messages" in fields:
        messages = orjson.loads(fields["messages"])
        turns = [str(message.get("content") or "") for message in messages if isinstance(message, dict)]
        return BETWEEN.join(turn for turn in turns if turn.strip())
    return BETWEEN.join(fields[name] for name in ("context", "prompt", "completion") if fields.get(name, "").strip())


def read_table(path: Path, groups: Sequence[str] = (), task: str = "classification") -> Table:
    """The examples of a snapshot's Parquet file.

    Args:
        path: examples.parquet.
        groups: columns to count effects by; those the file lacks or leaves empty are passed over.
        task: name of the task, kept with the table.
    """
    names = set(pq.read_schema(path).names)
    wanted = ["example_id", "text", "label", *EDITABLE, *OFFSETS, "meta", *groups]
    table = pq.read_table(path, columns=[name for name in dict.fromkeys(wanted) if name in names])
    table = table.sort_by("example_id")
    n = table.num_rows
    filled = {name for name in table.column_names if table[name].null_count < n}
    fixed = np.zeros(n, dtype=bool)
    for name in OFFSETS:
        if name in filled:
            fixed |= table[name].is_valid().to_numpy()
    if "meta" in filled:
        told = pc.fill_null(pc.match_substring(table["meta"], f'"{_ANSWER_START}"'), False)
        fixed |= told.to_numpy()
    return Table(
        ids=table["example_id"].to_numpy().astype(np.int64),
        texts=[text or "" for text in table["text"].to_pylist()],
        fields={name: table[name].to_pylist() for name in EDITABLE if name in filled},
        labels=table["label"].to_pylist() if "label" in filled else [None] * n,
        fixed=fixed,
        groups={name: table[name].to_pylist() for name in groups if name in filled},
        task=task,
    )
