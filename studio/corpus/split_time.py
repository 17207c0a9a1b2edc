"""Splits by time: the newest examples judge what was learnt from the older ones."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from studio.corpus.splits import check_shares
from studio.errors import CorpusError
from studio.records import Array

IN_TIME: tuple[str, ...] = ("train", "pool", "validation", "test")  # from the oldest to the newest
NO_TIME = np.iinfo(np.int64).min
_DAY = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?(.*)", re.S)
_MONTH = re.compile(r"(\d{4})[-/.年](\d{1,2})月?")
_YEAR = re.compile(r"(\d{4})年?")
_SECONDS = re.compile(r"\d{9,10}(\.\d+)?")
_MILLISECONDS = re.compile(r"\d{12,13}")


def parse_times(texts: Sequence[str | None]) -> Array:
    """(n,) int64 microseconds since 1970, UTC; `NO_TIME` where the text is no date that reads one way only.

    Read are ISO 8601 and its year-first kin (2024/3/5, 2024.3.5, 2024年3月5日), years, months, and seconds or
    milliseconds since 1970. A time without zone counts as UTC. Day-first and month-first dates are not guessed at.

    Example:
        >>> (parse_times(["1970-01-01 00:00:01", "1970年1月1日", "05/06/1970"]) == [1_000_000, 0, NO_TIME]).tolist()
        [True, True, True]
    """
    found = pd.to_datetime(pd.Series([_iso(text) for text in texts], dtype=object), format="ISO8601", utc=True,
                           errors="coerce")  # fmt: skip
    stamps = found.astype("datetime64[us, UTC]")
    values = stamps.astype("int64").to_numpy().copy()
    values[found.isna().to_numpy()] = NO_TIME
    return values


def _iso(text: str | None) -> str | None:
    if not text:
        return None
    text = text.strip()
    if day := _DAY.fullmatch(text):
        year, month, date, rest = day.groups()
        return f"{year}-{int(month):02}-{int(date):02}{rest}"
    if month_only := _MONTH.fullmatch(text):
        return f"{month_only[1]}-{int(month_only[2]):02}-01"
    if year_only := _YEAR.fullmatch(text):
        return f"{year_only[1]}-01-01"
    if _SECONDS.fullmatch(text):
        return pd.Timestamp(float(text), unit="s").isoformat()
    if _MILLISECONDS.fullmatch(text):
        return pd.Timestamp(int(text), unit="ms").isoformat()
    return text if re.match(r"\d{4}-?\d{2}-?\d{2}", text) else None


def time_split(
    times: Array,
    shares: Mapping[str, float],
    *,
    cuts: Mapping[str, str] | None = None,
    train_as: str = "pool",
) -> Array:
    """(n,) split names, contiguous in time: train, pool, validation, test from the oldest to the newest.

    With shares, each border is the moment between two different times that is nearest to the wanted count, so that
    equal times are never parted. With cuts, a split starts at its moment and ends where the next one starts. Examples
    without a readable time go to the pool.

    Args:
        times: (n,) int64 from `parse_times`.
        shares: by split, summing to 1; not used with cuts.
        cuts: first moment of validation, test or both.
        train_as: with cuts, what the examples before the first cut become: pool or train.

    Raises:
        CorpusError: no readable time, one single moment, or cuts that cannot be read or run backwards.
    """
    known = np.flatnonzero(times != NO_TIME)
    if not len(known):
        raise CorpusError("No example has a time that can be read", got=f"{len(times):,} examples",
                          fix="Write times year first, such as 2024-03-05 14:30, or split another way.")  # fmt: skip
    names = np.full(len(times), "pool", dtype=object)
    if cuts:
        starts = _starts(cuts)
        names[known] = train_as
        for split, moment in starts:
            names[known[times[known] >= moment]] = split
        return names
    ordered = known[np.argsort(times[known], kind="stable")]
    values = times[ordered]
    edges = np.flatnonzero(np.r_[True, values[1:] != values[:-1], True])
    if len(edges) < 3:
        raise CorpusError("All examples have the same time", got=str(pd.Timestamp(int(values[0]), unit="us")),
                          fix="Split another way.")  # fmt: skip
    share, start, reached = check_shares(shares), 0, 0.0
    for split in IN_TIME:
        reached += share[split] * len(ordered)
        near = int(edges[np.abs(edges - reached).argmin()]) if split != IN_TIME[-1] else len(ordered)
        stop = max(start, near) if share[split] > 0 else start
        names[ordered[start:stop]] = split
        start = stop
    return names


def _starts(cuts: Mapping[str, str]) -> list[tuple[str, int]]:
    wanted = [(split, cuts[split]) for split in ("validation", "test") if cuts.get(split)]
    if not wanted or set(cuts) - {"validation", "test"}:
        raise CorpusError("A cut in time starts validation or test", got=", ".join(cuts) or "no cut",
                          fix="Give the first day of validation, of test, or of both.")  # fmt: skip
    moments = parse_times([text for _, text in wanted])
    for (_split, text), moment in zip(wanted, moments, strict=True):
        if moment == NO_TIME:
            raise CorpusError("The cut in time cannot be read", got=text, fix="Write it as 2024-03-05.")
    if len(moments) == 2 and moments[0] >= moments[1]:
        raise CorpusError("Validation must start before test", got=f"{wanted[0][1]} and {wanted[1][1]}",
                          fix="Put the start of test later.")  # fmt: skip
    return [(split, int(moment)) for (split, _), moment in zip(wanted, moments, strict=True)]
