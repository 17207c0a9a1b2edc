"""The sentence encoders: which there are, which one suits a corpus, and how to load one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from studio.errors import ModelError
from studio.models.lexical import LexicalEncoder
from studio.models.minilm import MiniLM
from studio.models.static import StaticEncoder
from studio.records import Array
from studio.settings import Settings

MINILM_UP_TO = 50_000  # ours: above this the transformer needs more than about two minutes per core
UNKNOWN_SHARE_LIMIT = 0.05  # above it the encoder reads too little of the corpus and the page warns
UNKNOWN_SAMPLE = 2_000


@dataclass(frozen=True)
class EncoderInfo:
    """What an encoder is; `title` is a words key, `languages` those it was made for (`*` = any)."""

    name: str
    version: int
    dim: int
    languages: tuple[str, ...]
    title: str
    needs_fit: bool = False

    @property
    def key(self) -> str:
        """`name@version`, the folder name of its vectors."""
        return f"{self.name}@{self.version}"


class Encoder(Protocol):
    """What every loaded encoder does: texts in, unit rows out (a row of zeros for an empty text)."""

    name: str
    version: int
    dim: int

    def encode(
        self,
        texts: Sequence[str],
        *,
        on_progress: Callable[[int], None] | None = None,
        check_stop: Callable[[], None] | None = None,
    ) -> Array:
        """(n, dim) float32."""
        ...

    def unknown_share(self, texts: Sequence[str]) -> float:
        """Share of tokens the encoder cannot read."""
        ...


ENCODERS: tuple[EncoderInfo, ...] = (
    EncoderInfo(MiniLM.name, MiniLM.version, MiniLM.dim, ("en",), "explore.encoder.minilm"),
    EncoderInfo(StaticEncoder.name, StaticEncoder.version, StaticEncoder.dim, ("en",), "explore.encoder.static"),
    EncoderInfo(
        LexicalEncoder.name, LexicalEncoder.version, LexicalEncoder.dim, ("*",), "explore.encoder.lexical", True
    ),
)


def encoder_info(name: str) -> EncoderInfo:
    """The record of an encoder by its name or its `name@version` key.

    Raises:
        ModelError: there is no such encoder.
    """
    for info in ENCODERS:
        if name in (info.name, info.key):
            return info
    raise ModelError("There is no such encoder", got=name, fix=f"Choose one of {', '.join(e.name for e in ENCODERS)}.")


def choose_encoder(language: str, n: int) -> tuple[str, str]:
    """The default encoder for a corpus and the words key of the reason.

    English up to 50,000 examples: minilm; English above: static; every other language and mixed corpora: lexical.
    """
    if language != "en":
        return LexicalEncoder.name, "explore.encoder_reason.language"
    if n > MINILM_UP_TO:
        return StaticEncoder.name, "explore.encoder_reason.large"
    return MiniLM.name, "explore.encoder_reason.english"


def load_encoder(name: str, settings: Settings, *, fitted_dir: Path | None = None) -> Encoder:
    """The encoder, ready to encode.

    Args:
        name: a name or key of `ENCODERS`.
        settings: gives the device and the cache folder.
        fitted_dir: where the fitted state of `lexical` lies (the vectors folder), or a distilled `static` encoder that
            is not in the cache yet.

    Raises:
        ModelError: unknown name, missing or damaged weights, no fitted state.
    """
    info = encoder_info(name)
    if info.name == MiniLM.name:
        return MiniLM(settings.device)
    if info.name == StaticEncoder.name:
        return StaticEncoder.load(fitted_dir or settings.workspace.cache)
    if fitted_dir is None:
        raise ModelError(
            "The lexical encoder is fitted on a snapshot",
            got="no folder",
            fix="Embed the snapshot first; its vectors folder holds the fitted state.",
        )
    return LexicalEncoder.load(fitted_dir)


def prepare_encoder(
    name: str,
    settings: Settings,
    texts: Sequence[str],
    *,
    out_dir: Path,
    seed: int = 0,
    check_stop: Callable[[], None] | None = None,
) -> Encoder:
    """The encoder for a whole snapshot: fits or distils it first where that is needed, and saves that state in out_dir.

    A lexical encoder already saved in out_dir is loaded instead of fitted again, so that a resumed run continues with
    the same numbers.
    """
    info = encoder_info(name)
    if info.name == LexicalEncoder.name:
        if not LexicalEncoder.is_saved(out_dir):
            LexicalEncoder.fit(texts, seed=seed, check_stop=check_stop).save(out_dir)
        return LexicalEncoder.load(out_dir)
    if info.name == StaticEncoder.name and not StaticEncoder.is_saved(settings.workspace.cache):
        if not StaticEncoder.is_saved(out_dir):
            StaticEncoder.distil(MiniLM(settings.device), check_stop=check_stop).save(out_dir)
        return StaticEncoder.load(out_dir)
    return load_encoder(info.name, settings)


def unknown_share(encoder: Encoder, texts: Sequence[str]) -> float:
    """Share of unknown tokens over at most 2,000 evenly spaced texts; 0 for an encoder without a vocabulary."""
    if not len(texts):
        return 0.0
    step = max(1, len(texts) // UNKNOWN_SAMPLE)
    return encoder.unknown_share(texts[::step])


def facts(encoder: Encoder, **more: Any) -> dict[str, Any]:
    """What meta.json says of the encoder."""
    return {"encoder": encoder.name, "version": encoder.version, "dim": encoder.dim} | more


def check_rows(vectors: Array) -> None:
    """Refuse vectors that hold NaN or infinity.

    Raises:
        ModelError: a row is not finite.
    """
    bad = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
    if bad.size:
        raise ModelError(
            "The encoder gave rows that are not numbers",
            got=f"{bad.size} rows, the first at position {int(bad[0])}",
            fix="Embed again on the CPU (STUDIO_DEVICE=cpu).",
        )
