"""The corpus audits' counts of a choice against random draws under the same limits: groups, ties, lengths, copies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
import pyarrow.compute as pc

from studio.records import Array, AuditResult
from studio.selection.draw_test import (
    LEAST,
    Statistic,
    Tested,
    compare_with_draws,
    draws_needed,
    effective_groups,
    in_families,
    largest_share,
    tie,
    told_apart,
)
from studio.store import examples, findings
from studio.workflows import audits_copies, select_apply, select_effect
from studio.workflows.select import Choice
from studio.workflows.select_soon import Pending, Tick, soon
from studio.workflows.studio import Studio

AUDIT, VERSION = "selection_draws", 3
MOST_KEYS = 50  # of a column in a pair; more make tables of nearly empty cells
MOST_PAIRS = 15
SHORT, LONG = 0.1, 0.9  # of the pool: what counts as very short and very long
_WORK = 6e8  # rows counted over all draws and statistics, some seconds; fixed, so the number of draws is repeatable


@dataclass(frozen=True)
class Audited:
    """Every statistic, alarms first; `draws` random draws, `n` chosen, and whether copies have been looked for."""

    tested: tuple[Tested, ...]
    draws: int
    n: int
    seed: int
    has_copies: bool

    @property
    def undecided(self) -> tuple[Tested, ...]:
        """Those outside all draws, of which there are too few for one count alone to be an alarm."""
        return tuple(one for one in self.tested if one.verdict == "open")

    @property
    def alarms(self) -> tuple[Tested, ...]:
        """Those outside the band of the draws after correction."""
        return tuple(one for one in self.tested if one.verdict in ("lower", "higher"))


def of_choice_soon(studio: Studio, snapshot_id: str, choice: Choice) -> Pending:
    """The comparison in the background, its result an Audited; kept by everything it depends on, so read when known."""
    copies = audits_copies.read(studio, snapshot_id) is not None
    key = select_apply.key_of(studio, snapshot_id, choice.state, choice.pool, choice.recipe)
    key = f"{key}{'+copies' if copies else ''}"
    return soon(("audits", str(studio.workspace.root), key), lambda tick: of_choice(studio, snapshot_id, choice, key,
                                                                                    tick))  # fmt: skip


def of_choice(
    studio: Studio, snapshot_id: str, choice: Choice, key: str, tick: Tick = lambda done, total: None
) -> Audited | None:
    """The comparison now; None where nobody is chosen or nothing can be counted."""
    kept = findings.get(studio.store, snapshot_id, AUDIT, VERSION, key)
    has_copies = key.endswith("+copies")
    n, seed = len(choice.rows), choice.recipe.seed
    if kept is None:
        statistics = statistics_of(studio, snapshot_id, choice)
        if not n or not statistics:
            return None
        draws = int(min(draws_needed(len(statistics)), max(LEAST, _WORK / (n * len(statistics)))))
        drawn = select_effect.draws_of(choice, draws)

        def counted() -> list[Array]:
            for number, rows in enumerate(drawn):
                tick(number, len(drawn))
                yield rows

        tested = compare_with_draws(statistics, choice.rows, counted())
        table = pd.DataFrame([vars(one) | {"values": dict(one.values)} for one in tested])
        findings.put(studio.store, snapshot_id, VERSION, key, AuditResult(AUDIT, (), table),
                     keep=findings.KEPT_COMPARISONS)  # fmt: skip
    else:
        tested = [Tested(**row) for row in kept[0].table.to_dict("records")]
    order = {"lower": 0, "higher": 0, "open": 1, "slight": 2, "within": 3}
    tested.sort(key=lambda one: (order[one.verdict], one.q, one.p))
    return Audited(tuple(tested), max((one.draws for one in tested), default=0), n, seed, has_copies)


def statistics_of(studio: Studio, snapshot_id: str, choice: Choice) -> list[Statistic]:
    """What can be counted of the pool: evenness of every column, ties of pairs, lengths, copies."""
    matrix = choice.pool.matrix
    columns = {name: (matrix.codes(name), len(matrix.keys[name])) for name in matrix.limitable if matrix.keys[name]}
    found: list[Statistic] = []
    for name in columns:
        given = {"column": name}
        found.append(Statistic("largest", lambda rows, name=name: largest_share(matrix.counts(name, rows)[1:]), given))
        found.append(
            Statistic(
                "kinds",
                lambda rows, name=name: effective_groups(matrix.counts(name, rows)[1:]),
                given,
                is_relative=True,
            )
        )
        if name != "cluster" and (columns[name][0] < 0).any():
            found.append(Statistic("missing", lambda rows, codes=columns[name][0]: float((codes[rows] < 0).mean())
                                   if len(rows) else float("nan"), given))  # fmt: skip
    narrow = [name for name, (_, k) in columns.items() if k <= MOST_KEYS]
    people = set(matrix.columns) - {"cluster"}
    pairs = [pair for pair in combinations(narrow, 2) if people & set(pair)][:MOST_PAIRS]
    for a, b in pairs:
        found.append(Statistic("tie", _tie(columns[a], columns[b]), {"column": a, "other": b}))
    return found + _lengths(studio, snapshot_id, choice, columns) + _copies(studio, snapshot_id, choice)


def _tie(first: tuple[Array, int], second: tuple[Array, int]):
    return lambda rows: tie(first[0][rows], second[0][rows], (first[1], second[1]))


def _lengths(
    studio: Studio, snapshot_id: str, choice: Choice, columns: Mapping[str, tuple[Array, int]]
) -> list[Statistic]:
    texts = examples.table(studio.store, snapshot_id, ("text",))["text"]
    length = pc.fill_null(pc.utf8_length(texts), 0).to_numpy().astype(np.float64)[choice.pool.rows]
    low, high = (float(np.quantile(length, share)) for share in (SHORT, LONG))
    log = np.log1p(length)

    def share(test: Array):
        return lambda rows: float(test[rows].mean()) if len(rows) else float("nan")

    found = [Statistic("length", lambda rows: float(np.median(length[rows])) if len(rows) else float("nan"),
                       is_relative=True),
             Statistic("short", share(length < low), {"limit": round(low)}),
             Statistic("long", share(length > high), {"limit": round(high)})]  # fmt: skip
    for name, (codes, k) in columns.items():
        if k <= MOST_KEYS:
            found.append(Statistic("length_by", lambda rows, codes=codes, k=k: told_apart(codes[rows], log[rows], k),
                                   {"column": name}))  # fmt: skip
    return found


def _copies(studio: Studio, snapshot_id: str, choice: Choice) -> list[Statistic]:
    known = audits_copies.read(studio, snapshot_id)
    if known is None or len(known.families) <= int(choice.pool.rows.max(initial=-1)):
        return []
    families = np.asarray(known.families)[choice.pool.rows]
    return [Statistic("copies", lambda rows: in_families(families[rows]))]
