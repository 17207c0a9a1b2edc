"""What is said before anything is found: how many examples a difference of five points would need here."""

from __future__ import annotations

import numpy as np

from studio.audits.intervals import GAP
from studio.records import Array, Finding


def power_finding(audit: str, kind: str, needed: Array, n: int, gap: float = GAP) -> Finding | None:
    """The sentence on power of one audit: what a typical test of it needs, and how many tests have that many.

    Args:
        audit: name of the audit.
        kind: what the gap is of: gap, share, order, trend or half; a key of `audit_counts.power`.
        needed: (m,) examples each of the m tests needs in all, inf where no number would do.
        n: examples there are (the effective number where copies are known).
        gap: the difference meant, in shares.

    Returns:
        A finding that never alarms, its estimate the median of `needed`; None without a test that could ever see it.
    """
    numbers = np.asarray(needed, dtype=np.float64)
    if not np.isfinite(numbers).any():
        return None
    typical = float(np.median(numbers[np.isfinite(numbers)]))
    values = {
        "needed": _rounded(typical),
        "n": int(n),
        "tests": len(numbers),
        "enough": int((numbers <= n).sum()),
        "points": round(100 * gap),
    }
    return Finding(
        audit=audit, key=f"audit_counts.power.{kind}", values=values, n=int(n), estimate=typical, unit="words"
    )


def _rounded(number: float) -> int:
    """Two figures, as "about" promises: 12,345 becomes 12,000."""
    digits = max(len(str(int(number))) - 2, 0)
    return int(round(number, -digits))
