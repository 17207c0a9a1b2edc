"""What an audit may look at besides the frame of examples, and the cleaning every audit starts with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from studio.records import Array, AuditResult, Condition, Knn, Lexicon
from studio.statistics import ALPHA, SMALL_GROUP, corrected_q

MANY_VALUES = 30  # ours: with this many values or more of fewer than 50 examples each an attribute names authors
MISSING = ""  # the category of examples without a value; no value is blank (`texts_of`), so it cannot be mistaken


@dataclass(frozen=True)
class Context:
    """Facts beside the frame; row i of every array is row i of the frame.

    The frame has example_id, text, label (or labels, a JSON list), source, language, time and `group_<name>` per
    attribute; `label_sets.labels_of` reads either. language: en or zh.
    groups: attribute names. reference: attribute -> value -> share the analyst expects. families (n,) int, equal for
    near-duplicates; exact (n,) int, equal for the same text; embeddings (n, d) float32 unit rows; knn the stored graph
    over the same rows; clusters (n,) int, -1 = noise; cluster_names cluster -> its keywords. lexicon: the identity
    terms in force. scores: measure name -> (n,) raw values. seed: of everything drawn. n_families: how many audits
    are read together; each corrects its own tests at ALPHA / n_families, so that a corpus with nothing in it alarms
    in any of them with a chance of at most ALPHA.
    """

    language: str = "en"
    groups: tuple[str, ...] = ()
    reference: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    families: Array | None = None
    exact: Array | None = None
    embeddings: Array | None = None
    knn: Knn | None = None
    clusters: Array | None = None
    cluster_names: Mapping[int, str] = field(default_factory=dict)
    lexicon: Lexicon | None = None
    scores: Mapping[str, Array] = field(default_factory=dict)
    seed: int = 0
    n_families: int = 1

    def corrected(self, p_values: Array) -> Array:
        """q-values of one audit's tests, corrected within the audit (BH) and over the audits read together."""
        return np.minimum(corrected_q(p_values) * self.n_families, 1.0)

    def level_of_one_among(self, n_tests: int) -> float:
        """The p-value a lone effect must reach among this audit's tests for its corrected q to pass."""
        return ALPHA / (max(n_tests, 1) * self.n_families)


def missing_needs(needs: tuple[str, ...], frame: pd.DataFrame, context: Context) -> tuple[str, ...]:
    """Which of an audit's needs this corpus cannot give: label, groups, families, embeddings, knn or clusters."""
    absent = []
    for need in needs:
        if need == "label":
            there = any(bool(texts_of(frame, name).notna().any()) for name in ("label", "labels"))
        elif need == "groups":
            there = bool(context.groups)
        else:
            there = getattr(context, need) is not None
        if not there:
            absent.append(need)
    return tuple(absent)


def texts_of(frame: pd.DataFrame, column: str) -> pd.Series:
    """A column as text with None where it is missing: None, NaN and empty or blank text are all missing."""
    if column not in frame:
        return pd.Series([None] * len(frame), index=frame.index, dtype=object)
    raw = frame[column].astype(object)
    values = [None if _is_missing(value) else str(value) for value in raw]
    return pd.Series(values, index=frame.index, dtype=object)


def _is_missing(value: object) -> bool:
    if value is None or value is pd.NA or value is pd.NaT:
        return True
    if isinstance(value, float) and np.isnan(value):
        return True
    return isinstance(value, str) and not value.strip()


def coded(column: pd.Series) -> tuple[Array, list[str]]:
    """Codes (n,) int64 with -1 for missing, and the sorted names they stand for."""
    names = sorted({value for value in column if value is not None})
    place = {name: code for code, name in enumerate(names)}
    codes = np.fromiter((place.get(value, -1) if value is not None else -1 for value in column), np.int64, len(column))
    return codes, names


def crossed(rows: Array, columns: Array, n_rows: int, n_columns: int) -> Array:
    """Counts (n_rows, n_columns) of two code arrays, over the examples where neither is missing."""
    both = (rows >= 0) & (columns >= 0)
    flat = rows[both] * n_columns + columns[both]
    return np.bincount(flat, minlength=n_rows * n_columns).reshape(n_rows, n_columns)


def group_column(name: str) -> str:
    """The Parquet column of a group attribute."""
    return f"group_{name}"


def looks_like_author(codes: Array) -> bool:
    """True for an attribute of many values with few examples each: its examples hang together by who wrote them.

    The rule: 30 values or more, fewer than 50 examples to a value on average. No share of such a value could be
    relied on, so audits leave the attribute out of comparisons; `dependence` counts what it makes the corpus worth.
    """
    known = np.asarray(codes)[np.asarray(codes) >= 0]
    n_values = len(np.unique(known))
    return n_values >= MANY_VALUES and len(known) < SMALL_GROUP * n_values


def compared_groups(
    frame: pd.DataFrame, context: Context
) -> tuple[dict[str, tuple[Array, list[str]]], tuple[str, ...]]:
    """Codes and names of every attribute that can be compared value by value, and a note where one is left out."""
    kept, is_cut = {}, False
    for attribute in context.groups:
        codes, names = coded(texts_of(frame, group_column(attribute)))
        if looks_like_author(codes) and not context.reference.get(attribute):
            is_cut = True
        else:
            kept[attribute] = (codes, names)
    return kept, ("audit_counts.note.authors_left_out",) if is_cut else ()


def with_missing(codes: Array, names: list[str]) -> tuple[Array, list[str]]:
    """The same codes with missing values as a category of their own, MISSING, at the end."""
    if (codes >= 0).all():
        return codes, names
    return np.where(codes < 0, len(names), codes), [*names, MISSING]


def clusterings(frame: pd.DataFrame, context: Context) -> dict[str, Array]:
    """What makes examples depend on one another: name -> (n,) codes, every example in exactly one cluster.

    `family` of near-duplicates, `source`, and every attribute that looks like an author; a source or an author counts
    from 30 clusters on, because the spread between a handful of clusters says nothing sure. An example without a value
    is a cluster by itself.
    """
    found = {}
    if context.families is not None:
        found["family"] = np.unique(np.asarray(context.families), return_inverse=True)[1]
    columns = {"source": "source"} | {name: group_column(name) for name in context.groups}
    for name, column in columns.items():
        codes, names = coded(texts_of(frame, column))
        if len(names) >= MANY_VALUES and (name == "source" or looks_like_author(codes)):
            found[name] = np.where(codes < 0, len(names) + np.arange(len(codes)), codes)
    return found


def shown(value: str) -> str:
    """A value as a sentence names it: a dash for the category of missing values."""
    return value if value != MISSING else "–"


def where(column: str, value: str) -> Condition:
    """The clause that leads to the examples with this value, or to those without any."""
    return Condition(column, "isnull") if value == MISSING else Condition(column, "eq", value)


def part_of(frame: pd.DataFrame, context: Context, rows: Array) -> tuple[pd.DataFrame, Context]:
    """Some rows (ascending) as a corpus of their own; a neighbour that is not among them is none (-1)."""
    knn = context.knn
    if knn is not None:
        place = np.full(len(frame), -1, dtype=np.int32)
        place[rows] = np.arange(len(rows), dtype=np.int32)
        near = np.asarray(knn.indices[rows])
        knn = Knn(np.where(near >= 0, place[np.maximum(near, 0)], -1), np.asarray(knn.distances[rows]))
    own = {name: None if (array := getattr(context, name)) is None else np.asarray(array)[rows]
           for name in ("families", "exact", "embeddings", "clusters")}  # fmt: skip
    scores = {name: np.asarray(values)[rows] for name, values in context.scores.items()}
    return frame.iloc[rows].reset_index(drop=True), replace(context, knn=knn, scores=scores, **own)


def nothing(audit: str, note: str, columns: tuple[str, ...] = ()) -> AuditResult:
    """An empty result that says why in one note."""
    return AuditResult(audit=audit, findings=(), table=pd.DataFrame(columns=list(columns)), notes=(note,))
