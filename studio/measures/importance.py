"""Relevance without an encoder: how much likelier the words of an example are in the targets than in the corpus."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np

from studio.errors import MeasureError
from studio.records import Array, Batch, Measure
from studio.tokenise import units

BUCKETS = 10_000
EPSILON = 1e-8
_CHUNK_TOKENS = 4_000_000
_MIX = np.uint64(0x9E3779B97F4A7C15)


def _hashed(texts: Sequence[str]) -> tuple[Array, Array]:
    """A 32-bit hash per token of all texts in a row (m,), and the number of tokens of each text (n,)."""
    known: dict[str, int] = {}
    found: list[int] = []
    lengths = np.zeros(len(texts), dtype=np.int64)
    for i, text in enumerate(texts):
        tokens = units(text or "")
        lengths[i] = len(tokens)
        for token in tokens:
            code = known.get(token)
            if code is None:
                code = known[token] = zlib.crc32(token.encode("utf-8", "surrogatepass"))
            found.append(code)
    return np.array(found, dtype=np.uint64), lengths


def _buckets(tokens: Array, lengths: Array) -> tuple[Array, Array]:
    """Bucket of every token and every pair of neighbouring tokens, and the text (0..n-1) each belongs to."""
    text_of = np.repeat(np.arange(len(lengths)), lengths)
    inside = text_of[1:] == text_of[:-1]
    mixed = (tokens[:-1] * _MIX) ^ (tokens[1:] + _MIX)  # wraps around at 64 bits
    mixed ^= mixed >> np.uint64(29)
    pairs = (mixed % np.uint64(BUCKETS))[inside]
    singles = tokens % np.uint64(BUCKETS)
    return np.concatenate([singles, pairs]).astype(np.int64), np.concatenate([text_of, text_of[1:][inside]])


def _chunks(tokens: Array, lengths: Array) -> list[tuple[slice, slice]]:
    """Slices of texts, each with its slice of tokens, so that little memory is held at once."""
    ends = np.cumsum(lengths)
    made, first, begin = [], 0, 0
    while first < len(lengths):
        last = max(first + 1, int(np.searchsorted(ends, begin + _CHUNK_TOKENS, side="right")))
        end = int(ends[last - 1])
        made.append((slice(first, last), slice(begin, end)))
        first, begin = last, end
    return made


def _shares(tokens: Array, lengths: Array) -> Array:
    """(BUCKETS,) share of each bucket among all n-grams; zeros without any."""
    counts = np.zeros(BUCKETS)
    for of_texts, of_tokens in _chunks(tokens, lengths):
        counts += np.bincount(_buckets(tokens[of_tokens], lengths[of_texts])[0], minlength=BUCKETS)
    return counts / max(counts.sum(), 1.0)


def _ngram_importance(batch: Batch) -> Array:
    """Log of how much likelier the n-grams of a text are in the targets than in the corpus, per token; high is wanted.

    r_i = (1 / m_i) * sum over the n-grams g of text i of (ln(p_target(g) + 1e-8) - ln(p_corpus(g) + 1e-8)), with m_i
    its tokens, g its tokens and pairs of neighbouring tokens in 10,000 hashed buckets, p the share of a bucket among
    all n-grams. Tokens are lower-case words, and single characters in Chinese and Japanese.

    Args:
        batch: texts; target_texts.

    Returns:
        (n,) float64 in nats per token; NaN for a text without a word.

    Raises:
        MeasureError: the targets hold no word.

    Paper: dsir-2023; divided by the number of tokens, since the sum grows with length; no shortest length; a fast hash
        instead of sha256; single words and numbers only, without punctuation marks.
    Limits: looks at words, not at meaning. With few target texts it counts mostly how many words are also in them.
    """
    target_tokens, target_lengths = _hashed(batch.target_texts or ())
    if not len(target_tokens):
        raise MeasureError(
            "The targets hold no words", got=f"{len(target_lengths)} texts", fix="Describe the goal in a few words."
        )
    tokens, lengths = _hashed(batch.texts)
    log_ratio = np.log(_shares(target_tokens, target_lengths) + EPSILON) - np.log(_shares(tokens, lengths) + EPSILON)
    values = np.full(len(lengths), np.nan)
    for of_texts, of_tokens in _chunks(tokens, lengths):
        own = lengths[of_texts]
        buckets, text_of = _buckets(tokens[of_tokens], own)
        sums = np.bincount(text_of, weights=log_ratio[buckets], minlength=len(own))
        values[of_texts] = np.where(own > 0, sums / np.maximum(own, 1), np.nan)
    return values


NGRAM_IMPORTANCE = Measure(
    name="ngram_importance",
    view="relevance",
    title="measure.ngram_importance.title",
    needs=("target_texts",),
    unit="nats per token",
    prefer="high",
    version=1,
    paper="dsir-2023",
    compute=_ngram_importance,
    is_asked=True,
)
