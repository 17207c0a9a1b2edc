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
from studio.corpus.shapes.build import messages_of, text_of
from studio.records import Array

EDITABLE: tuple[str, ...] = ("prompt", "completion", "rejected", "context", "messages")  # text is rendered from them
NEEDED: tuple[str, ...] = ("prompt", "completion", "rejected")  # an example is nothing when one of these goes blank
OFFSETS: tuple[str, ...] = ("tokens", "tags", "spans")  # fields that count characters or tokens of a text
_ANSWER_START = "answer_start"


@dataclass
class Table:
    """Columns of a snapshot in ascending example_id; item i of every list is the same example.

    `fields` holds the editable fields that any example fills; `fixed` (n,) bool is True where offsets into the text
    (spans, tags, the start of an answer) would break if it changed; `groups` are what effects are counted by; `talks`
    says that prompt and completion are lists of messages.
    """

    ids: Array
    texts: list[str]
    fields: dict[str, list[str | None]]
    labels: list[str | None]
    fixed: Array
    groups: dict[str, list[str | None]]
    task: str = "classification"
    talks: bool = False

    def __len__(self) -> int:
        return len(self.texts)

    def edit(self, i: int, editor: Editor) -> tuple[str, dict[str, str | None]] | None:
        """The text and the fields example i would have after an edit; None where nothing would change.

        The text is empty where the edit leaves nothing of the text or of a field the example cannot be without.
        Nothing is changed here: `put` does that, so that a caller can look first.
        """
        old = {name: values[i] for name, values in self.fields.items() if values[i] is not None}
        if not old:
            text = editor(self.texts[i])
            return None if text == self.texts[i] else (text, {})
        new = {name: edit_value(value, editor, is_talk=self.is_talk(name)) for name, value in old.items()}
        if new == old:
            return None
        if any(not value.strip() for name, value in new.items() if name in NEEDED and old[name].strip()):
            return "", {}
        kept = {name: value if value.strip() or name in NEEDED else None for name, value in new.items()}
        return text_of(kept, self.task, talks=self.talks), kept

    def is_talk(self, name: str) -> bool:
        """True for a field that holds a list of messages."""
        return name == "messages" or (self.talks and name in NEEDED)

    def put(self, i: int, text: str, fields: Mapping[str, str | None]) -> None:
        """Make an edit that `edit` gave."""
        self.texts[i] = text
        for name, value in fields.items():
            self.fields[name][i] = value


def edit_value(value: str, editor: Editor, *, is_talk: bool) -> str:
    """One field edited; the content of every message of a conversation, whose JSON stays otherwise as it is."""
    if not is_talk:
        return editor(value)
    messages = messages_of(value)
    changed = False
    for message in messages:
        if isinstance(message.get("content"), str):
            content = editor(message["content"])
            changed = changed or content != message["content"]
            message["content"] = content
    if not changed:
        return value
    return (
        orjson.dumps(messages, option=orjson.OPT_SORT_KEYS).decode() if text_of({"messages": messages}, "chat") else ""
    )


def read_table(path: Path, groups: Sequence[str] = (), task: str = "classification", *, talks: bool = False) -> Table:
    """The examples of a snapshot's Parquet file.

    Args:
        path: examples.parquet.
        groups: columns to count effects by; those the file lacks or leaves empty are passed over.
        task: name of the task, which says how text is rendered from the fields.
        talks: prompt and completion are lists of messages (the mapping's form is conversational).
    """
    names = set(pq.read_schema(path).names)
    wanted = ["example_id", "text", "label", "labels", *EDITABLE, *OFFSETS, "meta", *groups]
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
        labels=next((table[name].to_pylist() for name in ("label", "labels") if name in filled), [None] * n),
        fixed=fixed,
        groups={name: table[name].to_pylist() for name in groups if name in filled},
        task=task,
        talks=talks,
    )
