"""Reference shares of a group attribute from a file or from another snapshot, ready to be looked at and saved."""

from __future__ import annotations

import csv
import io
import json
import math
from collections import Counter
from collections.abc import Mapping
from typing import Any

from studio.errors import CorpusError
from studio.records import Actor, Snapshot
from studio.store import examples, snapshots
from studio.workflows import corpora
from studio.workflows.acts import act
from studio.workflows.studio import Studio

MOST_BYTES = 1024 * 1024
MOST_VALUES = 500
_VALUE_NAMES = ("value", "group", "name", "category", "取值", "名称", "分组", "类别")
_SHARE_NAMES = (
    "share",
    "percent",
    "proportion",
    "expected",
    "count",
    "n",
    "number",
    "占比",
    "比例",
    "百分比",
    "数量",
    "人数",
)


def shares_of_file(data: bytes, name: str = "") -> dict[str, float]:
    """Value -> share, summing to 1, from CSV (value, share or count) or JSON (an object, or a list of objects).

    Shares, percents and counts are all taken in proportion, so that they need not sum to 1 in the file.

    Raises:
        CorpusError: too large, unreadable, a value twice, a negative number, or nothing above 0.
    """
    if len(data) > MOST_BYTES:
        raise CorpusError("The file is too large for a list of shares", got=f"{len(data):,} bytes",
                          fix="Give one line per value.")  # fmt: skip
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CorpusError("The file of shares is not UTF-8", got=name or None, fix="Save it as UTF-8.") from error
    pairs = _json_pairs(text) if text.lstrip()[:1] in ("{", "[") else _csv_pairs(text)
    counts: dict[str, float] = {}
    for value, number in pairs:
        if value in counts:
            raise CorpusError("A value stands in the file twice", got=value, fix="Give each value one line.")
        counts[value] = number
    return _scaled(counts)


def _scaled(counts: Mapping[str, float]) -> dict[str, float]:
    total = math.fsum(counts.values())
    if not counts or total <= 0 or len(counts) > MOST_VALUES:
        raise CorpusError("The file holds no usable shares", got=f"{len(counts)} values",
                          fix=f"Give 1 to {MOST_VALUES} values, each with a share or a count above 0.")  # fmt: skip
    return {value: number / total for value, number in counts.items()}


def _json_pairs(text: str) -> list[tuple[str, float]]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CorpusError("The JSON file of shares is broken", got=str(error)[:100],
                          fix='Write {"value": share, ...}.') from error  # fmt: skip
    if isinstance(found, dict):
        return [_pair(value, number) for value, number in found.items()]
    rows = [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []
    if not rows or len(rows) != len(found):
        raise CorpusError("The JSON file of shares is neither an object nor a list of objects",
                          fix='Write {"value": share, ...} or [{"value": ..., "share": ...}, ...].')  # fmt: skip
    return [_of_row(row) for row in rows]


def _csv_pairs(text: str) -> list[tuple[str, float]]:
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    try:
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if any(row)]
    except csv.Error as error:
        raise CorpusError(
            "The file of shares cannot be read as CSV", got=str(error), fix="Check its quotes."
        ) from error
    if not rows or any(len(row) < 2 for row in rows):
        raise CorpusError("The file of shares needs two columns", fix="Write value,share or value,count on each line.")
    names = [cell.strip().lower() for cell in rows[0]]
    if set(names) & set(_SHARE_NAMES) and all(_number(cell) is None for cell in rows[0]):
        return [_of_row(dict(zip(names, row, strict=False))) for row in rows[1:]]
    if _number(rows[0][1]) is None:
        rows = rows[1:]
    return [_pair(row[0], row[1]) for row in rows]


def _of_row(row: Mapping[str, Any]) -> tuple[str, float]:
    lower = {str(name).strip().lower(): value for name, value in row.items()}
    value = next((lower[name] for name in _VALUE_NAMES if name in lower), None)
    number = next((lower[name] for name in _SHARE_NAMES if name in lower), None)
    if value is None or number is None:
        raise CorpusError("A line of the file of shares lacks value or share", got=", ".join(lower)[:120],
                          fix="Name the two columns value and share.")  # fmt: skip
    return _pair(value, number)


def _pair(value: Any, number: Any) -> tuple[str, float]:
    name, found = str(value).strip(), _number(number)
    if not name or found is None or not found >= 0:
        raise CorpusError("A share must be a number of 0 or more", got=f"{name}: {number}"[:120],
                          fix="Write shares, percents or counts.")  # fmt: skip
    return name, found


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or value is None:
        return None
    try:
        found = float(str(value).strip().removesuffix("%").replace(" ", ""))
    except ValueError:
        return None
    return found if math.isfinite(found) else None


def snapshots_with(studio: Studio, snapshot: Snapshot, group: str) -> list[Snapshot]:
    """The other snapshots that have a group attribute of this name, newest first."""
    listed = snapshots.list_all(studio.store)
    return [other for other in listed if group in other.groups and other.snapshot_id != snapshot.snapshot_id]


def shares_of_snapshot(studio: Studio, *, snapshot_id: str, group: str) -> dict[str, float]:
    """Value -> share among the examples of a snapshot that have a value of the group.

    Raises:
        CorpusError: an unknown snapshot or group, or no example with a value.
    """
    found = snapshots.require(studio.store, snapshot_id)
    if group not in found.groups:
        raise CorpusError("There is no such group attribute", got=group, fix=f"Use one of: {', '.join(found.groups)}.")
    column = examples.frame(studio.store, snapshot_id, (f"group_{group}",))[f"group_{group}"]
    return _scaled(dict(Counter(value for value in column if isinstance(value, str)).most_common(MOST_VALUES)))


@act("upload.reference_file", "analyst", log=False)
def set_from_file(
    studio: Studio, actor: Actor, *, snapshot_id: str, group: str, data: bytes, name: str
) -> dict[str, float]:
    """Read shares from a file and put them in force as the reference of a group; returns them.

    Raises:
        CorpusError: what `shares_of_file` or `corpora.set_reference` raises.
    """
    shares = shares_of_file(data, name)
    corpora.set_reference(studio, actor, snapshot_id=snapshot_id, group=group, shares=shares, note=name[:200])
    return shares


@act("upload.reference_snapshot", "analyst", log=False)
def set_from_snapshot(studio: Studio, actor: Actor, *, snapshot_id: str, group: str, other_id: str) -> dict[str, float]:
    """Take the shares of another snapshot as the reference of a group; returns them.

    Raises:
        CorpusError: what `shares_of_snapshot` or `corpora.set_reference` raises.
    """
    shares = shares_of_snapshot(studio, snapshot_id=other_id, group=group)
    note = f"{snapshots.require(studio.store, other_id).name} ({other_id})"
    corpora.set_reference(studio, actor, snapshot_id=snapshot_id, group=group, shares=shares, note=note)
    return shares
