"""Ratings and comparisons as a CSV file, and back."""

from __future__ import annotations

import csv
import io
import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from studio.errors import SelectionError, StudioError
from studio.measures.rated import HEADS
from studio.records import Actor, Snapshot
from studio.store import examples, ratings
from studio.workflows import rated_inputs
from studio.workflows.acts import act
from studio.workflows.studio import Studio

COLUMNS = ("view", "example_id", "value", "other_id", "outcome", "row_hash", "other_hash", "actor", "at", "entry_id")
_SPACE = uuid.UUID("5d0b8a52-6c43-4a53-9c6c-0a4f8f3e5b11")
_FIX = "Give a CSV file with the columns view, example_id and value, or other_id and outcome."


@dataclass(frozen=True)
class Imported:
    """n_new rows were stored, n_known were there already; refused: reason -> how many rows."""

    n_new: int
    n_known: int
    refused: Mapping[str, int]


def to_csv(studio: Studio, snapshot: Snapshot) -> bytes:
    """What counts now for all views, one row per judgement, oldest first; UTF-8 with a byte order mark for Excel."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for measure in HEADS.values():
        need = measure.needs[1]
        found = rated_inputs.said(studio, snapshot.snapshot_id, need).everything
        fine = found[(found["kind"] != "skip") & ~found["is_gone"].astype(bool) & ~found["is_changed"].astype(bool)]
        for row in fine.to_dict("records"):
            at = f"{int(row['at_ms'])}"
            number = {"value": int(row["value"])} if "value" in row else {"other_id": int(row["other_id"])}
            writer.writerow(row | number | {"view": rated_inputs.view_of(need), "at": at,
                                            "actor": _safe(str(row["actor"]))})  # fmt: skip
    return b"\xef\xbb\xbf" + text.getvalue().encode("utf-8")


def _safe(text: str) -> str:
    """A name that a spreadsheet would take for a formula gets an apostrophe in front."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


@act("select.import_ratings", "analyst")
def from_csv(studio: Studio, actor: Actor, *, snapshot: Snapshot, path: Path) -> Imported:
    """Store the judgements of a file; the same file twice stores nothing the second time.

    A row needs view and example_id, and value (1 to 5) or other_id with outcome (first, second, tie). `actor` is who
    said it (the importer where empty), `row_hash` what the row said then (now where empty).

    Raises:
        SelectionError: it is no such file. Single rows that cannot be used are counted by reason.
    """
    try:
        lines = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"), newline="")))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SelectionError("The file of ratings cannot be read", got=str(error)[:200], fix=_FIX) from error
    if not lines or not {"view", "example_id"} <= set(lines[0]):
        raise SelectionError("The file of ratings cannot be read", got=path.name, fix=_FIX)
    numbers = {n for line in lines for name in ("example_id", "other_id") if (n := _whole(line.get(name))) is not None}
    rows = examples.by_ids(studio.store, snapshot.snapshot_id, sorted(numbers), ["example_id", "row_hash"])
    hashes = dict(zip(rows["example_id"].astype(int), rows["row_hash"].astype(str), strict=True))
    before = _count(studio, snapshot)
    refused: Counter[str] = Counter()
    n_read = 0
    for line in lines:
        try:
            _one(studio, actor, snapshot, line, hashes)
            n_read += 1
        except StudioError as error:
            refused[error.what] += 1
    n_new = _count(studio, snapshot) - before
    return Imported(n_new, n_read - n_new, dict(refused))


def _count(studio: Studio, snapshot: Snapshot) -> int:
    return sum(ratings.count(studio.store, table, snapshot.corpus_id) for table in ratings.TABLES)


def _whole(text: str | None) -> int | None:
    text = (text or "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None


def _one(studio: Studio, actor: Actor, snapshot: Snapshot, line: Mapping[str, str], hashes: Mapping[int, str]) -> None:
    view, first, second = (line.get("view") or "").strip(), _whole(line.get("example_id")), _whole(line.get("other_id"))
    wanted = f"{'pairs' if second is not None else 'ratings'}_{view}"
    if not any(measure.needs[1] == wanted for measure in HEADS.values()):
        raise SelectionError("This view is not rated that way", got=view[:40],
                             fix="Compare pairs for quality; rate the other views one by one.")  # fmt: skip
    for number in (first, second):
        if (number is None and number is first) or (number is not None and number not in hashes):
            raise SelectionError("Some examples are not in this corpus", got=line.get("example_id"),
                                 fix="Use numbers from the tables of this corpus.")  # fmt: skip
    name = (line.get("actor") or "").strip().removeprefix("'")[:60] or actor.name
    said = line.get("outcome") if second is not None else line.get("value")
    key = "\x1f".join(map(str, (snapshot.corpus_id, view, first, second, said, name)))
    given = {"entry_id": (line.get("entry_id") or "").strip()[:64] or uuid.uuid5(_SPACE, key).hex,
             "corpus_id": snapshot.corpus_id, "snapshot_id": snapshot.snapshot_id, "view": view,
             "by": Actor(name, actor.role, False)}  # fmt: skip
    own = (line.get("row_hash") or "").strip() or hashes[int(first or 0)]
    if second is None:
        ratings.rate(studio.store, example_id=int(first or 0), row_hash=own, value=_whole(said), **_valued(said, given))
        return
    other = (line.get("other_hash") or "").strip() or hashes[second]
    ratings.compare(studio.store, pair=(int(first or 0), second), hashes=(own, other),
                    outcome=(said or "").strip() or "none", **given)  # fmt: skip


def _valued(said: str | None, given: dict[str, object]) -> dict[str, object]:
    """The same fields, once the value is a number: an empty one would read as passed over."""
    if _whole(said) is None:
        raise SelectionError("A rating is a whole number", got=(said or "")[:40],
                             fix="Give 1, 2, 3, 4 or 5, or pass.")  # fmt: skip
    return given
