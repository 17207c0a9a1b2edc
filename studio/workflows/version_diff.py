"""What changed from one version of a corpus to another: numbers, groups against chance, the rows behind each number."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
from scipy import stats

from studio.corpus.cleaning.effects import Effect, judged
from studio.corpus.exporting import write_rows
from studio.errors import CorpusError
from studio.statistics import wilson_pair
from studio.store import diffs, lineage, snapshots
from studio.workflows.studio import Studio

PAGE = 25
MOST_VALUES = 200  # a column with more different values is no group to compare shares by


@dataclass(frozen=True)
class GroupShift:
    """One value of a column: rows before, how many of them were kept, rows after.

    `effect` holds the share that is gone with its interval, beside that of the others, judged as on the Clean page;
    None where the value is new.
    """

    value: str
    before: int
    kept: int
    after: int
    share_before: float
    share_after: float
    effect: Effect | None


@dataclass(frozen=True, eq=False)
class Diff:
    """Everything that differs. `facts` as `diffs.facts`; tables as in `diffs`; groups by column."""

    before: str
    after: str
    facts: Mapping[str, int]
    reasons: pd.DataFrame
    labels: pd.DataFrame
    moves: pd.DataFrame
    groups: Mapping[str, tuple[GroupShift, ...]]
    between: tuple[str, ...]

    @property
    def alarms(self) -> list[tuple[str, GroupShift]]:
        """Groups that lost clearly more of their rows than the others, the smallest q first."""
        found = [(column, shift) for column, shifts in self.groups.items() for shift in shifts
                 if shift.effect is not None and shift.effect.is_squeezed]  # fmt: skip
        return sorted(found, key=lambda item: item[1].effect.q)


def diff(studio: Studio, before: str, after: str) -> Diff:
    """Hold two versions of one corpus against each other, over all rows.

    Raises:
        CorpusError: an unknown snapshot, or two of different corpora.
    """
    store = studio.store
    facts = diffs.facts(store, before, after)
    between = _between(studio, before, after)
    return Diff(
        before=before,
        after=after,
        facts=facts,
        reasons=diffs.reasons(store, before, after, between),
        labels=diffs.label_changes(store, before, after),
        moves=diffs.split_moves(store, before, after),
        groups=_groups(studio, before, after, facts),
        between=between,
    )


def _between(studio: Studio, before: str, after: str) -> tuple[str, ...]:
    """The versions made on the way, the newest last; only their notes say why a row is gone."""
    chain = [version.snapshot.snapshot_id for version in lineage.ancestors(studio.store, after)]
    return tuple(chain[chain.index(before) + 1 :]) if before in chain else (after,)


def _groups(studio: Studio, before: str, after: str, facts: Mapping[str, int]) -> dict[str, tuple[GroupShift, ...]]:
    old, new = snapshots.require(studio.store, before), snapshots.require(studio.store, after)
    columns = [name for name in (*old.group_columns, "label", "source") if name in old.columns and name in new.columns]
    tables = {name: diffs.shares(studio.store, before, after, name) for name in columns}
    tables = {name: table for name, table in tables.items() if 2 <= len(table) <= MOST_VALUES}
    counted = [
        [_effect(name, row, facts) for row in table.itertuples() if row.before] for name, table in tables.items()
    ]
    effects = judged(counted)
    found = {}
    for (name, table), own in zip(tables.items(), effects, strict=True):
        left = iter(own)
        rows_ = []
        for row in table.itertuples():
            share_before, share_after = row.before / max(facts["before"], 1), row.after / max(facts["after"], 1)
            effect = next(left) if row.before else None
            counts = (int(row.before), int(row.kept), int(row.after))
            rows_.append(GroupShift(str(row.value), *counts, share_before, share_after, effect))
        found[name] = tuple(rows_)
    return found


def _effect(column: str, row: Any, facts: Mapping[str, int]) -> Effect:
    """How much of one value is gone; p is the chance that a random drop of that size takes at least as many."""
    n, gone, all_rows, all_gone = int(row.before), int(row.before - row.kept), facts["before"], facts["dropped"]
    low, high = wilson_pair(gone, n)
    others = (all_gone - gone) / (all_rows - n) if all_rows > n else 0.0
    p = float(stats.hypergeom.sf(gone - 1, all_rows, n, all_gone)) if all_gone else float("nan")
    return Effect(column, str(row.value), n, gone, gone / n, low, high, others, n / all_rows,
                  row.after / max(facts["after"], 1), p)  # fmt: skip


def rows(
    studio: Studio, found: Diff, kind: str, *, part: str | None = None, offset: int = 0, limit: int | None = PAGE
) -> pd.DataFrame:
    """A page of the rows behind one number; columns as `diffs.rows`.

    Raises:
        CorpusError: an unknown kind.
    """
    return diffs.rows(studio.store, found.before, found.after, kind, between=found.between, part=part, limit=limit,
                      offset=offset)  # fmt: skip


FORMATS: tuple[str, ...] = ("csv", "jsonl")


def rows_file(studio: Studio, found: Diff, kind: str, fmt: str, *, part: str | None = None) -> bytes:
    """All rows behind one number as a file to download; CSV cells no spreadsheet runs.

    Raises:
        CorpusError: an unknown kind or format.
    """
    if fmt not in FORMATS:
        raise CorpusError("There is no such export format", got=fmt, fix=f"Use one of: {', '.join(FORMATS)}.")
    table = rows(studio, found, kind, part=part, limit=None)
    path = studio.workspace.cache / f"diff-{uuid.uuid4().hex}.{fmt}"
    write_rows(_records(table), path, fmt=fmt, columns=list(table.columns), for_spreadsheets=True)
    content = path.read_bytes()
    path.unlink(missing_ok=True)
    return content


def _records(table: pd.DataFrame) -> Iterator[dict[str, Any]]:
    for record in table.to_dict("records"):
        yield {name: None if pd.isna(value) else value for name, value in record.items()}
