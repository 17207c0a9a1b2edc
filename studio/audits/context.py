"""What an audit may look at besides the frame of examples, and the cleaning every audit starts with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from studio.records import Array, AuditResult, Condition, Knn, Lexicon
from studio.statistics import ALPHA, corrected_q


@dataclass(frozen=True)
class Context:
    """Facts beside the frame; row i of every array is row i of the frame.

    The frame has example_id, text, label, source, language, time and `group_<name>` per attribute. language: en or zh.
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
            there = "label" in frame and bool(texts_of(frame, "label").notna().any())
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


def where(column: str, value: str) -> Condition:
    """The clause that leads to the examples with this value."""
    return Condition(column, "eq", value)


def nothing(audit: str, note: str, columns: tuple[str, ...] = ()) -> AuditResult:
    """An empty result that says why in one note."""
    return AuditResult(audit=audit, findings=(), table=pd.DataFrame(columns=list(columns)), notes=(note,))
