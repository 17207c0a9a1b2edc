"""What keeps a row out before any ranking: thresholds on measures and conditions on the example itself."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from studio.errors import SelectionError
from studio.records import Array


def best_part(raw: Array, prefer: str, percent: float) -> Array:
    """(n,) bool: the best `percent` of the defined values, all ties of the last one with them; undefined never.

    kept = ceil(percent / 100 * defined values), counted from the wanted end

    Raises:
        SelectionError: a part that is not above 0 and at most 100 percent.
    """
    if not 0.0 < percent <= 100.0:
        raise SelectionError("The best part of a measure is above 0 and at most 100 percent", got=percent,
                             fix="Choose for example 50.")  # fmt: skip
    raw = np.asarray(raw, dtype=np.float64)
    wanted = raw if prefer == "high" else -raw
    defined = np.isfinite(wanted)
    n = int(np.count_nonzero(defined))
    if not n:
        return defined
    count = min(n, int(np.ceil(round(percent * n / 100.0, 9))))
    cut = np.partition(wanted[defined], n - count)[n - count]
    return defined & (wanted >= cut)


def reaches(raw: Array, prefer: str, bound: float) -> Array:
    """(n,) bool: at least the bound where high is wanted, at most it where low is; undefined never."""
    raw = np.asarray(raw, dtype=np.float64)
    return np.isfinite(raw) & ((raw >= bound) if prefer == "high" else (raw <= bound))


def barred_by(n: int, tests: Sequence[tuple[str, Array]]) -> tuple[Array | None, tuple[str, ...]]:
    """Which test keeps each row out: the first it fails.

    Args:
        n: rows.
        tests: reason code and (n,) bool of the rows that pass, in the order in which they are told.

    Returns:
        (n,) int16, 0 = passes all, else a place in the codes, or None without tests; and the codes, "" first.
    """
    codes = ("", *(code for code, _ in tests))
    if not tests:
        return None, codes
    barred = np.zeros(n, dtype=np.int16)
    for place, (_, passes) in reversed(list(enumerate(tests, start=1))):
        barred[~np.asarray(passes, dtype=bool)] = place
    return barred, codes
