"""Which labels every example carries, one or several: what each audit of labels counts from.

A label is compared as given or not given, so one label per example is the case in which every labelled example is given
exactly one; nothing below asks for more. Formulas that hold only then look at `is_exclusive`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pandas as pd
from scipy import sparse

from studio.audits.context import coded, texts_of
from studio.records import Array, Condition

ONE, SEVERAL = "label", "labels"  # the columns of the frame: a name, or a list of names (JSON text or a sequence)
NOTE = "audit.note.several_labels"


@dataclass(frozen=True)
class Labels:
    """The labels of n examples as the entries of an indicator matrix.

    names: what the codes stand for, sorted; known (n,) True where an example is labelled, be it with none of the names;
    rows (m,) int64 ascending and codes (m,) int64: example rows[i] carries label codes[i], each pair once. column:
    where they come from, `label` or `labels`.
    """

    names: list[str]
    known: Array
    rows: Array
    codes: Array
    column: str = ONE
    given: Array | None = field(default=None, repr=False)  # (n,) which set of labels, for a quick `sets`

    @property
    def n(self) -> int:
        """How many examples are labelled."""
        return int(self.known.sum())

    @cached_property
    def counts(self) -> Array:
        """(labels,) how many examples carry each."""
        return np.bincount(self.codes, minlength=len(self.names))

    @cached_property
    def each(self) -> Array:
        """(n,) how many labels every example carries."""
        return np.bincount(self.rows, minlength=len(self.known))

    @cached_property
    def is_exclusive(self) -> bool:
        """True where every labelled example carries exactly one label: labels then share the examples out."""
        return bool((self.each[self.known] == 1).all())

    @property
    def is_constant(self) -> bool:
        """True where no label tells any two labelled examples apart."""
        return not ((self.counts > 0) & (self.counts < self.n)).any()

    @property
    def notes(self) -> tuple[str, ...]:
        """What an audit says of labels that overlap."""
        return () if self.is_exclusive else (NOTE,)

    @property
    def matrix(self) -> sparse.csr_matrix:
        """(n, labels) of 0 and 1."""
        one = np.ones(len(self.rows), np.int64)
        return sparse.csr_matrix((one, (self.rows, self.codes)), shape=(len(self.known), len(self.names)))

    @cached_property
    def together(self) -> Array:
        """(labels, labels) how many examples carry both; the diagonal is `counts`."""
        if self.is_exclusive:
            return np.diag(self.counts)
        own = self.matrix
        return np.asarray((own.T @ own).todense())

    @cached_property
    def sets(self) -> Array:
        """(n,) int64, equal for examples with the same labels, -1 for those without."""
        if self.given is not None:
            return self.given
        found = np.full(len(self.known), -1, np.int64)
        found[self.rows] = self.codes
        return found

    @cached_property
    def said(self) -> dict[int, str]:
        """What every set of labels reads as: the names joined, a dash for none of them."""
        found = {}
        for code, row in zip(*np.unique(self.sets, return_index=True), strict=True):
            low, high = np.searchsorted(self.rows, [row, row + 1])
            found[int(code)] = " + ".join(self.names[own] for own in self.codes[low:high]) or "–"
        return found

    def of(self, chosen: Array) -> Labels:
        """The labels of some of the examples: a mask or ascending rows. Names stay."""
        at = np.flatnonzero(chosen) if np.asarray(chosen).dtype == bool else np.asarray(chosen, np.int64)
        place = np.full(len(self.known), -1, np.int64)
        place[at] = np.arange(len(at))
        kept = place[self.rows] >= 0
        given = None if self.given is None else self.given[at]
        return replace(self, known=self.known[at], rows=place[self.rows[kept]], codes=self.codes[kept], given=given)

    def telling(self) -> Labels:
        """Only the labels that some of the labelled examples carry and others do not."""
        tells = (self.counts > 0) & (self.counts < self.n)
        if tells.all():
            return self
        place, kept = np.cumsum(tells) - 1, tells[self.codes]
        names = [name for name, is_kept in zip(self.names, tells, strict=True) if is_kept]
        return replace(self, names=names, rows=self.rows[kept], codes=place[self.codes[kept]])

    def by(self, groups: Array, n_groups: int) -> tuple[Array, Array]:
        """How often each label goes with each value of another fact, and how many labelled examples have the value.

        Args:
            groups: (n,) codes, -1 where the value is missing.
            n_groups: how many values there are.

        Returns:
            (labels, values) and (values,) counts over labelled examples with a value.
        """
        theirs = np.asarray(groups)[self.rows]
        there = theirs >= 0
        flat = self.codes[there] * n_groups + theirs[there]
        counts = np.bincount(flat, minlength=len(self.names) * n_groups).reshape(len(self.names), n_groups)
        own = np.asarray(groups)[self.known]
        return counts, np.bincount(own[own >= 0], minlength=n_groups)

    @cached_property
    def members(self) -> list[Array]:
        """The rows that carry each label, ascending."""
        order = np.argsort(self.codes, kind="stable")
        return np.split(self.rows[order], np.cumsum(self.counts)[:-1]) if self.names else []

    def where(self, name: str) -> Condition:
        """The clause that leads to the examples with a label."""
        return Condition(ONE, "eq", name) if self.column == ONE else Condition(SEVERAL, "has", name)


def labels_of(frame: pd.DataFrame) -> Labels:
    """The labels of a frame: of its column `labels` where that is filled, else of `label`.

    A list without names is an answer (none of the labels); nothing at all is not.
    """
    if SEVERAL in frame and bool(frame[SEVERAL].notna().any()):
        return _several(list(frame[SEVERAL]))
    return exclusive(*coded(texts_of(frame, ONE)))


def exclusive(codes: Array, names: list[str]) -> Labels:
    """One label each: (n,) codes with -1 where there is none."""
    known = np.asarray(codes) >= 0
    rows = np.flatnonzero(known)
    return Labels(list(names), known, rows, np.asarray(codes, np.int64)[rows])


def _several(values: list[object]) -> Labels:
    """Each different value is read once; few sets of labels stand for many examples."""
    read: dict[object, tuple[str, ...] | None] = {}
    keys = [value if isinstance(value, str) else _key(value) for value in values]
    for key in keys:
        if key not in read:
            read[key] = _names(key)
    sets = {names: place for place, names in enumerate(sorted({names for names in read.values() if names is not None}))}
    place_of = {key: -1 if names is None else sets[names] for key, names in read.items()}
    given = np.fromiter((place_of[key] for key in keys), np.int64, len(keys))
    names = sorted({name for own in sets for name in own})
    code_of = {name: code for code, name in enumerate(names)}
    sizes = np.array([len(own) for own in sets], np.int64)
    listed = np.array([code_of[name] for own in sets for name in own], np.int64)
    known = given >= 0
    n_own = sizes[given[known]] if len(sizes) else np.zeros(0, np.int64)
    rows = np.repeat(np.flatnonzero(known), n_own)
    begins = (np.cumsum(sizes) - sizes)[given[known]] if len(sizes) else n_own
    inside = np.arange(len(rows)) - np.repeat(np.cumsum(n_own) - n_own, n_own)
    codes = listed[np.repeat(begins, n_own) + inside] if len(rows) else np.zeros(0, np.int64)
    return Labels(names, known, rows, codes, SEVERAL, given)


def _key(value: object) -> object:
    """Something that can stand in a dictionary: a tuple for a sequence, None for what is missing."""
    if isinstance(value, Iterable):
        return tuple(value)
    return None


def _names(key: object) -> tuple[str, ...] | None:
    """The names of one list, sorted and without repeats; None where nothing is written."""
    if isinstance(key, str):
        try:
            read = json.loads(key)
        except ValueError:
            read = key
        key = read if isinstance(read, list) else [key] if key.strip() else None
    if key is None:
        return None
    return tuple(sorted({str(name) for name in key if name is not None and str(name).strip()}))
