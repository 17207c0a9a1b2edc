"""Findings as people read them: the sentence, the line of numbers, and how far beyond harmless each one lies."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from studio.records import Finding
from studio.words import has, t

# Where "no effect" lies by unit; every other unit counts from 0.
NO_EFFECT = {"ratio": 1.0, "ratio_below": 1.0, "odds_ratio": 1.0, "probability": 0.5}
RATIOS = frozenset({"ratio", "ratio_below", "odds_ratio"})
_ONE_SIDED = (".never", ".always")
_NEVER_BELOW = 1e-6  # a group that is absent has ratio 0: its logarithm must stay finite


class Ratio(float):
    """A ratio as it is written: no decimals from 100 on, one from 10 on; below, as the sentence asks.

    Example:
        >>> [f"{Ratio(value):.2f}" for value in (0.054, 8.584, 55.154, 1046.49)]
        ['0.05', '8.58', '55.2', '1,046']
    """

    def __format__(self, spec: str) -> str:
        size = abs(self)
        return format(float(self), ",.0f" if size >= 100 else ".1f" if size >= 10 else spec)


def sentence(finding: Finding, *, lang: str | None = None, safe: Callable[[str], str] = str) -> str:
    """The finding in words; `safe` makes every corpus-derived text literal where the sentence is shown.

    A value called `measure` is the words key of the measure's title.
    """
    values = {name: safe(value) if isinstance(value, str) else value for name, value in finding.values.items()}
    if isinstance(values.get("ratio"), float):
        values["ratio"] = Ratio(values["ratio"])
    title = finding.values.get("measure")
    if isinstance(title, str) and has(title):
        values["measure"] = t(title, lang=lang)
    return t(finding.key, lang=lang, **values)


def numbers(finding: Finding, *, lang: str | None = None) -> list[str]:
    """Estimate with interval and n, then q: the parts of one line."""
    values = {"estimate": finding.estimate, "n": finding.n, "low": finding.low, "high": finding.high}
    unit = finding.unit
    values |= {f"{name}_points": 100 * values[name] for name in ("estimate", "low", "high") if values[name] is not None}
    if unit in RATIOS:
        values |= {name: Ratio(values[name]) for name in ("estimate", "low", "high") if values[name] is not None}
    if finding.low is None and has(f"audit.number.{unit}_bare"):
        unit = f"{unit}_bare"
    elif finding.low is None and "{low" in t(f"audit.number.{unit}", lang=lang):
        unit = "share_bare"
    if finding.key.endswith(_ONE_SIDED) and unit in RATIOS and None not in (finding.low, finding.high):
        # a cell is empty: the estimate itself stands on half an example and would sound like a measurement
        unit = "at_least" if finding.estimate > 1 else "at_most"
    parts = [t(f"audit.number.{unit}", lang=lang, **values)]
    if finding.q is not None:
        tiny = finding.q < 0.001
        parts.append(t("audit.number.q_tiny", lang=lang) if tiny else t("audit.number.q", lang=lang, q=finding.q))
    return parts


def near_end(finding: Finding) -> float:
    """The end of the interval that lies nearest to no effect; the estimate where there is no interval.

    No effect itself where the interval holds it: such a finding shows nothing for certain.
    """
    null = NO_EFFECT.get(finding.unit, 0.0)
    if finding.low is None or finding.high is None:
        return finding.estimate
    if finding.low <= null <= finding.high:
        return null
    return finding.low if finding.low > null else finding.high


def urgency(finding: Finding) -> float:
    """How far the near end of the interval lies from no effect, in units of the size that first matters.

    Ratios: |ln near| / |ln threshold|; others: |near - null| / |threshold - null|. A finding that alarms by being too
    small (a thin topic lies below its threshold): threshold / high. 1 means that even the most harmless value of the
    interval is as large as what first matters; 0 that no effect is not excluded. Findings of different audits become
    comparable by it; it is no measure of harm.

    Returns:
        A number of at least 0; 0 without a threshold.

    Example:
        >>> doubled = Finding("a", "k", {}, 900, 2.0, 1.25, 3.1, unit="odds_ratio", threshold=1.25)
        >>> urgency(doubled)
        1.0
    """
    if finding.threshold is None:
        return 0.0
    null = NO_EFFECT.get(finding.unit, 0.0)
    near = near_end(finding)
    if finding.unit in RATIOS:
        scale = abs(math.log(max(finding.threshold, _NEVER_BELOW)))
        return abs(math.log(max(near, _NEVER_BELOW))) / scale if scale > 0 else 0.0
    if finding.alarm and null == 0 and 0 <= finding.estimate < finding.threshold:
        top = finding.estimate if finding.high is None else finding.high
        return finding.threshold / max(top, _NEVER_BELOW)
    scale = abs(finding.threshold - null)
    return abs(near - null) / scale if scale > 0 else 0.0


def by_urgency(findings: Iterable[Finding]) -> list[Finding]:
    """The findings that stand out, the one whose near end lies furthest out first; equal ones in the order given."""
    return sorted((finding for finding in findings if finding.alarm), key=lambda finding: -urgency(finding))
