"""Targets of relevance as a URL carries them: a description, example numbers, a slice, the texts of a file."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from studio.corpus import formats, readers, roles
from studio.errors import SelectionError, StudioError
from studio.records import Actor, conditions_from_text
from studio.settings import MIB
from studio.store import examples, scores
from studio.workflows.acts import act
from studio.workflows.select_files import file_texts, folder, kept_file, name_of
from studio.workflows.select_inputs import MAX_DESCRIPTION, MAX_TARGETS, thinned
from studio.workflows.select_scores import Targets
from studio.workflows.studio import Studio

MOST_PINS = 200
MOST_FILE_BYTES = 10 * MIB
MOST_FILE_ROWS = 200_000
_LOOKED_AT = 200
_SPLIT = re.compile(r"[\s,;，；、]+")


def read(
    studio: Studio, snapshot_id: str, *, text: str = "", pins: str = "", slice_text: str = "", file: str = ""
) -> Targets:
    """Targets from untrusted text.

    Args:
        studio: the open workspace.
        snapshot_id: whose examples.
        text: a description, cut to 2,000 characters.
        pins: example numbers with commas or spaces between them.
        slice_text: a filter as `conditions_to_text` writes it, or the id of a stored slice.
        file: the name `keep_file` gave the texts of a file.

    Raises:
        SelectionError: a pin that is no example number of this snapshot, or a file that is not kept any more.
        CorpusError: a filter that names an unknown column.
    """
    words = [word for word in _SPLIT.split(pins.strip()) if word]
    bad = [word for word in words if not (word.isascii() and word.isdigit())]
    if bad or len(words) > MOST_PINS:
        raise SelectionError("Some of these are no example numbers", got=", ".join(bad[:5]) or f"{len(words)} numbers",
                             fix=f"Give up to {MOST_PINS} whole numbers with commas between them.")  # fmt: skip
    wanted = sorted({int(word) for word in words})
    known = examples.by_ids(studio.store, snapshot_id, wanted, ["example_id"])["example_id"].tolist() if wanted else []
    if len(known) < len(wanted):
        unknown = sorted(set(wanted) - set(known))
        raise SelectionError("Some examples are not in this corpus", got=", ".join(map(str, unknown[:5])),
                             fix="Use numbers from the tables of this corpus.")  # fmt: skip
    ids = sorted({*map(int, known), *_slice_ids(studio, snapshot_id, slice_text)})
    if file:
        kept_file(studio, file)
    return Targets(text.strip()[:MAX_DESCRIPTION], tuple(ids), file)


def slice_size(studio: Studio, snapshot_id: str, slice_text: str) -> int:
    """How many examples a slice of the URL holds; 0 for none or an unreadable one."""
    try:
        return len(_slice_ids(studio, snapshot_id, slice_text))
    except StudioError:
        return 0


def _slice_ids(studio: Studio, snapshot_id: str, slice_text: str) -> list[int]:
    if not slice_text:
        return []
    stored = scores.slice_ids(studio.store, snapshot_id, slice_text)
    if stored is not None:
        return stored
    conditions = conditions_from_text(slice_text)
    if not conditions:
        return []
    map_id = scores.surroundings(studio.store, snapshot_id).map_id
    return [int(i) for i in examples.ids(studio.store, snapshot_id, conditions, map_id=map_id)]


# --- a file of texts --------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class KeptFile:
    """The texts of a file as they are kept: `name` goes into the URL, `column` is where they came from, if a table.

    n: different texts that are kept; n_unused: records without a text, repeats, and what is beyond 2,000 texts.
    """

    name: str
    n: int
    n_unused: int
    column: str


@act("select.keep_goal_file", "analyst")
def keep_file(
    studio: Studio, actor: Actor, *, name: str, data: bytes, column: str = "", encoding: str = ""
) -> KeptFile:
    """Keep the texts of a file as targets, under a name made of their content; the same texts give the same name.

    Blank records and repeats are left out, texts are cut to 2,000 characters, of more than 2,000 texts an evenly spaced
    part is kept. One text is enough.

    Args:
        studio: the open workspace.
        actor: who uploads.
        name: what people call the file.
        data: its bytes: plain text (a text per line), CSV, TSV, JSON Lines, Parquet or Excel.
        column: which column of a table holds the texts; found out when empty.
        encoding: where a person says it; otherwise it is found out, and a weak guess is refused.

    Raises:
        SelectionError: too large, an unknown column, or no text in it.
        CorpusError: the file cannot be read, or nobody said which of two likely encodings it has.
    """
    if len(data) > MOST_FILE_BYTES:
        raise SelectionError("The file of targets is too large", got=f"{len(data) / MIB:.0f} MB",
                             fix=f"Choose up to {MOST_FILE_BYTES // MIB} MB; a few hundred texts do.")  # fmt: skip
    studio.workspace.uploads.mkdir(parents=True, exist_ok=True)
    path = studio.workspace.uploads / f"{uuid.uuid4().hex}.data"
    try:
        path.write_bytes(data)
        chosen, found, n_records = _texts(path, name, column, encoding)
    finally:
        path.unlink(missing_ok=True)
    unique = list(dict.fromkeys(text for text in found if text))
    if not unique:
        raise SelectionError(
            "There is no text in the file of targets", got=name, fix="Choose a file with a text per row."
        )
    kept = [unique[i] for i in thinned(range(len(unique)))]
    content = "".join(json.dumps(text, ensure_ascii=True) + "\n" for text in kept).encode("ascii")
    digest = name_of(content)
    target = folder(studio) / f"{digest}.jsonl"
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        building = target.with_name(f".{uuid.uuid4().hex}")
        building.write_bytes(content)
        building.rename(target)
    return KeptFile(digest, len(kept), n_records - len(kept), chosen)


def _texts(path: Path, name: str, column: str, encoding: str) -> tuple[str, list[str], int]:
    """The column the texts are in, the text of every record (empty for none), and how many records there are."""
    choices = formats.Choices(encoding=encoding or None)
    form = formats.detect(path, name=name, choices=choices)
    formats.require_sure(form, choices, name)
    rows: list[Mapping[str, Any]] = []
    for record in readers.records(path, form, name=name):
        if len(rows) >= MOST_FILE_ROWS:
            raise SelectionError("The file of targets is too large", got=f"more than {MOST_FILE_ROWS:,} rows",
                                 fix=f"Choose up to {MAX_TARGETS:,} texts.")  # fmt: skip
        rows.append(record.values if isinstance(record.values, Mapping) else {})
    columns = list(dict.fromkeys(key for row in rows[:_LOOKED_AT] for key in row))
    if column and column not in columns:
        raise SelectionError("The file of targets has no such column", got=column[:80],
                             fix=f"Choose one of: {', '.join(columns[:10])}.")  # fmt: skip
    sample = {key: [_plain(row.get(key)) for row in rows[:_LOOKED_AT] if _plain(row.get(key))] for key in columns}
    chosen = column or (columns[0] if len(columns) == 1 else roles.guess_text(columns, sample) or "")
    return chosen, [_plain(row.get(chosen))[:MAX_DESCRIPTION].strip() for row in rows], len(rows)


def _plain(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""


def texts_of(studio: Studio, targets: Targets) -> list[str]:
    """The texts of the targets' file, for showing them; empty without a file.

    Raises:
        SelectionError: they are not kept any more.
    """
    return file_texts(studio, targets.file) if targets.file else []
