"""How the share of each group moves over time."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from studio.audits.context import Context, compared_groups, group_column, nothing, texts_of, where, with_missing
from studio.audits.intervals import GAP, POWER, effective_n
from studio.audits.power import power_finding
from studio.records import Array, Audit, AuditResult, Finding
from studio.statistics import ALPHA, SMALL_GROUP, Z95, wilson

NAME = "trends"
CHANGE = 0.05  # ours: a share that moved by five points from the first period to the last is worth a word
MIN_PERIOD = 10  # a period with fewer examples is left out
MIN_VALUE = 10  # a value with fewer examples is not tested
MONTHS, QUARTERS = 24, 96  # ours: months up to two years, quarters up to eight, then years
FORMATS = ("%Y/%m/%d", "%Y/%m/%d %H:%M:%S", "%Y年%m月%d日", "%d.%m.%Y", "%a %b %d %H:%M:%S %z %Y", "%Y-%m", "%Y")
COLUMNS = ("attribute", "value", "period", "n", "period_n", "share", "low", "high", "change", "q", "is_small", "alarm")


def read_times(texts: pd.Series) -> pd.Series:
    """Moments (UTC) of texts; NaT where a text cannot be read as one, and where day and month cannot be told apart.

    ISO 8601, seconds or milliseconds since 1970, and FORMATS are read; 3/4/2024 only where another row shows which
    number is the day. A year 0 or before it ("-1", "0000") is how a table says "unknown", not a time.
    """
    given = texts.dropna().astype(str).str.strip()
    found = pd.to_datetime(given, format="ISO8601", errors="coerce", utc=True).dt.as_unit("us")
    digits = given[given.str.fullmatch(r"\d{10}|\d{13}")]
    for length, unit in ((10, "s"), (13, "ms")):
        own = digits[digits.str.len() == length]
        found[own.index] = pd.to_datetime(own.astype(np.int64), unit=unit, utc=True)
    for form in FORMATS:
        left = found.index[found.isna()]
        if len(left):
            found[left] = pd.to_datetime(given[left], format=form, errors="coerce", utc=True)
    left = found.index[found.isna()]
    if len(left):
        date = given[left].str.extract(r"^(\d{1,2}/\d{1,2}/\d{4})", expand=False)
        both = [pd.to_datetime(date, format=form, errors="coerce", utc=True) for form in ("%m/%d/%Y", "%d/%m/%Y")]
        readable = [int(times.notna().sum()) for times in both]
        if readable[0] != readable[1]:
            found[left] = both[int(readable[1] > readable[0])]
    found[found.dt.year < 1] = pd.NaT
    return found.reindex(texts.index)


def periods_of(times: pd.Series) -> tuple[Array, str]:
    """Period number of every moment (-1 where unknown or in a period of fewer than 10 examples), and its unit.

    Months where 99 % of the moments lie within two years, quarters up to eight years, else years; coarser where fewer
    than two periods would hold 10 examples.
    """
    known = times.notna().to_numpy()
    months = np.full(len(times), -1, dtype=np.int64)
    months[known] = (times[known].dt.year * 12 + times[known].dt.month - 1).to_numpy()
    if not known.any():
        return months, "month"
    first, last = np.quantile(months[known], [0.005, 0.995])
    span = last - first + 1
    units = (("month", 1, span <= MONTHS), ("quarter", 3, span <= QUARTERS), ("year", 12, True))
    codes, unit = months, "year"
    for name, length, fits in units:
        unit = name
        codes = np.where(known, months // length, -1)
        present, position, sizes = np.unique(codes, return_inverse=True, return_counts=True)
        codes = np.where(sizes[position] >= MIN_PERIOD, codes, -1)
        if fits and (sizes[present >= 0] >= MIN_PERIOD).sum() >= 2:
            break
    return codes, unit


def period_name(number: int, unit: str) -> str:
    """2024-03, 2024-Q1 or 2024.

    Example:
        >>> period_name(2024 * 12 + 2, "month"), period_name(2024 * 4, "quarter"), period_name(2024, "year")
        ('2024-03', '2024-Q1', '2024')
    """
    if unit == "year":
        return str(number)
    if unit == "quarter":
        return f"{number // 4}-Q{number % 4 + 1}"
    return f"{number // 12}-{number % 12 + 1:02d}"


def trend(hits: Array, totals: Array, at: Array) -> tuple[float, float, float, float]:
    """Cochran-Armitage test of a share over ordered periods, and the change of its fitted line.

    chi2 = (sum_i (t_i - tbar) x_i)² / (p (1-p) sum_i n_i (t_i - tbar)²), one degree of freedom; change = slope times
    (last - first), slope = sum (t_i - tbar) x_i / sum n_i (t_i - tbar)²; its error takes each period's own share.

    Args:
        hits: (k,) x_i, examples with the value in each period.
        totals: (k,) n_i, examples in each period.
        at: (k,) t_i, when.

    Returns:
        chi2, change, standard error of the change, and the same under no trend.

    Paper: armitage-1955; as published.

    Example:
        >>> chi2, *_ = trend([48, 38, 5, 1, 1], [17114, 14502, 793, 127, 38], [0, 0.5, 1.5, 4, 7])
        >>> round(chi2, 2)
        6.57
    """
    x, n, t = (np.asarray(values, dtype=np.float64) for values in (hits, totals, at))
    off = t - (n * t).sum() / n.sum()
    spread, p = float((n * off**2).sum()), float(x.sum() / n.sum())
    if spread <= 0:
        return 0.0, 0.0, 0.0, 0.0
    slope, length = float((off * x).sum()) / spread, float(t.max() - t.min())
    own = (x + 0.5) / (n + 1)  # a period without the value is not without spread
    error = float(np.sqrt((n * off**2 * own * (1 - own)).sum())) / spread
    null = float(np.sqrt(p * (1 - p) / spread))
    return (slope / null) ** 2 if null > 0 else 0.0, slope * length, error * length, null * length


def _attribute(attribute: str, codes: Array, names: list[str], periods: Array, unit: str, weight: float) -> list[dict]:
    """One entry per value with its shares by period and its trend."""
    present, position = np.unique(periods, return_inverse=True)
    totals = np.bincount(position).astype(np.float64)
    found = []
    for code, name in enumerate(names):
        hits = np.bincount(position[codes == code], minlength=len(present)).astype(np.float64)
        chi2, change, error, null = trend(hits, totals, present)
        is_tested = MIN_VALUE <= hits.sum() < totals.sum()
        scale = 1 / np.sqrt(weight)  # copies: intervals and tests as wide as the effective n makes them
        low, high = wilson(hits * weight, totals * weight)
        rows = pd.DataFrame(
            {
                "attribute": attribute,
                "value": name,
                "period": [period_name(int(number), unit) for number in present],
                "n": hits.astype(int),
                "period_n": totals.astype(int),
                "share": hits / totals,
                "low": low,
                "high": high,
                "change": change,
                "is_small": hits.sum() < SMALL_GROUP,
            }
        )
        found.append(
            {
                "attribute": attribute,
                "value": name,
                "n": int(totals.sum()),
                "p": float(stats.chi2.sf(chi2 * weight, 1)) if is_tested else np.nan,
                "change": change,
                "error": error * scale,
                "null": null * scale,
                "rows": rows,
                "first": float(np.clip((hits.sum() / totals.sum()) - change * _before(present, totals), 0, 1)),
            }
        )
    if len(found) == 2:  # what one of two values gains the other loses: one test
        found[1]["p"] = np.nan
    return found


def _before(at: Array, totals: Array) -> float:
    """Which part of the way from the first period to the last lies before the mean moment."""
    return float(((at * totals).sum() / totals.sum() - at.min()) / max(at.max() - at.min(), 1))


def _finding(series: dict, q: float, smallest: float) -> Finding:
    rows = series["rows"]
    change, error = series["change"], series["error"]
    missing = "missing_" if series["value"] == "" else ""
    values = {
        "attribute": series["attribute"],
        "value": series["value"],
        "first": series["first"],
        "last": float(np.clip(series["first"] + change, 0.0, 1.0)),
        "points": abs(100 * change),
        "start": rows.period.iloc[0],
        "end": rows.period.iloc[-1],
        "periods": len(rows),
    }
    return Finding(
        audit=NAME,
        key=f"audit_counts.trends.{missing}{'rises' if change > 0 else 'falls'}",
        values=values,
        n=series["n"],
        estimate=change,
        low=change - Z95 * error,
        high=change + Z95 * error,
        unit="change",
        p=series["p"],
        q=q,
        threshold=CHANGE,
        smallest_effect=smallest,
        alarm=True,
        examples=(where(group_column(series["attribute"]), series["value"]),),
    )


def _summary(attribute: str, found: list[dict], unit: str) -> Finding:
    widest = max(found, key=lambda series: abs(series["change"]))
    rows, tested = widest["rows"], [series for series in found if np.isfinite(series["p"])]
    values = {
        "attribute": attribute,
        "value": widest["value"],
        "points": abs(100 * widest["change"]),
        "start": rows.period.iloc[0],
        "end": rows.period.iloc[-1],
        "periods": len(rows),
        "alarms": sum(series["alarm"] for series in found),
        "values": len(found),
        "smallest": 100 * float(np.median([series["smallest"] for series in tested])) if tested else 100.0,
    }
    kind = "some" if values["alarms"] else ("none" if tested else "untested")
    return Finding(
        audit=NAME,
        key=f"audit_counts.trends.{kind}_{unit}",
        values=values,
        n=widest["n"],
        estimate=widest["change"],
        low=widest["change"] - Z95 * widest["error"],
        high=widest["change"] + Z95 * widest["error"],
        unit="change",
        smallest_effect=values["smallest"] / 100,
        threshold=CHANGE,
    )


def _unread(n: int, total: int, kind: str) -> Finding:
    low, high = (float(x) for x in wilson(n, total))
    values = {"n": n, "total": total, "share": n / total, "least": MIN_PERIOD}
    clause = (where("time", ""),) if kind == "timeless" else ()
    return Finding(audit=NAME, key=f"audit_counts.trends.{kind}", values=values, n=total, estimate=n / total, low=low,
                   high=high, unit="share", examples=clause)  # fmt: skip


def _compute(frame: pd.DataFrame, context: Context) -> AuditResult:
    """Shares of every group value by month, quarter or year, and whether they rise or fall.

    Per value: Cochran-Armitage test over the periods and the change of the fitted line from the first period to the
    last; with copies both are as unsure as the effective n makes them. Missing values are a category of their own.
    Periods with fewer than 10 examples are left out. An alarm needs q < 0.05 over all values of all attributes and a
    change above five points.

    Args:
        frame: `time` and a column `group_<name>` per attribute.
        context: groups, families.

    Returns:
        Findings: alarms by size, one per attribute, and how many examples have no readable time; table COLUMNS, one
        row per value and period.

    Paper: armitage-1955, wilson-1927.
    Limits: a share that goes up and comes down again has no trend; look at the picture.
    """
    if not context.groups:
        return nothing(NAME, "audit.note.no_groups", COLUMNS)
    texts = texts_of(frame, "time").reset_index(drop=True)
    given = texts.notna().to_numpy()
    if not given.any():
        return nothing(NAME, "audit_counts.note.no_time", COLUMNS)
    times = read_times(texts)
    periods, unit = periods_of(times)
    unread, thin = int((given & times.isna().to_numpy()).sum()), int((times.notna().to_numpy() & (periods < 0)).sum())
    counts = {"timeless": int((~given).sum()), "unread": unread, "thin": thin}
    said = [_unread(n, len(frame), kind) for kind, n in counts.items() if n]
    groups, left_out = compared_groups(frame, context)
    inside = periods >= 0
    if len(np.unique(periods[inside])) < 2:
        return AuditResult(NAME, tuple(said), pd.DataFrame(columns=list(COLUMNS)), ("audit_counts.note.one_period",))
    weight = effective_n(context.families, len(frame)) / len(frame)
    found = []
    for attribute, (codes, names) in groups.items():
        codes, names = with_missing(codes[inside], names)
        if len(names) > 1:
            found += _attribute(attribute, codes, names, periods[inside], unit, weight)
    if not found:
        note = left_out[0] if left_out else "audit.note.no_group_values"
        return AuditResult(NAME, tuple(said), pd.DataFrame(columns=list(COLUMNS)), (note,))
    return _result(found, said, unit, context, left_out)


def _result(found: list[dict], said: list[Finding], unit: str, context: Context, notes: tuple[str, ...]) -> AuditResult:
    p = np.array([series["p"] for series in found])
    q, level = context.corrected(p), context.level_of_one_among(int(np.isfinite(p).sum()))
    needed_z = stats.norm.isf(level / 2) + stats.norm.ppf(POWER)
    for series, one in zip(found, q, strict=True):
        series["smallest"] = min(needed_z * series["null"], 1.0)
        series["q"], series["alarm"] = float(one), bool(one < ALPHA and abs(series["change"]) > CHANGE)
    alarms = sorted((series for series in found if series["alarm"]), key=lambda series: -abs(series["change"]))
    findings = [_finding(series, series["q"], series["smallest"]) for series in alarms]
    tested = [series for series in found if np.isfinite(series["p"])]
    needed = np.array([series["n"] * (needed_z * series["null"] / GAP) ** 2 for series in tested])
    power = power_finding(NAME, "trend", needed, found[0]["n"]) if tested else None
    findings += [power] if power else []
    for attribute in dict.fromkeys(series["attribute"] for series in found):
        findings.append(_summary(attribute, [series for series in found if series["attribute"] == attribute], unit))
    table = pd.concat([s["rows"].assign(q=s["q"], alarm=s["alarm"]) for s in found], ignore_index=True)
    return AuditResult(NAME, tuple(findings + said), table[list(COLUMNS)], notes)


TRENDS = Audit(name=NAME, title="audit.title.trends", needs=("groups",), paper="armitage-1955", compute=_compute)
