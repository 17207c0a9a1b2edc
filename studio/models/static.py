"""The fast English encoder: one vector per token, distilled from MiniLM, averaged; for large corpora."""

from __future__ import annotations

import os
import string
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from studio.errors import ModelError
from studio.models.minilm import MiniLM, load_tokenizer, unit_rows, unknown_token_share
from studio.records import Array

SIF = 1e-3  # weight of a token = SIF / (SIF + its share); ours, chosen on banking77 and edos (docs/log.md)
FIRST_WORD_ID = 1_996  # BERT's vocabulary: ids from here on are words and pieces in order of frequency
MAX_TOKENS = 512
BATCH = 1_024


class StaticEncoder:
    """Mean of token vectors: each vocabulary token through MiniLM, PCA to 256, weighted down by frequency.

    v_t = w_t (PCA(MiniLM([CLS] t [SEP])) - mean), w_t = a / (a + p_t), a = 0.001, p_t proportional to 1 / rank (Zipf)
    in the order of the vocabulary, which is that of frequency; mean is weighted by p_t w_t. Word order is lost.

    Paper: model2vec-2024, the recipe; departs from it in a (1e-4 there), in the mean, and in the ranks: ASCII
    punctuation first, then words, then single characters.
    Paper: arora-2017, the weights.
    """

    name = "static"
    version = 1
    dim = 256
    precision = "float32"

    def __init__(self, token_vectors: Array) -> None:
        """Make the encoder from (vocabulary, 256) float32 token vectors, already weighted."""
        from model2vec import StaticModel  # light, but only workers need it

        self.token_vectors = token_vectors
        self.tokenizer = load_tokenizer()
        self.tokenizer.enable_truncation(MAX_TOKENS)
        self._model = StaticModel(token_vectors, self.tokenizer, normalize=True, max_length=MAX_TOKENS)

    @classmethod
    def distil(
        cls,
        teacher: MiniLM,
        *,
        on_progress: Callable[[int], None] | None = None,
        check_stop: Callable[[], None] | None = None,
    ) -> StaticEncoder:
        """Make the token vectors from MiniLM; about 30 s on two cores, once per machine."""
        vocabulary = teacher.tokenizer.get_vocab()
        size = max(vocabulary.values()) + 1
        cls_id, sep_id = vocabulary["[CLS]"], vocabulary["[SEP]"]
        is_special = np.zeros(size, dtype=bool)
        for token, token_id in vocabulary.items():
            is_special[token_id] = token.startswith("[") and token.endswith("]") and len(token) > 2
        real = np.flatnonzero(~is_special)
        hidden = np.zeros((len(real), teacher.dim), dtype=np.float32)
        for start in range(0, len(real), BATCH):
            if check_stop is not None:
                check_stop()
            part = real[start : start + BATCH]
            hidden[start : start + BATCH] = teacher.pool([[cls_id, int(t), sep_id] for t in part])
            if on_progress is not None:
                on_progress(min(start + BATCH, len(real)))
        share = _zipf_shares(vocabulary, real)
        weight = SIF / (SIF + share)
        scores = _principal_components(hidden, cls.dim)
        scores -= (share * weight) @ scores / (share * weight).sum()  # what every text has in common tells none apart
        vectors = np.zeros((size, cls.dim), dtype=np.float32)
        vectors[real] = scores * weight[:, None]
        return cls(vectors)

    def encode(
        self,
        texts: Sequence[str],
        *,
        on_progress: Callable[[int], None] | None = None,
        check_stop: Callable[[], None] | None = None,
    ) -> Array:
        """(n, 256) float32 unit rows; zeros for a text without a known token."""
        vectors = np.zeros((len(texts), self.dim), dtype=np.float32)
        for start in range(0, len(texts), 8 * BATCH):
            if check_stop is not None:
                check_stop()
            part = [text if text.strip() else "" for text in texts[start : start + 8 * BATCH]]
            vectors[start : start + len(part)] = self._model.encode(part, batch_size=BATCH, use_multiprocessing=False)
            if on_progress is not None:
                on_progress(start + len(part))
        return unit_rows(vectors)

    def unknown_share(self, texts: Sequence[str]) -> float:
        """Share of `[UNK]` tokens, which the encoder leaves out."""
        return unknown_token_share(self.tokenizer, texts)

    @classmethod
    def file_name(cls) -> str:
        """Name of the saved token vectors."""
        return f"static-minilm-{cls.version}.safetensors"

    def save(self, folder: Path) -> Path:
        """Write the token vectors; whole or not at all. Returns the file."""
        from safetensors.numpy import save_file

        folder.mkdir(parents=True, exist_ok=True)
        target = folder / self.file_name()
        temporary = folder / f".{self.file_name()}.{os.getpid()}.tmp"
        save_file({"token_vectors": self.token_vectors}, temporary)
        os.replace(temporary, target)
        return target

    @classmethod
    def is_saved(cls, folder: Path) -> bool:
        """True when the distilled vectors lie in the folder."""
        return (folder / cls.file_name()).is_file()

    @classmethod
    def load(cls, folder: Path) -> StaticEncoder:
        """Read the token vectors.

        Raises:
            ModelError: they are not there or damaged.
        """
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        try:
            vectors = load_file(folder / cls.file_name())["token_vectors"]
        except (OSError, KeyError, SafetensorError) as error:
            raise ModelError(
                "The fast encoder is not on this machine yet",
                got=f"{folder / cls.file_name()} ({error})",
                fix="Start the run that makes it (about 30 s), or choose another encoder.",
            ) from error
        return cls(vectors)


def _principal_components(rows: Array, dim: int) -> Array:
    """(n, dim) float32 scores on the leading principal components; signs fixed by the largest entry."""
    centred = rows.astype(np.float64) - rows.mean(axis=0, dtype=np.float64)
    values, directions = np.linalg.eigh(centred.T @ centred)
    directions = directions[:, np.argsort(-values, kind="stable")[:dim]]
    peaks = directions[np.abs(directions).argmax(axis=0), np.arange(directions.shape[1])]
    return (centred @ (directions * np.where(peaks < 0, -1, 1))).astype(np.float32)


def _zipf_shares(vocabulary: dict[str, int], ids: Array) -> Array:
    """Estimated share of each token id in text: proportional to 1 / (rank + 1), summing to 1."""
    punctuation = {vocabulary[c] for c in string.punctuation if c in vocabulary}
    group = np.array([0 if int(i) in punctuation else 1 if i >= FIRST_WORD_ID else 2 for i in ids])
    share = np.empty(len(ids), dtype=np.float64)
    share[np.lexsort((ids, group))] = 1.0 / np.arange(2, len(ids) + 2)
    return share / share.sum()
