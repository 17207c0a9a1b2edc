"""One part of a snapshot against another or the rest: estimates from what was looked at, tests on what was not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from studio.audits.association import odds_ratio
from studio.audits.intervals import smallest_odds_ratio
from studio.audits.label_sets import Labels, exclusive, labels_of
from studio.errors import MeasureError
from studio.mapping import contrast, halves
from studio.records import Array, Condition, Snapshot, conditions_from_text
from studio.statistics import corrected_q
from studio.store import examples, slices, snapshots, vectors
from studio.workflows import explore_map
from studio.workflows.studio import Studio

TEXTS = 5_000  # ours: texts per side that words are counted in; an evenly spaced part of a larger side
TESTED_WORDS = 20  # the words whose differences are the surest in the half looked at
SEVERAL = "classification_multi"  # the task whose examples carry any number of labels
MOST_VALUES = 40  # a column with more values is no group to compare
_WORDED = frozenset(
    {"text", "prompt", "completion", "rejected", "context", "messages"}
)  # who filters by them, by words
TYPICAL = 5
LEAST = 5  # examples a side must have


@dataclass(frozen=True)
class Part:
    """Examples of one side, and how they were found.

    ids (n,) ascending. from_map: a lasso or clusters chose them, so the texts themselves did. columns: what filters
    chose them by; comparing the sides by these would be circular. blind: seed of the half nobody saw meanwhile.
    """

    ids: Array
    from_map: bool = False
    columns: tuple[str, ...] = ()
    blind: int | None = None


@dataclass(frozen=True)
class Contrast:
    """What sets a part apart.

    n_in, n_out: examples the estimates rest on; held_in, held_out: those the tests rest on, 0 without tests.
    words: word, share_in, share_out, log_odds, low, high, z (and p, q of the held half); categories: attribute, name,
    n_in, n_out, share_in, share_out, odds_ratio, low, high (and held_ratio, p, q); lengths as
    mapping.contrast.length_contrast or None; typical: (example_id, likeness to the middle). n_texts: how many texts of
    each side the words were counted in. smallest: the odds ratio of a trait of every second example that these counts
    would have shown in four of five corpora. overlaps: examples may carry several labels at once.
    """

    n_in: int
    n_out: int
    held_in: int
    held_out: int
    words: pd.DataFrame
    categories: pd.DataFrame
    lengths: dict[str, float] | None
    typical: tuple[tuple[int, float], ...]
    n_texts: tuple[int, int]
    smallest: float
    words_tested: bool
    overlaps: bool = False

    @property
    def is_tested(self) -> bool:
        """True where p-values of a half nobody had seen are there."""
        return self.held_in > 0


def compare(
    studio: Studio, snapshot_id: str, part: Part, other: Part | None = None, *, held: int | None = None
) -> Contrast:
    """Compare a part with another one, or with everything else.

    Without `held`, estimates with intervals over all examples and no p-value: the part was found by looking. With it,
    estimates come from the half that was shown and p-values from the half held back, where the part was found under
    the same seed; q by Benjamini-Hochberg over everything tested. Words and lengths of a part that lasso or clusters
    chose are never tested, since the map is made of the texts; nor are the columns that filters chose it by.

    Args:
        studio: the open workspace.
        snapshot_id: of which snapshot.
        part: one side.
        other: the other; None for the rest. Examples in both are left out of it.
        held: seed of the half held back now, or None.

    Raises:
        MeasureError: a side has fewer than five examples to look at.
    """
    snapshot = snapshots.require(studio.store, snapshot_id)
    everyone = examples.ids(studio.store, snapshot_id)
    inside = np.isin(everyone, part.ids, assume_unique=True)
    outside = ~inside if other is None else np.isin(everyone, other.ids, assume_unique=True) & ~inside
    blind = halves.is_held(everyone, held) if held is not None else np.zeros(len(everyone), dtype=bool)
    looked_in, looked_out = inside & ~blind, outside & ~blind
    if min(looked_in.sum(), looked_out.sum()) < LEAST:
        raise MeasureError(f"Each side needs {LEAST} examples to be compared",
                           got=f"{looked_in.sum()} and {looked_out.sum()}", fix="Choose a larger part.")  # fmt: skip
    parts = [part] if other is None else [part, other]
    can_test = held is not None and all(one.blind == held for one in parts)
    held_in, held_out = inside & blind, outside & blind
    can_test = can_test and min(held_in.sum(), held_out.sum()) >= LEAST
    from_map = any(one.from_map for one in parts)
    chosen_by = {column for one in parts for column in one.columns}
    words_tested = can_test and not from_map and not chosen_by & _WORDED
    texts = examples.frame(studio.store, snapshot_id, ("text",))["text"]
    words, n_texts = _words(texts, looked_in, looked_out)
    categories = _categories(studio, snapshot, looked_in, looked_out, chosen_by)
    if can_test:
        words, categories = _tested(studio, snapshot, texts, words, categories, held_in, held_out, words_tested)
    lengths = texts.str.len().fillna(0).to_numpy(np.float64)
    return Contrast(
        n_in=int(looked_in.sum()),
        n_out=int(looked_out.sum()),
        held_in=int(held_in.sum()) if can_test else 0,
        held_out=int(held_out.sum()) if can_test else 0,
        words=words,
        categories=categories,
        lengths=contrast.length_contrast(lengths[looked_in], lengths[looked_out]),
        typical=_typical(studio, snapshot_id, everyone, looked_in),
        n_texts=n_texts,
        smallest=float(smallest_odds_ratio(looked_in.sum(), looked_out.sum(), np.float64(0.5))),
        words_tested=words_tested,
        overlaps=snapshot.task == SEVERAL and "label_now" in set(categories["attribute"]),
    )


def _words(texts: pd.Series, inside: Array, outside: Array) -> tuple[pd.DataFrame, tuple[int, int]]:
    sides = [_some(texts, mask) for mask in (inside, outside)]
    return contrast.word_contrast(*sides), (len(sides[0]), len(sides[1]))


def _some(texts: pd.Series, mask: Array) -> list[str]:
    rows = np.flatnonzero(mask)
    rows = rows[:: max(1, -(-len(rows) // TEXTS))]
    return [text for text in texts.iloc[rows] if isinstance(text, str)]


def _columns(snapshot: Snapshot, chosen_by: set[str]) -> list[str]:
    named = ["label_now", *snapshot.group_columns, "source", "language"]
    about_labels = {"label", "labels", "label_now"}  # by one name or another
    left_out = chosen_by | (about_labels if chosen_by & about_labels else set())
    return [name for name in named if name not in left_out]


def _coded(studio: Studio, snapshot: Snapshot, name: str) -> Labels:
    """Who has which value of a column; a missing group value is a value of its own, a label not given is not known.

    Where examples carry several labels, the corpus's own are read, those of the pool stay hidden.
    """
    if name == "label_now" and snapshot.task == SEVERAL:
        return labels_of(examples.frame(studio.store, snapshot.snapshot_id, ("labels",)))
    column = examples.frame(studio.store, snapshot.snapshot_id, (name,))[name].astype(object)
    column = column.where(column.notna(), None)
    if name != "label_now":
        column = column.map(lambda value: "" if value is None else str(value))
    codes, values = pd.factorize(column, sort=False)
    return exclusive(codes, [str(value) for value in values])


def _table(own: Labels, inside: Array, outside: Array) -> pd.DataFrame:
    return contrast.member_contrast(own.rows, own.codes, own.known, len(own.names), inside, outside, odds_ratio)


def _categories(studio: Studio, snapshot: Snapshot, inside: Array, outside: Array, chosen_by: set[str]) -> pd.DataFrame:
    """A row per value of every column with 2 to 40 values, the surest differences (by the near end) first."""
    tables = []
    for name in _columns(snapshot, chosen_by):
        own = _coded(studio, snapshot, name)
        if not (1 if own.column == "labels" else 2) <= len(own.names) <= MOST_VALUES:
            continue
        table = _table(own, inside, outside)
        table.insert(0, "name", own.names)
        table.insert(0, "attribute", name)
        tables.append(table[table["p"].notna()])
    if not tables:
        return pd.DataFrame(columns=["attribute", "name", "n_in", "n_out", "share_in", "share_out", "odds_ratio", "low",
                                     "high"])  # fmt: skip
    whole = pd.concat(tables, ignore_index=True).drop(columns=["code", "p"])
    log_low, log_high = np.log(whole["low"].to_numpy()), np.log(whole["high"].to_numpy())
    nearest = np.where(log_low > 0, log_low, np.where(log_high < 0, -log_high, 0.0))
    return whole.iloc[np.argsort(-nearest, kind="stable")].reset_index(drop=True)


def _tested(
    studio: Studio,
    snapshot: Snapshot,
    texts: pd.Series,
    words: pd.DataFrame,
    categories: pd.DataFrame,
    inside: Array,
    outside: Array,
    words_tested: bool,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The same tables with odds ratio, p and q of the half held back; one correction over all that is tested."""
    p_of = {}
    for name in dict.fromkeys(categories["attribute"]):
        own = _coded(studio, snapshot, str(name))
        found = _table(own, inside, outside)
        p_of |= {(name, value): (float(r), float(p)) for value, r, p in
                 zip(own.names, found["odds_ratio"], found["p"], strict=True)}  # fmt: skip
    pairs = [p_of[key] for key in zip(categories["attribute"], categories["name"], strict=True)]
    categories = categories.assign(held_ratio=[pair[0] for pair in pairs], p=[pair[1] for pair in pairs])
    kept = words.drop(columns="p").head(TESTED_WORDS if words_tested else len(words))
    p_words = np.empty(0)
    if words_tested:
        found, _ = _words(texts, inside, outside)
        p_words = found.set_index("word")["p"].reindex(kept["word"]).to_numpy(np.float64)
    q = corrected_q(np.concatenate([categories["p"].to_numpy(np.float64), p_words]))
    categories = categories.assign(q=q[: len(categories)])
    if words_tested:
        kept = kept.assign(p=p_words, q=q[len(categories) :])
    return kept, categories


def _typical(studio: Studio, snapshot_id: str, everyone: Array, mask: Array) -> tuple[tuple[int, float], ...]:
    found = vectors.newest(studio.store, snapshot_id)
    rows = np.flatnonzero(mask)
    if found is None or not len(rows):
        return ()
    matrix = np.load(found.vectors_file(studio.workspace.root), mmap_mode="r", allow_pickle=False)
    rows = rows[:: max(1, -(-len(rows) // 20_000))]
    order, likeness = contrast.nearest_to_centre(np.asarray(matrix[rows]), TYPICAL)
    return tuple((int(everyone[rows[i]]), round(float(s), 3)) for i, s in zip(order, likeness, strict=True))


def part_of(
    studio: Studio,
    snapshot_id: str,
    *,
    map_id: str | None,
    outline: str = "",
    conditions: Sequence[Condition] = (),
    blind: int | None = None,
) -> Part:
    """Lasso and filters as a side, of all examples: the half held back is cut off where the sides are compared.

    A saved slice among the filters brings how it was found: it counts as blind only under its own seed.

    Args:
        studio: the open workspace.
        snapshot_id: of which snapshot.
        map_id: the map of the lasso and of clusters.
        outline: a polygon as text; empty for none.
        conditions: filters.
        blind: seed of the half nobody saw while lasso and filters were chosen.

    Raises:
        CorpusError: a filter that cannot be read.
        MeasureError: an outline that is no polygon.
    """
    ids = explore_map.points_inside(studio, snapshot_id, map_id=map_id, outline=outline, conditions=conditions)
    from_map, columns, waiting = bool(outline), [], list(conditions)
    while waiting:  # a slice may be a part of other slices, each found in its own way
        clause = waiting.pop(0)
        if clause.column != "slice":
            from_map |= clause.column == "cluster"
            columns.append(clause.column)
            continue
        given = clause.value if isinstance(clause.value, list | tuple) else [clause.value]
        for found in (slices.get_slice(studio.store, str(one)) for one in given):
            how = found.definition if found else {}  # one a removal emptied: nobody knows any more how it was found
            from_map |= bool(how.get("outline"))
            blind = blind if how.get("held") == blind else None
            waiting += conditions_from_text(str(how.get("filters") or ""))
    return Part(ids, from_map, tuple(dict.fromkeys(columns)), blind)
