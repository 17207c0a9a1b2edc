"""Diversity of labels and groups: how surprising the label or the groups of an example are."""

from __future__ import annotations

import numpy as np

from studio.records import Array, Batch, Measure


def _surprise(codes: Array) -> Array:
    """-ln(share of the own code among the known ones); NaN where the code is -1."""
    values = np.full(len(codes), np.nan)
    known = codes >= 0
    if known.any():
        counts = np.bincount(codes[known])
        values[known] = np.log(known.sum() / counts[codes[known]])
    return values


def _label_rarity(batch: Batch) -> Array:
    """Surprise of the example's label, visible or predicted; high = a rare label, wanted for variety.

    r_i = -ln(examples with the label of i / examples with any), the label being the visible one or, where there is
    none, the likeliest predicted one

    Args:
        batch: likely_labels n strings or None.

    Returns:
        (n,) float64 at least 0, in nats; NaN without a label. One label alone gives 0 everywhere.

    Source: ours; the inverse class frequency of weighted losses as a number per example.
    Limits: a prediction may be wrong, most often for rare labels; a mistaken label is rare too.
    """
    names = {name: code for code, name in enumerate(sorted({name for name in batch.likely_labels or () if name}))}
    return _surprise(np.array([names.get(name, -1) if name else -1 for name in batch.likely_labels or ()], np.int64))


def _group_rarity(batch: Batch) -> Array:
    """Mean surprise of the example's groups; high = of small groups, wanted for variety.

    r_i = mean over the group attributes with a value of -ln(examples of that group / examples with a value)

    Args:
        batch: groups (n, g) int codes, -1 = missing.

    Returns:
        (n,) float64 at least 0, in nats; NaN where every attribute is missing.

    Source: ours.
    Limits: prefers small groups by design, whatever their texts; quotas on the Select page do so openly and exactly.
    """
    codes = np.asarray(batch.groups, dtype=np.int64)
    if not codes.shape[1]:
        return np.full(len(codes), np.nan)
    values = np.column_stack([_surprise(column) for column in codes.T])
    counted = np.isfinite(values)
    sums = np.where(counted, values, 0.0).sum(axis=1)
    return np.where(counted.any(axis=1), sums / np.maximum(counted.sum(axis=1), 1), np.nan)


LABEL_RARITY = Measure(
    name="label_rarity",
    view="diversity",
    title="measure.label_rarity.title",
    needs=("likely_labels",),
    unit="nats",
    prefer="high",
    version=1,
    paper="",
    compute=_label_rarity,
    is_asked=True,
)
GROUP_RARITY = Measure(
    name="group_rarity",
    view="diversity",
    title="measure.group_rarity.title",
    needs=("groups",),
    unit="nats",
    prefer="high",
    version=1,
    paper="",
    compute=_group_rarity,
    is_asked=True,
)
