"""Quality by fluency: how expected the characters of a text are to a language model made from the other texts."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np

from studio.measures import ngrams
from studio.records import Array, Batch, Measure

FOLDS = 5
TRAIN_CHARACTERS = 2_000_000
_CHUNK_CHARACTERS = 1_000_000
# order and bits per symbol; order * bits <= 62 keeps an n-gram in one int64
_SHAPES: dict[str, tuple[int, int]] = {"en": (5, 12), "zh": (4, 15)}
_OTHER = (4, 15)


def cleaned(text: str | None) -> str:
    """A text as the model reads it: lower case, one space between words."""
    return " ".join((text or "").split()).lower()


def _fluency(batch: Batch) -> Array:
    """Mean log-probability per character under a character n-gram model of the other texts; near 0 = fluent, wanted.

    f_i = (1 / m_i) * sum over the m_i characters of text i and its end of ln p(c | the characters before it)

    English: 5 characters, lower case; Chinese and others: 4 characters. Cross-fitted: texts are dealt to 5 folds by a
    hash of the text (equal texts share a fold), each is judged by a model of the other folds, of at most 2 million
    characters drawn by the same hash.

    Args:
        batch: texts, language.

    Returns:
        (n,) float64, at most 0, in nats per character; NaN for a blank text and where no other text is left to learn.

    Paper: witten-bell-1991.
    Limits: what is common in the corpus counts as fluent: templates score high, rare names and topics low. Short texts
        scatter more than long ones.
    """
    order, bits = _SHAPES.get(batch.language, _OTHER)
    texts = [cleaned(text) for text in batch.texts]
    values = np.full(len(texts), np.nan)
    if not texts:
        return values
    hashes = np.array([zlib.crc32(text.encode("utf-8", "surrogatepass")) for text in texts], dtype=np.int64)
    sizes = np.array([len(text) for text in texts], dtype=np.int64)
    share = min(1.0, TRAIN_CHARACTERS / max(int(sizes.sum()), 1))
    folds = hashes % FOLDS
    usable = sizes > 0
    trained = usable & ((hashes // FOLDS) / ((2**32) // FOLDS + 1) < share)
    alphabet = ngrams.make_alphabet([texts[i] for i in np.flatnonzero(trained)], bits)
    for fold in range(FOLDS):
        known = [texts[i] for i in np.flatnonzero(trained & (folds != fold))]
        rows = np.flatnonzero(usable & (folds == fold))
        if not known or not len(rows):
            continue
        model = ngrams.fit(ngrams.encode(known, alphabet, order)[0], alphabet, order)
        values[rows] = _mean_log_probs(model, [texts[i] for i in rows], sizes[rows], order)
    return values


def judged(texts: Sequence[str], known: Sequence[str], language: str) -> Array:
    """Fluency of some texts under one model of others: for comparing two versions of a text with each other.

    Args:
        texts: n texts to judge.
        known: what the model is made of, at most 2 million characters of it from the front.
        language: en or zh.

    Returns:
        (n,) float64 as `FLUENCY`; NaN for a blank text, and everywhere without a known text.
    """
    order, bits = _SHAPES.get(language, _OTHER)
    clean = [cleaned(text) for text in texts]
    learned, size = [], 0
    for text in known:
        if size >= TRAIN_CHARACTERS:
            break
        learned.append(cleaned(text))
        size += len(learned[-1])
    values = np.full(len(clean), np.nan)
    rows = np.array([i for i, text in enumerate(clean) if text], dtype=np.int64)
    if len(rows) and size:
        alphabet = ngrams.make_alphabet(learned, bits)
        model = ngrams.fit(ngrams.encode(learned, alphabet, order)[0], alphabet, order)
        sizes = np.array([len(clean[i]) for i in rows], dtype=np.int64)
        values[rows] = _mean_log_probs(model, [clean[i] for i in rows], sizes, order)
    return values


def _mean_log_probs(model: ngrams.NgramModel, texts: Sequence[str], sizes: Array, order: int) -> Array:
    """(n,) mean log-probability per character, worked in chunks so that memory stays small."""
    chunk_of = np.cumsum(sizes) // _CHUNK_CHARACTERS
    means = np.empty(len(texts))
    for chunk in np.unique(chunk_of):
        rows = np.flatnonzero(chunk_of == chunk)
        logs, begins = ngrams.log_probs(model, *ngrams.encode([texts[i] for i in rows], model.alphabet, order))
        means[rows] = np.add.reduceat(logs, begins) / (sizes[rows] + 1)
    return means


FLUENCY = Measure(
    name="fluency",
    view="quality",
    title="measure.fluency.title",
    needs=(),
    unit="nats per character",
    prefer="high",
    version=1,
    paper="witten-bell-1991",
    compute=_fluency,
)
