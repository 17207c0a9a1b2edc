"""A character n-gram language model on arrays: Witten-Bell interpolation, exact counts, no dictionary of strings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from studio.records import Array

UNKNOWN, START, END = 0, 1, 2
_SPECIAL = 3


@dataclass(frozen=True)
class Alphabet:
    """Characters by code point (sorted) and the symbol of each; a symbol takes `bits` bits, 0 = any other character."""

    points: Array
    symbols: Array
    bits: int

    @property
    def size(self) -> int:
        """How many symbols can be predicted: the characters, the unknown one and the end."""
        return len(self.points) + 2


def make_alphabet(texts: Sequence[str], bits: int) -> Alphabet:
    """The 2^bits - 3 most frequent characters of the texts; ties fall to the lower code point."""
    points, counts = np.unique(_points("".join(texts)), return_counts=True)
    keep = np.lexsort((points, -counts))[: 2**bits - _SPECIAL]
    symbols = np.arange(len(keep), dtype=np.int64) + _SPECIAL
    order = np.argsort(points[keep])
    return Alphabet(points[keep][order], symbols[order], bits)


def _points(text: str) -> Array:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)


def encode(texts: Sequence[str], alphabet: Alphabet, order: int) -> tuple[Array, Array]:
    """All texts as one row of symbols: order - 1 starts, the characters, one end, and so on.

    Returns:
        symbols (m,) int64, and starts (n,) int64: where the first character of each text lies.
    """
    lengths = np.array([len(text) for text in texts], dtype=np.int64)
    spans = lengths + order
    ends = np.cumsum(spans)
    starts = ends - spans + order - 1
    symbols = np.full(int(ends[-1]) if len(ends) else 0, START, dtype=np.int64)
    points = _points("".join(texts))
    at = np.minimum(np.searchsorted(alphabet.points, points), max(len(alphabet.points) - 1, 0))
    if len(points):
        known = alphabet.points[at] == points if len(alphabet.points) else np.zeros(len(points), dtype=bool)
        places = np.repeat(starts - (np.cumsum(lengths) - lengths), lengths) + np.arange(len(points))
        symbols[places] = np.where(known, alphabet.symbols[at] if len(alphabet.points) else 0, UNKNOWN)
    symbols[ends - 1] = END
    return symbols, starts


def _keys(symbols: Array, places: Array, n: int, bits: int) -> Array:
    """The n symbols ending at each place, packed into one int64, the newest in the lowest bits."""
    key = np.zeros(len(places), dtype=np.int64)
    for back in range(n):
        key |= symbols[places - back] << (bits * back)
    return key


@dataclass(frozen=True)
class _Order:
    grams: Array
    gram_counts: Array
    contexts: Array
    totals: Array
    kinds: Array


@dataclass(frozen=True)
class NgramModel:
    """Counts of orders 1..N; `fit` makes one, `log_probs` reads it."""

    alphabet: Alphabet
    orders: tuple[_Order, ...]


def fit(symbols: Array, alphabet: Alphabet, order: int) -> NgramModel:
    """Count every n-gram up to `order` that ends on a character or an end."""
    places = np.flatnonzero(symbols != START)
    orders = []
    for n in range(1, order + 1):
        grams, counts = np.unique(_keys(symbols, places, n, alphabet.bits), return_counts=True)
        contexts, first = np.unique(grams >> alphabet.bits, return_index=True)
        totals = np.add.reduceat(counts, first) if len(first) else np.empty(0, dtype=np.int64)
        kinds = np.diff(np.append(first, len(grams)))
        orders.append(_Order(grams, counts, contexts, totals, kinds))
    return NgramModel(alphabet, tuple(orders))


def _look_up(keys: Array, table: Array, values: Array) -> Array:
    """values[i] where table[i] == key, else 0."""
    if not len(table):
        return np.zeros(len(keys), dtype=np.int64)
    at = np.minimum(np.searchsorted(table, keys), len(table) - 1)
    return np.where(table[at] == keys, values[at], 0)


def log_probs(model: NgramModel, symbols: Array, starts: Array) -> tuple[Array, Array]:
    """Natural log of the probability of each character and end, given what came before it.

    p_n(c | h) = (count(h c) + T(h) p_{n-1}(c | h')) / (count(h) + T(h)), with T(h) the number of different symbols
    seen after h and h' the context without its oldest symbol; p_0 = 1 / alphabet size; an unseen h leaves p_{n-1}.

    Args:
        model: from `fit`.
        symbols: from `encode`.
        starts: from `encode`.

    Returns:
        log-probabilities (m,) float64, and where each text's part begins in them (n,) int64.

    Paper: witten-bell-1991 (the estimate)
    Paper: chen-goodman-1999 (its interpolated form)
    """
    places = np.flatnonzero(symbols != START)
    p = np.full(len(places), 1.0 / model.alphabet.size)
    bits = model.alphabet.bits
    for n, counts in enumerate(model.orders, start=1):
        keys = _keys(symbols, places, n, bits)
        seen = _look_up(keys, counts.grams, counts.gram_counts)
        context = keys >> bits
        total = _look_up(context, counts.contexts, counts.totals)
        kinds = _look_up(context, counts.contexts, counts.kinds)
        p = np.where(total > 0, (seen + kinds * p) / np.maximum(total + kinds, 1), p)
    return np.log(p), np.searchsorted(places, starts)
