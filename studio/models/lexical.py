"""The encoder without weights: hashed character n-grams, fitted on the snapshot; works in any language."""

from __future__ import annotations

import json
import os
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from scipy import sparse

from studio.errors import ModelError
from studio.records import Array

GRAMS = (1, 2, 3, 4)
HASH_BITS = 18
MAX_FEATURES = 32_768  # the most frequent hashed grams that are kept; bounds the saved state to 32 MB
MAX_CHARACTERS = 4_000  # of one text; what stands later hardly moves the mean and costs time
FIT_ROWS = 20_000
POWER_STEPS = 3
CHUNK_CHARACTERS = 1_000_000
_MIX = np.uint64(0x9E3779B97F4A7C15)
_STATE_FILE = "lexical.safetensors"
_FACTS_FILE = "lexical.json"


class LexicalEncoder:
    """Character n-grams of length 1 to 4, weighted tf-idf, projected on their main directions.

    x_j = (1 + ln tf_j) idf_j, idf_j = 1 + ln((1 + n) / (1 + df_j)), x scaled to length 1; the vector is x V
    scaled to length 1, with V the 256 leading right singular vectors of the snapshot's rows (of 20,000 drawn ones when
    there are more). Texts are compared by spelling, not by meaning.

    Paper: halko-2011, the randomised SVD.
    Paper: weinberger-2009, feature hashing without signs.
    """

    name = "lexical"
    version = 1
    dim = 256
    precision = "float32"

    def __init__(self, features: Array, idf: Array, components: Array, n_fitted: int) -> None:
        """Keep the fitted state.

        Args:
            features: (f,) int64 sorted hash buckets in use.
            idf: (f,) float32.
            components: (f, 256) float32; columns beyond the rank of the data are zeros.
            n_fitted: rows the state was fitted on.
        """
        self.features, self.idf, self.components, self.n_fitted = features, idf, components, n_fitted

    @classmethod
    def fit(
        cls, texts: Sequence[str], *, seed: int = 0, check_stop: Callable[[], None] | None = None
    ) -> LexicalEncoder:
        """Learn buckets, weights and directions from the texts of a snapshot; the same seed gives the same state."""
        rng = np.random.default_rng(seed)
        rows = np.arange(len(texts))
        if len(rows) > FIT_ROWS:
            rows = np.sort(rng.choice(rows, FIT_ROWS, replace=False))
        counts = count_grams([texts[i] for i in rows])
        df = np.bincount(counts.indices, minlength=2**HASH_BITS)
        # a gram seen in one text only says nothing about two texts being alike, except in a tiny corpus
        used = np.flatnonzero(df >= (2 if len(rows) > 50 else 1))
        if len(used) > MAX_FEATURES:
            used = np.sort(used[np.argsort(-df[used], kind="stable")[:MAX_FEATURES]])
        idf = (1 + np.log((1 + len(rows)) / (1 + df[used]))).astype(np.float32)
        components = np.zeros((len(used), cls.dim), dtype=np.float32)
        if len(used):
            weighted = _weigh(counts, used, idf)
            directions = _right_singular_vectors(weighted, cls.dim, rng, check_stop)
            components[:, : directions.shape[1]] = directions
        return cls(used, idf, components, len(rows))

    def encode(
        self,
        texts: Sequence[str],
        *,
        on_progress: Callable[[int], None] | None = None,
        check_stop: Callable[[], None] | None = None,
    ) -> Array:
        """(n, 256) float32 unit rows; zeros for an empty text or one without a known gram."""
        vectors = np.zeros((len(texts), self.dim), dtype=np.float32)
        for start, stop in _chunks(texts):
            if check_stop is not None:
                check_stop()
            if len(self.features):
                rows = _weigh(count_grams(texts[start:stop]), self.features, self.idf) @ self.components
                norms = np.linalg.norm(rows, axis=1, keepdims=True)
                vectors[start:stop] = np.where(norms > 1e-6, rows / np.maximum(norms, 1e-6), 0)
            if on_progress is not None:
                on_progress(stop)
        return vectors

    def unknown_share(self, texts: Sequence[str]) -> float:
        """Always 0: every character can be read."""
        return 0.0

    def save(self, folder: Path) -> None:
        """Write the fitted state (safetensors and JSON, no pickle); whole or not at all."""
        from safetensors.numpy import save_file  # small, but only workers need it

        folder.mkdir(parents=True, exist_ok=True)
        temporary = folder / f".{_STATE_FILE}.tmp"
        save_file(
            {"features": self.features.astype(np.int64), "idf": self.idf, "components": self.components}, temporary
        )
        facts = {"encoder": self.name, "version": self.version, "n_fitted": self.n_fitted}
        (folder / _FACTS_FILE).write_text(json.dumps(facts), encoding="utf-8")
        os.replace(temporary, folder / _STATE_FILE)

    @staticmethod
    def is_saved(folder: Path) -> bool:
        """True when a fitted state lies in the folder."""
        return (folder / _STATE_FILE).is_file() and (folder / _FACTS_FILE).is_file()

    @classmethod
    def load(cls, folder: Path) -> LexicalEncoder:
        """Read the fitted state.

        Raises:
            ModelError: there is none, or it is of another version or shape.
        """
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        try:
            facts = json.loads((folder / _FACTS_FILE).read_text(encoding="utf-8"))
            state = load_file(folder / _STATE_FILE)
            features, idf, components = state["features"], state["idf"], state["components"]
            fits = facts["version"] == cls.version and components.shape == (len(features), cls.dim)
            n_fitted = int(facts["n_fitted"])
        except (OSError, ValueError, KeyError, SafetensorError) as error:
            raise _unreadable(folder, str(error)) from error
        if not fits or idf.shape != features.shape:
            raise _unreadable(folder, f"version {facts['version']}, shape {components.shape}")
        return cls(features, idf, components, n_fitted)


def _unreadable(folder: Path, got: str) -> ModelError:
    return ModelError(
        "The fitted state of the lexical encoder cannot be read",
        got=f"{folder}: {got}",
        fix="Embed the snapshot again.",
    )


def normalise(text: str) -> str:
    """Compatibility forms, lower case, single spaces, and a space at both ends that marks the word border."""
    text = unicodedata.normalize("NFKC", text[:MAX_CHARACTERS]).lower()
    words = " ".join(text.split())
    return f" {words} " if words else ""


def count_grams(texts: Sequence[str]) -> sparse.csr_matrix:
    """(n, 2^18) float32 counts of the hashed character n-grams of each text; grams of spaces only are left out."""
    blocks = [_count_block([normalise(t) for t in texts[start:stop]]) for start, stop in _chunks(texts)]
    return sparse.vstack(blocks, format="csr") if blocks else sparse.csr_matrix((0, 2**HASH_BITS), dtype=np.float32)


def _count_block(texts: list[str]) -> sparse.csr_matrix:
    """All n-grams at once: one array of code points, a rolling hash, and the row of every position."""
    lengths = np.array([len(t) for t in texts], dtype=np.int64)
    points = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), dtype=np.uint32).astype(np.uint64)
    row_of = np.repeat(np.arange(len(texts)), lengths)
    left = np.repeat(np.cumsum(lengths), lengths) - np.arange(
        len(points)
    )  # characters from here to the end of the text
    rows, buckets = [], []
    state = np.zeros(len(points), dtype=np.uint64)
    is_space = points == 32
    for n in GRAMS:
        m = len(points) - n + 1
        if m <= 0:
            break
        state = (state[:m] ^ points[n - 1 :]) * _MIX
        state ^= state >> np.uint64(29)
        keep = left[:m] >= n
        if n == 1:
            keep &= ~is_space
        rows.append(row_of[:m][keep])
        buckets.append((((state[keep] + np.uint64(n)) * _MIX) >> np.uint64(64 - HASH_BITS)).astype(np.int64))
    row = np.concatenate(rows) if rows else np.empty(0, dtype=np.int64)
    bucket = np.concatenate(buckets) if buckets else np.empty(0, dtype=np.int64)
    cells, counts = np.unique((row << HASH_BITS) | bucket, return_counts=True)
    indptr = np.searchsorted(cells >> HASH_BITS, np.arange(len(texts) + 1))
    columns = (cells & (2**HASH_BITS - 1)).astype(np.int32)
    return sparse.csr_matrix((counts.astype(np.float32), columns, indptr), shape=(len(texts), 2**HASH_BITS))


def _weigh(counts: sparse.csr_matrix, used: Array, idf: Array) -> sparse.csr_matrix:
    """Rows (1 + ln tf) idf over the buckets in use, scaled to length 1."""
    place = np.full(2**HASH_BITS, -1, dtype=np.int32)
    place[used] = np.arange(len(used), dtype=np.int32)
    column = place[counts.indices]
    keep = column >= 0
    row = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))[keep]
    value = (1 + np.log(counts.data[keep])) * idf[column[keep]]
    norm = np.sqrt(np.bincount(row, weights=value.astype(np.float64) ** 2, minlength=counts.shape[0]))
    value = (value / np.where(norm > 0, norm, 1)[row]).astype(np.float32)
    indptr = np.searchsorted(row, np.arange(counts.shape[0] + 1))
    return sparse.csr_matrix((value, column[keep], indptr), shape=(counts.shape[0], len(used)))


def _right_singular_vectors(
    rows: sparse.csr_matrix, dim: int, rng: np.random.Generator, check_stop: Callable[[], None] | None
) -> Array:
    """(f, r) float32 leading right singular vectors, r = min(dim, rank), by randomised power iteration.

    Signs are fixed (the largest entry of a column is positive), so that the same rows and seed give the same bytes.
    """
    size = min(dim + 16, *rows.shape)
    transposed = rows.T.tocsr()
    basis = rng.standard_normal((rows.shape[1], size), dtype=np.float32)
    for _ in range(POWER_STEPS):
        if check_stop is not None:
            check_stop()
        basis, _ = np.linalg.qr(transposed @ (rows @ basis))
    left = rows @ basis  # (n, size); the singular values of this small-sided matrix are those of rows
    _, values, rotation = np.linalg.svd(left, full_matrices=False)
    rank = int((values > 1e-5 * max(float(values[0]), 1e-30)).sum())
    directions = (basis @ rotation.T)[:, : min(dim, rank)]
    peaks = directions[np.abs(directions).argmax(axis=0), np.arange(directions.shape[1])]
    return (directions * np.where(peaks < 0, -1, 1)).astype(np.float32)


def _chunks(texts: Sequence[str]) -> list[tuple[int, int]]:
    """Ranges of rows of at most about a million characters each."""
    ranges, start, size = [], 0, 0
    for i, text in enumerate(texts):
        size += min(len(text), MAX_CHARACTERS)
        if size >= CHUNK_CHARACTERS:
            ranges.append((start, i + 1))
            start, size = i + 1, 0
    if start < len(texts):
        ranges.append((start, len(texts)))
    return ranges
