"""Near-duplicate families: MinHash with banding finds candidates, true Jaccard decides, union-find joins them."""

from __future__ import annotations

import re
import unicodedata
from array import array
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from studio.errors import CorpusError
from studio.records import Array

VERSION = 1
JACCARD = 0.7  # the field's default (text-dedup, data-juicer)
BANDS, ROWS = 32, 4  # P(candidate) at s = 0.7: 1 - (1 - 0.7^4)^32 = 0.9998; at 0.4: 0.56
BUCKET = 40  # members of a bucket compared all with all; a larger one is compared with its first and its neighbours
_CHUNK = 200_000  # candidate pairs verified at a time
_TEXTS = 50_000  # texts hashed at a time
_CJK = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u3040-\u30ff\U00020000-\U0003134f"
_UNIT = re.compile(rf"[{_CJK}]|[^\W_{_CJK}]+")
_CJK_UNIT = re.compile(rf"[{_CJK}]")
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Duplicates:
    """Families of texts that say nearly the same; row i of families and exact is text i.

    families (n,) int64: position of the family's first member; exact (n,) int64: the same for texts equal after
    Unicode NFKC, case folding and squeezing white space; pairs: frame (first, second, jaccard), first < second, of
    verified near-duplicates; n_candidates: pairs that were checked.
    """

    families: Array
    exact: Array
    pairs: pd.DataFrame
    n_candidates: int

    @property
    def rate(self) -> float:
        """1 - families / n: the share of texts that repeat an earlier one."""
        n = len(self.families)
        return 1 - len(np.unique(self.families)) / n if n else 0.0


def normalise(text: str) -> str:
    """The text without differences nobody sees: NFKC, case folded, white space squeezed."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def units(text: str) -> list[str]:
    """Words, and each Han or kana character by itself; of a text without any, its visible characters."""
    found = _UNIT.findall(text)
    return found or [char for char in text if not char.isspace()]


def shingles(text: str) -> set[tuple[str, ...]]:
    """The set whose Jaccard index compares two texts: words and pairs of words, or pairs and triples of characters.

    A text that is mostly Han or kana gives pairs and triples of characters (single characters are too common to
    compare by); any other gives words and pairs of words. One changed word of ten leaves a Jaccard index of 0.73, one
    changed character of twenty 0.76.
    """
    tokens = units(normalise(text))
    singles = {(token,) for token in tokens}
    doubles = set(zip(tokens, tokens[1:], strict=False))
    if doubles and 2 * sum(1 for token in tokens if _CJK_UNIT.match(token)) > len(tokens):
        return doubles | set(zip(tokens, tokens[1:], tokens[2:], strict=False))
    return singles | doubles


def jaccard(first: str, second: str) -> float:
    """True Jaccard index of two texts' shingle sets: |A ∩ B| / |A ∪ B|; 0 where both are empty.

    Example:
        >>> round(jaccard("please reset my password", "please reset the password"), 3)
        0.4
    """
    a, b = shingles(first), shingles(second)
    return len(a & b) / len(a | b) if a | b else 0.0


def _mix(values: Array) -> Array:
    """A fixed 64-bit scramble (the finaliser of splitmix64): equal in, equal out, on every machine."""
    x = values.astype(np.uint64)
    with np.errstate(over="ignore"):
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def _coded(texts: Sequence[str]) -> tuple[Array, Array, Array]:
    """Units as numbers: (tokens,) uint32 in order of first appearance, (n,) how many each text has, and mostly Han.

    A unit is kept as text once, not once per place: of a million texts that is the difference between 7 and 1 GiB.
    """
    number_of: defaultdict[str, int] = defaultdict(count().__next__)
    codes, lengths = array("I"), np.zeros(len(texts), dtype=np.int64)
    for i, text in enumerate(texts):
        found = units(text)
        lengths[i] = len(found)
        codes.extend(map(number_of.__getitem__, found))
    every = np.frombuffer(codes, np.uint32) if codes else np.zeros(0, np.uint32)
    is_han = np.fromiter((_CJK_UNIT.match(unit) is not None for unit in number_of), bool, len(number_of))
    before = np.concatenate([[0], np.cumsum(is_han[every], dtype=np.int64)])
    ends = np.cumsum(lengths)
    return every, lengths, 2 * (before[ends] - before[ends - lengths]) > lengths


def _shingle_matrix(texts: Sequence[str]) -> tuple[sparse.csr_matrix, Array]:
    """(n, shingles) 0/1 matrix, and a 64-bit name per shingle that is equal where the shingle is."""
    codes, lengths, is_cjk = _coded(texts)
    owner = np.repeat(np.arange(len(texts), dtype=np.int32), lengths)
    single = _mix(codes + np.uint64(1))
    del codes
    with np.errstate(over="ignore"):
        double = _mix(single[:-1] * np.uint64(0x9E3779B97F4A7C15) + single[1:])
        triple = _mix(double[:-1] * np.uint64(0xD6E8FEB86659FD93) + single[2:])
    by_characters = (is_cjk & (lengths > 1))[owner]
    lone, paired = ~by_characters, owner[:-1] == owner[1:]
    three = (owner[:-2] == owner[2:]) & by_characters[:-2]
    rows = np.concatenate([owner[lone], owner[:-1][paired], owner[:-2][three]])
    hashes = np.concatenate([single[lone], double[paired], triple[three]])
    del owner, single, double, triple, by_characters, lone, paired, three
    columns, names = pd.factorize(hashes)
    del hashes
    columns = columns.astype(np.int32)
    matrix = sparse.csr_matrix((np.ones(len(rows), np.int32), (rows, columns)), shape=(len(texts), len(names)))
    matrix.sum_duplicates()
    matrix.data[:] = 1
    return matrix, names.astype(np.uint64)


def signatures(matrix: sparse.csr_matrix, names: Array, rng: np.random.Generator, progress: Progress | None) -> Array:
    """MinHash signatures (n, 128) uint32: the least of 128 hashes of each text's shingles.

    h_p(x) = high 32 bits of (a_p x + b_p) mod 2^64 with odd a_p (multiply-shift). Texts without a shingle get the
    largest value everywhere and are left out by the caller.

    Paper: broder-1997. Paper: dietzfelbinger-1997 for the hash family.
    """
    n, n_hashes = matrix.shape[0], BANDS * ROWS
    a = rng.integers(0, 2**63, n_hashes, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    b = rng.integers(0, 2**63, n_hashes, dtype=np.uint64)
    out = np.full((n, n_hashes), np.iinfo(np.uint32).max, dtype=np.uint32)
    for start in range(0, n, _TEXTS):
        stop = min(start + _TEXTS, n)
        first, last = matrix.indptr[start], matrix.indptr[stop]
        x = names[matrix.indices[first:last]]
        filled = np.flatnonzero(np.diff(matrix.indptr[start : stop + 1]))
        if len(filled):
            starts = matrix.indptr[start:stop][filled] - first
            for p in range(n_hashes):
                with np.errstate(over="ignore"):
                    hashed = ((x * a[p] + b[p]) >> np.uint64(32)).astype(np.uint32)
                out[start + filled, p] = np.minimum.reduceat(hashed, starts)
        if progress:
            progress(stop, n)
    return out


def _candidates(signature: Array) -> Array:
    """Pairs (m, 2), first < second, that share all rows of at least one band."""
    n = len(signature)
    found = []
    for band in range(BANDS):
        part = signature[:, band * ROWS : (band + 1) * ROWS].astype(np.uint64)
        with np.errstate(over="ignore"):
            key = _mix(_mix(part[:, 0] << np.uint64(32) | part[:, 1]) + (part[:, 2] << np.uint64(32) | part[:, 3]))
        order = np.argsort(key, kind="stable")
        ordered = key[order]
        edges = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
        sizes = np.diff(np.r_[edges, n])
        place = np.arange(n) - np.repeat(edges, sizes)  # position inside the bucket
        bucket_size = np.repeat(sizes, sizes)
        # distance k apart within a bucket: k = 1 for all, up to BUCKET - 1 for the small ones
        for k in range(1, min(int(sizes.max()), BUCKET) if n else 0):
            reach = (place + k < bucket_size) & ((bucket_size <= BUCKET) | (k == 1))
            at = np.flatnonzero(reach)
            if not len(at):
                break
            found.append(np.stack([order[at], order[at + k]], axis=1))
        large = np.flatnonzero((bucket_size > BUCKET) & (place > 1))
        if len(large):
            found.append(np.stack([order[large - place[large]], order[large]], axis=1))
    if not found:
        return np.zeros((0, 2), dtype=np.int64)
    pairs = np.sort(np.concatenate(found), axis=1)
    flat = np.unique(pairs[:, 0] * np.int64(n) + pairs[:, 1])
    return np.stack([flat // n, flat % n], axis=1)


def _verified(matrix: sparse.csr_matrix, pairs: Array, threshold: float) -> pd.DataFrame:
    """The candidate pairs whose true Jaccard index reaches the threshold."""
    sizes = np.diff(matrix.indptr)
    kept = []
    for start in range(0, len(pairs), _CHUNK):
        first, second = pairs[start : start + _CHUNK].T
        # |A ∩ B| <= min(|A|, |B|): pairs whose sizes alone rule the threshold out are not multiplied
        small, large = np.minimum(sizes[first], sizes[second]), np.maximum(sizes[first], sizes[second])
        possible = small >= threshold * large - 1e-9
        first, second = first[possible], second[possible]
        both = np.asarray(matrix[first].multiply(matrix[second]).sum(1)).ravel()
        union = sizes[first] + sizes[second] - both
        index = both / np.maximum(union, 1)
        near = index >= threshold - 1e-12
        kept.append(pd.DataFrame({"first": first[near], "second": second[near], "jaccard": index[near]}))
    columns = {"first": np.zeros(0, np.int64), "second": np.zeros(0, np.int64), "jaccard": np.zeros(0)}
    return pd.concat(kept, ignore_index=True) if kept else pd.DataFrame(columns)


def _first_members(labels: Array) -> Array:
    """Component labels renamed to the position of each component's first member."""
    _, first, position = np.unique(labels, return_index=True, return_inverse=True)
    return first[position].astype(np.int64)


def find_duplicates(
    texts: Sequence[str | None],
    rng: np.random.Generator,
    threshold: float = JACCARD,
    progress: Progress | None = None,
) -> Duplicates:
    """Families of near-duplicate texts.

    Equal texts (after `normalise`) are joined first and hashed once. Distinct texts get 128 MinHash values in 32
    bands of 4; texts equal in a band are candidates; candidates with a true Jaccard index of at least `threshold` are
    near-duplicates; families are the connected components. Empty texts are equal to each other and to nothing else.

    Args:
        texts: n strings; None counts as empty.
        rng: draws the hash functions; the verified pairs hardly depend on it (each is missed with P < 0.0002 at 0.7).
        threshold: smallest Jaccard index of a near-duplicate pair, in (0, 1].
        progress: called with (texts done, texts) while hashing.

    Raises:
        CorpusError: a threshold outside (0, 1].

    Paper: broder-1997. Limits: families chain (A like B, B like C), so two members may be less alike than the
    threshold; a rewording with other words is not found here.
    """
    if not 0 < threshold <= 1:
        raise CorpusError(
            "Near-duplicates need a threshold above 0 and at most 1", got=threshold, fix="Use 0.7 unless you know why."
        )
    clean = [normalise(text) if text is not None else "" for text in texts]
    codes, distinct = pd.factorize(np.array(clean, dtype=object)) if clean else (np.zeros(0, np.int64), [])
    del clean
    exact = _first_members(codes) if len(codes) else np.zeros(0, np.int64)
    if not len(codes):
        empty = pd.DataFrame({"first": exact, "second": exact, "jaccard": np.zeros(0)})
        return Duplicates(exact, exact, empty, 0)
    matrix, names = _shingle_matrix(list(distinct))
    signature = signatures(matrix, names, rng, progress)
    filled = np.flatnonzero(np.diff(matrix.indptr))
    candidates = filled[_candidates(signature[filled])] if len(filled) else np.zeros((0, 2), np.int64)
    pairs = _verified(matrix, candidates, threshold)
    n = len(distinct)
    graph = sparse.coo_matrix((np.ones(len(pairs), np.int8), (pairs["first"], pairs["second"])), shape=(n, n))
    component = connected_components(graph, directed=False)[1]
    families = _first_members(component[codes])
    original = pd.unique(exact)  # distinct text -> its first position
    ordered = pairs.assign(first=original[pairs["first"]], second=original[pairs["second"]])
    swapped = ordered["first"] > ordered["second"]
    ordered.loc[swapped, ["first", "second"]] = ordered.loc[swapped, ["second", "first"]].to_numpy()
    ordered = ordered.sort_values(["first", "second"], ignore_index=True)
    return Duplicates(families, exact, ordered, len(candidates))
