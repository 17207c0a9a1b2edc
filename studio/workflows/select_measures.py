"""One score looked at: how it lies, what it goes together with, which groups it prefers, and examples from its ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from studio.audits.context import Context
from studio.audits.scores import SCORES
from studio.errors import SelectionError
from studio.measures import MEASURES, by_name
from studio.records import SCORER, VIEWS, Array, AuditResult, Snapshot
from studio.selection import spreads
from studio.selection.spreads import Ends, Spread, Tie
from studio.store import examples, scores
from studio.store.scores import ScoreSet
from studio.workflows import audits_copies, select_matrix
from studio.workflows.select_scores import ScoreState
from studio.workflows.studio import Studio

MOST_COMPARED = 20_000  # rows of a comparison of scores; ours: the interval of a rank correlation is below ± 0.017
EXAMPLES = 5
SEED = 0
LENGTH = "length"  # the number of characters, compared like a score


@dataclass(frozen=True)
class Listed:
    """A score set that may be looked at. `key` is its name in the URL; `view` is empty for scorer models of the host.

    in_use: the Select page ranks by this one, not by an older one of the same measure.
    """

    key: str
    item: ScoreSet
    view: str
    in_use: bool


@dataclass(frozen=True, eq=False)
class Look:
    """One score set: its distribution, its tie with the length, groups that differ, and ids of the examples to show.

    n_flagged: values that are kept and counted but not ranked; values: raw values of the examples shown, by id.
    groups: None where the corpus has no group columns.
    """

    spread: Spread
    n_flagged: int
    groups: AuditResult | None
    best: tuple[int, ...]
    middle: tuple[int, ...]
    worst: tuple[int, ...]
    values: Mapping[int, float]


@dataclass(frozen=True, eq=False)
class Together:
    """Rank correlations of the scores in use, one more that is looked at, and the length, on a sample of rows.

    Unit scores are compared, so a positive number means that both want the same examples; names are keys of `Listed`.
    """

    names: tuple[str, ...]
    ties: Mapping[tuple[str, str], Tie]
    n_rows: int
    n_all: int

    @property
    def is_sample(self) -> bool:
        """True where not all rows were compared."""
        return self.n_rows < self.n_all

    def of(self, key: str) -> list[tuple[str, Tie]]:
        """The other scores with their tie to this one, strongest first; without the length."""
        found = [(b if a == key else a, one) for (a, b), one in self.ties.items() if key in (a, b) and LENGTH not in
                 (a, b) and one.n]  # fmt: skip
        return sorted(found, key=lambda pair: (-abs(pair[1].rho) if pair[1].rho == pair[1].rho else 1.0, pair[0]))

    def with_length(self, key: str) -> Tie | None:
        """The tie with the number of characters."""
        return self.ties.get((key, LENGTH))


def listed(studio: Studio, snapshot_id: str, state: ScoreState) -> tuple[Listed, ...]:
    """Score sets in use by view, then scorer models, then older ones; the newest of each measure has the plain name."""
    used = {(item.measure, item.context_hash) for item in state.sets}
    known = {measure.name: measure for measure in MEASURES}
    found: list[Listed] = []
    scorers: set[str] = set()
    for item in scores.sets(studio.store, snapshot_id):  # newest first
        in_use = (item.measure, item.context_hash) in used
        is_scorer = item.measure.startswith(SCORER)
        if not is_scorer and item.measure not in known:
            continue
        plain = in_use or (is_scorer and item.measure not in scorers)
        scorers |= {item.measure} if is_scorer else set()
        key = item.measure if plain else f"{item.measure}@{item.context_hash[:8]}"
        found.append(Listed(key, item, "" if is_scorer else known[item.measure].view, in_use))
    places = {name: place for place, name in enumerate(known)}

    def order(one: Listed) -> tuple[int, int, int, str]:
        old = "@" in one.key
        view = VIEWS.index(one.view) if one.view else len(VIEWS)
        return int(old), view, places.get(one.item.measure, len(places)), one.key

    return tuple(sorted(found, key=order))


def look(studio: Studio, snapshot: Snapshot, item: ScoreSet) -> Look:
    """Everything about one score set that does not need the others; all rows are read, none sampled.

    Raises:
        SelectionError: its rows are gone.
    """
    everyone = examples.ids(studio.store, snapshot.snapshot_id)
    raw, unit = select_matrix.values(studio, snapshot.snapshot_id, item, everyone)
    if len(raw) != len(everyone):
        raise SelectionError("These scores are not of this corpus", got=len(raw), fix="Compute them again.")
    shown = spreads.ends(unit, EXAMPLES, SEED)
    parts = [tuple(int(i) for i in everyone[rows]) for rows in (shown.best, shown.middle, shown.worst)]
    values = {int(everyone[row]): float(raw[row]) for row in _rows(shown)}
    return Look(spreads.spread(raw), _n_flagged(item, raw), _groups(studio, snapshot, item, raw), *parts, values)


def _rows(shown: Ends) -> Array:
    return np.concatenate([shown.best, shown.middle, shown.worst])


def _n_flagged(item: ScoreSet, raw: Array) -> int:
    limit = None if item.measure.startswith(SCORER) else by_name(item.measure).flag_from
    return 0 if limit is None else int((raw >= limit).sum())


def _groups(studio: Studio, snapshot: Snapshot, item: ScoreSet, raw: Array) -> AuditResult | None:
    """The check of scores by group on this score alone; its tests are corrected among themselves."""
    if not snapshot.groups:
        return None
    frame = examples.table(studio.store, snapshot.snapshot_id, ["example_id", *snapshot.group_columns]).to_pandas()
    copies = audits_copies.read(studio, snapshot.snapshot_id)
    context = Context(
        language=snapshot.language,
        groups=tuple(snapshot.groups),
        families=None if copies is None else np.asarray(copies.families),
        scores={item.measure: raw},
        seed=SEED,
    )
    return SCORES.compute(frame, context)


def together(studio: Studio, snapshot: Snapshot, state: ScoreState, chosen: Listed | None = None) -> Together:
    """Rank correlations of all scores in use, the chosen one and the length; at most 20,000 rows drawn by seed.

    Args:
        studio: the open workspace.
        snapshot: which snapshot.
        state: which score sets are in use.
        chosen: a score set that is looked at, where it is not one of these.
    """
    everyone = examples.ids(studio.store, snapshot.snapshot_id)
    rows = spreads.sample(len(everyone), MOST_COMPARED, SEED)
    sets = {item.measure: item for item in state.sets}
    if chosen is not None and not chosen.in_use:
        sets[chosen.key] = chosen.item
    columns = {key: select_matrix.values(studio, snapshot.snapshot_id, item, everyone)[1][rows].astype(np.float64)
               for key, item in sets.items()}  # fmt: skip
    columns[LENGTH] = _lengths(studio, snapshot, everyone[rows])
    return Together(tuple(columns), spreads.ties(columns), len(rows), len(everyone))


def _lengths(studio: Studio, snapshot: Snapshot, ids: Array) -> Array:
    if "text" not in snapshot.columns:
        return np.full(len(ids), np.nan)
    found = examples.table(studio.store, snapshot.snapshot_id, ["example_id", examples.CHARACTERS]).to_pandas()
    return found.set_index("example_id")[examples.CHARACTERS].reindex(ids).to_numpy(np.float64, na_value=np.nan)


def texts(studio: Studio, snapshot_id: str, ids: tuple[int, ...]) -> pd.DataFrame:
    """Columns example_id and text of the examples to show, in the order given."""
    found = examples.by_ids(studio.store, snapshot_id, list(ids), ["example_id", "text"])
    return found.set_index("example_id").reindex(list(ids)).dropna(subset=["text"]).reset_index()
