"""How well the texts compress, how often they say each other's phrases, and how many are copies."""

from __future__ import annotations

import zlib
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from studio.diversity.record import MOST, DiversityMeasure, Number, undefined

if TYPE_CHECKING:
    from studio.diversity.rows import Rows

LEVEL = 6  # zlib's own default
_RAW = -15  # no header, no checksum, largest window: the bytes of the compressed text alone
_PIECE = 4_000  # texts compressed at a time


def _compression(rows: Rows) -> Number:
    """Bytes of the texts over bytes compressed (raw deflate, level 6); higher is more repetitive.

    The texts stand one per line in the order of a hash of each, so that the order of the examples does not matter and
    equal texts meet. `diversity` 0.3.0 compresses twice and counts a file header, so its ratio is smaller.

    Paper: compression-ratio-2024; without header and double compression, hashed order.
    Limits: sees repetition within 32 KB only; depends a little on the build of zlib, so compare on one machine.
    """
    if rows.n == 0:
        return undefined("no_examples")
    packer = zlib.compressobj(LEVEL, zlib.DEFLATED, _RAW)
    before, after = 0, 0
    places = np.argsort(rows.order, kind="stable").tolist()
    for start in range(0, rows.n, _PIECE):
        part = "".join(f"{rows.texts[i]}\n" for i in places[start : start + _PIECE]).encode("utf-8", "surrogatepass")
        before += len(part)
        after += len(packer.compress(part))
    after += len(packer.flush())
    if before == rows.n:  # nothing but line ends
        return undefined("no_texts")
    return Number(before / after, values={"before": before, "after": after})


def _self_repetition(rows: Rows) -> Number:
    """Mean over texts of ln(1 + sum over its different 4-grams of how many other texts hold it); higher repeats more.

    Over words, or characters in scripts without spaces; a text under four of them counts 0.

    Paper: self-repetition-2022; as published.
    Limits: grows with the size of the set; characters give more than words.
    """
    if rows.n == 0:
        return undefined("no_examples")
    if not len(rows.fours.codes):
        return undefined("short_texts")
    others = rows.fours.counts()[rows.fours.codes] - 1
    sums = np.concatenate([[0], np.cumsum(others)])
    per_text = sums[rows.fours.starts[1:]] - sums[rows.fours.starts[:-1]]
    return Number(float(np.log1p(per_text).mean()), values={"repeating": int((per_text > 0).sum()), "n": rows.n})


def _copies(rows: Rows, name: str) -> Number:
    """Share of examples that repeat another: 1 - different / n, by equal text or by family of near copies.

    Paper: broder-1997 for the families of near copies.
    Limits: near copies by shared words or characters (Jaccard 0.7); a family in part counts by its part.
    """
    codes = getattr(rows, name)
    if not len(codes):
        return undefined("no_examples")
    different = len(np.unique(codes))
    return Number(1 - different / len(codes), values={"repeats": len(codes) - different, "n": len(codes)})


COMPRESSION = DiversityMeasure("compression", "repetition", "diversity.name.compression", ("texts", "order"), "ratio",
                               "repeated", True, MOST, 1, "compression-ratio-2024", _compression)  # fmt: skip
SELF_REPETITION = DiversityMeasure("self_repetition", "repetition", "diversity.name.self_repetition", ("fours",), "log",
                                   "repeated", True, MOST, 1, "self-repetition-2022", _self_repetition)  # fmt: skip
REPEATS = DiversityMeasure("repeats", "repetition", "diversity.name.repeats", ("exact",), "share", "repeated", True,
                           MOST, 1, "", partial(_copies, name="exact"))  # fmt: skip
NEAR_COPIES = DiversityMeasure("near_copies", "repetition", "diversity.name.near_copies", ("families",), "share",
                               "repeated", True, MOST, 1, "broder-1997", partial(_copies, name="families"))  # fmt: skip
