"""What a map costs before it is made: memory and time from numbers measured on two cores (docs/log.md)."""

from __future__ import annotations

from dataclasses import dataclass

from studio.mapping.neighbours import EXACT_UP_TO, N_PROBES
from studio.mapping.project import LANDMARK_ABOVE, MapParams

MIB = 1024**2
PREVIEW_ABOVE = 30_000  # ours: smaller maps are there before a preview would have been looked at
PREVIEW_LANDMARKS = 5_000  # ours: as trustworthy as 10,000 on what we measured, in half the time (docs/log.md)
EMBED_BASE = 900 * MIB  # a process with an encoder loaded
MAP_BASE = 500 * MIB  # a process with the layout compiled
TEXT_BYTES = 250  # a short text as an object of the language; long ones are added by their characters
GRAPH_BYTES = 100  # of one edge of the k-NN graph while clusters are sought
PRODUCTS_PER_S = 3.0e7  # similarities of 384 numbers, exact search, per core
CELL_PRODUCTS_PER_S = 2.5e7  # the same through cells
LAYOUT_ROWS_PER_S = 2_300  # rows laid out in full, one core
CLUSTER_ROWS_PER_S = 30_000  # rows clustered five times, one core


@dataclass(frozen=True)
class Need:
    """Memory at the peak, in bytes, and time in seconds."""

    peak_bytes: int
    seconds: float


def embed_need(n: int, dim: int, k: int, *, characters: float, encode_s: float, cores: int) -> Need:
    """What embedding and the k-NN graph need.

    Args:
        n: rows.
        dim: numbers per vector.
        k: neighbours stored.
        characters: mean length of a text.
        encode_s: seconds the encoder takes, estimated by whoever knows it.
        cores: of the machine.
    """
    rows = n * (TEXT_BYTES + 2 * characters + 4 * dim + 16 * k)
    probes = n * N_PROBES * 24 if n > EXACT_UP_TO else 0
    scale = dim / 384
    if n <= EXACT_UP_TO:
        search = n * n * scale / (PRODUCTS_PER_S * cores)
    else:
        search = n * N_PROBES * n**0.5 * scale / (CELL_PRODUCTS_PER_S * cores)
    return Need(int(EMBED_BASE + rows + probes), 5 + encode_s + search)


def map_need(n: int, dim: int, k: int, *, characters: float = 100.0) -> Need:
    """What clusters, words and layout need, from stored vectors and neighbours.

    Args:
        n: rows.
        dim: numbers per vector.
        k: neighbours stored.
        characters: mean length of a text.
    """
    laid_out = n if n <= LANDMARK_ABOVE else MapParams().landmarks
    copied = min(n, 500_000) * dim * 4
    peak = MAP_BASE + n * (TEXT_BYTES + 2 * characters + GRAPH_BYTES * k) + copied
    seconds = 12 + n / CLUSTER_ROWS_PER_S + laid_out / LAYOUT_ROWS_PER_S + max(n - LANDMARK_ABOVE, 0) / 8_000
    return Need(int(peak), seconds)
