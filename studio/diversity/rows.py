"""The examples a diversity measure looks at, every text turned into numbers once so that many draws are cheap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from studio.diversity.cover import cover_of
from studio.diversity.nearest import Near, near_in_graph, near_of
from studio.diversity.vendi import Spread, spread
from studio.records import Array, Knn

if TYPE_CHECKING:
    from studio.diversity.reference import Reference


@dataclass(frozen=True)
class Ragged:
    """Lists of codes of different lengths, one after the other: those of row i are codes[starts[i]:starts[i + 1]]."""

    starts: Array
    codes: Array
    n_kinds: int

    def take(self, positions: Array) -> Ragged:
        """The lists of some rows, in that order."""
        sizes = self.sizes[positions]
        starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        at = np.repeat(self.starts[:-1][positions] - starts[:-1], sizes) + np.arange(starts[-1])
        return Ragged(starts, self.codes[at], self.n_kinds)

    @property
    def sizes(self) -> Array:
        """(n,) how many codes each row has."""
        return np.diff(self.starts)

    def counts(self) -> Array:
        """(n_kinds,) how often each code occurs."""
        return np.bincount(self.codes, minlength=self.n_kinds)


class Parts:
    """Vectors of rows that lie in several matrices, read only where rows are taken."""

    ndim = 2

    def __init__(self, matrices: Sequence[Array], part: Array, row: Array) -> None:
        """Row i is row[i] of matrices[part[i]]."""
        self._matrices, self._part, self._row = matrices, part, row
        self.shape = (len(part), matrices[0].shape[1])

    def __len__(self) -> int:
        return len(self._part)

    def __getitem__(self, positions: Array | slice) -> Array:
        part, row = self._part[positions], self._row[positions]
        taken = np.empty((len(part), self.shape[1]), dtype=np.float32)
        for number, matrix in enumerate(self._matrices):
            here = part == number
            taken[here] = matrix[row[here]]
        return taken


@dataclass(frozen=True)
class Rows:
    """A set of examples; row i of every array is the same example, None = this corpus has no such thing.

    texts: as they are. order (n,) uint64: a hash of each text. grams: 1, 2, 3 -> n-grams of words or characters;
    fours: the different 4-grams of each text. mtld (n,) float64, NaN for short texts. lengths (n,) int in words or
    characters. vectors (n, d) float32 unit rows. graph: the stored k-NN graph over these very rows. clusters, exact,
    families, languages, sources, pairs, verbs (n,) int codes, -1 = missing. turns, prompt_lengths (n,) float64, NaN =
    missing. reference: what distances are measured to. absent: field -> reason why it is not there. names: field ->
    what its codes stand for.
    """

    n: int
    texts: Sequence[str] | None = None
    order: Array | None = None
    grams: Mapping[int, Ragged] | None = None
    fours: Ragged | None = None
    mtld: Array | None = None
    lengths: Array | None = None
    vectors: Array | Parts | None = None
    graph: Knn | None = None
    clusters: Array | None = None
    exact: Array | None = None
    families: Array | None = None
    languages: Array | None = None
    sources: Array | None = None
    pairs: Array | None = None
    verbs: Array | None = None
    turns: Array | None = None
    prompt_lengths: Array | None = None
    reference: Reference | None = None
    absent: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def take(self, positions: Array) -> Rows:
        """Some of the rows; the stored graph stays behind, since a subset has neighbours of its own."""
        given = {}
        for one in fields(self):
            value = getattr(self, one.name)
            if value is None or one.name in ("n", "reference", "absent", "names", "graph"):
                continue
            if one.name == "texts":
                given["texts"] = [value[i] for i in positions.tolist()]
            elif one.name == "grams":
                given["grams"] = {n: grams.take(positions) for n, grams in value.items()}
            elif one.name == "fours":
                given["fours"] = value.take(positions)
            else:
                given[one.name] = value[positions]
        return replace(self, n=len(positions), graph=None, **given)

    @cached_property
    def spread(self) -> Spread:
        """Gram matrix and sum of the vectors; raises MeasureError for undefined vectors."""
        return spread(self.vectors)

    @cached_property
    def near(self) -> Near:
        """Nearest neighbours among these rows: of the stored graph where there is one, else worked out."""
        if self.graph is not None:
            return near_in_graph(self.graph, self.vectors)
        return near_of(self.vectors[np.arange(self.n)])

    @cached_property
    def cover(self) -> tuple[float, float, str]:
        """Coverage and density against the reference, or the reason why there are none."""
        return cover_of(self)
