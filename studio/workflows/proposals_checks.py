"""Every corpus audit of a saved selection against random draws, as a proposal keeps it: sentences and their grounds."""

from __future__ import annotations

import math
from typing import Any

from studio.reports.said import Part, part
from studio.store.selections import FrozenSelection
from studio.workflows import select_rechecks
from studio.workflows.select_rechecks import Rechecked
from studio.workflows.studio import Studio

SENTENCES = 3
LABELS = "visible"  # a proposal is decided on before the hidden labels of the pool are looked at


def stored(studio: Studio, frozen: FrozenSelection) -> dict[str, Any] | None:
    """What the checks said when the proposal was made, or None where nobody ran them.

    Returns:
        said: sentences; alarms: findings of the choice alone; draws, n, n_pool, seed, computed_at, is_older.

    Raises:
        CorpusError: the snapshot is gone.
    """
    found = select_rechecks.kept_of_frozen(studio, frozen, LABELS)
    if found is None:
        return None
    facts = found.facts
    about = part("audit_draws.about_short", first=f"{facts['first']:,}", most=f"{facts['draws']:,}",
                 pool=f"{facts['n_pool']:,}", seed=int(facts["seed"]))  # fmt: skip
    older = [part("audit_draws.older")] if found.is_older else []
    return {
        "said": [*sentences(found), about, part(f"audit_draws.limits.{facts['limits']}"), *older],
        "alarms": len(found.alarms),
        "computed_at": found.computed_at.isoformat(),
        "is_older": found.is_older,
    }


def sentences(found: Rechecked) -> list[Part]:
    """How many numbers lie outside chance, the clearest of them one by one; or that none does, or that nobody knows."""
    clear, undecided = found.of("more", "less"), found.of("open")
    n = len(found.table) - len(found.of("silent"))
    if not n:
        return [part("audit_draws.nothing")]
    if len(clear):
        return [part("audit_draws.summary", n=len(clear), all=n)] + [
            part(f"audit_draws.{row.verdict}", audit=row.audit, audit_number=f"{row.audit}_{row.number}",
                 value=number(row.unit, row.value), median=number(row.unit, row.median),
                 low=number(row.unit, row.low), high=number(row.unit, row.high))
            for row in clear.head(SENTENCES).itertuples()
        ]  # fmt: skip
    if len(undecided):
        return [part("audit_draws.too_few", n=len(undecided), all=n, draws=int(undecided["draws"].max()))]
    return [part("audit_draws.fine", all=n)]


def number(unit: str, value: float) -> str:
    """A value as it is read: shares in percent, the rest to three digits; a dash for none."""
    if not math.isfinite(value):
        return "–"
    return f"{value:.1%}" if unit == "share" else f"{value:.3f}" if abs(value) < 1 else f"{value:,.1f}"
