"""Whom a trained model's errors fall on: equalized odds between groups, and the areas by identity group and term.

Not one of the audits of a corpus: it looks at held-out predictions of a round.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from studio.audits.intervals import difference_interval
from studio.records import Array
from studio.statistics import ALPHA, SMALL_GROUP, chance_of_more, corrected_q

FEWEST = 10  # ours: examples with (or without) a label a group needs before a rate or an area of it is told
DRAWS = 1_999  # groups dealt anew among examples of the same truth
DIFFERENCE = 0.10  # ours: ten points between two groups' rates are worth a word
GAP = 0.05  # ours: an area this far below that of the other texts is worth a word
ODDS_COLUMNS = ("attribute", "label", "rate", "highest", "high_k", "high_n", "high_rate", "lowest", "low_k", "low_n",
                "low_rate", "difference", "low", "high", "other_difference", "groups", "p", "q", "is_small",
                "alarm")  # fmt: skip
AREAS = ("subgroup", "bpsn", "bnsp", "background")
AREA_COLUMNS = ("kind", "axis", "name", "label", "n", "positives", "negatives", "rest_positives", "rest_negatives",
                *(f"{name}{end}" for name in AREAS for end in ("", "_low", "_high")), "q_wrong", "q_missed", "wrong",
                "missed", "is_small", "alarm")  # fmt: skip
Subgroup = tuple[str, str, str]  # kind (value, group or term), axis or attribute, name


@dataclass(frozen=True)
class Held:
    """Held-out examples with what the model said; row i of everything is the same example.

    truth: n labels, also such as the model never saw; labels: c names of the columns of probs (n, c). attributes: name
    -> codes (n,) with -1 for missing and the values they stand for. subgroups: (kind, axis, name) -> (n,) mask.
    """

    truth: Sequence[str]
    labels: Sequence[str]
    probs: Array
    attributes: Mapping[str, tuple[Array, Sequence[str]]] = field(default_factory=dict)
    subgroups: Mapping[Subgroup, Array] = field(default_factory=dict)


@dataclass(frozen=True)
class Errors:
    """Both tables, what is worth a word first, and how many examples they rest on."""

    odds: pd.DataFrame
    areas: pd.DataFrame
    n: int


def errors_of(held: Held, seed: int = 0) -> Errors:
    """Both tables of one round's held-out predictions.

    Args:
        held: labels, probabilities, groups and subgroups.
        seed: of the groups dealt anew.
    """
    return Errors(odds_table(held, np.random.default_rng(seed)), area_table(held), len(held.truth))


# --- equalized odds ---------------------------------------------------------------------------------------------------
def equalized_odds(hits: Array, positives: Array, wrong: Array, negatives: Array) -> float:
    """The larger of two ranges over groups: of the true positive rate and of the false positive rate.

    max(max TPR - min TPR, max FPR - min FPR); a group without positives (negatives) counts in no range of that rate.

    Args:
        hits: (g,) examples of each group that have the label and got it; positives: (g,) that have it.
        positives: see hits.
        wrong: (g,) that got it without having it; negatives: (g,) that do not have it.
        negatives: see wrong.

    Paper: equal-opportunity-2016; the worst case of the two, as in fairlearn.

    Example:
        >>> equalized_odds(np.array([2, 3]), np.array([4, 4]), np.array([1, 0]), np.array([2, 2]))
        0.5
    """
    return max(_range(hits, positives), _range(wrong, negatives))


def _range(counts: Array, totals: Array) -> float:
    there = np.asarray(totals) > 0
    if there.sum() < 2:
        return 0.0
    rates = np.asarray(counts, np.float64)[there] / np.asarray(totals, np.float64)[there]
    return float(rates.max() - rates.min())


def dealt_p(
    hits: Array, positives: Array, wrong: Array, negatives: Array, rng: np.random.Generator, draws: int = DRAWS
) -> float:
    """How often groups dealt anew among examples of the same truth lie as far apart: (1 + hits) / (1 + draws).

    Dealing leaves the sizes of the groups and the number of right and wrong answers: the counts are multivariate
    hypergeometric. The p counts that the groups furthest apart, and the worse of two rates, were picked by looking.
    """
    observed = equalized_odds(hits, positives, wrong, negatives)
    far = np.zeros(draws)
    for counts, totals in ((hits, positives), (wrong, negatives)):
        totals = np.asarray(totals, np.int64)
        there = totals > 0
        if there.sum() < 2:
            continue
        drawn = rng.multivariate_hypergeometric(totals[there], int(np.sum(counts)), size=draws, method="marginals")
        rates = drawn / totals[there]
        far = np.maximum(far, rates.max(1) - rates.min(1))
    return (1 + int((far >= observed - 1e-12).sum())) / (1 + draws)


def odds_table(held: Held, rng: np.random.Generator) -> pd.DataFrame:
    """One row per attribute and label: the rate that differs more, in the two groups furthest apart, and its interval.

    `rate`: found (of the examples with the label, how many get it) or wrong (of those without, how many get it).
    difference is the equalized odds difference; low, high Newcombe's interval of the two groups shown at level 0.05 /
    pairs of groups. Groups with fewer than 10 examples are left out of that rate. Of two labels that exclude one
    another the rarer is told. An alarm needs q < 0.05 over all rows and ten points.

    Paper: equal-opportunity-2016, newcombe-1998.
    """
    truth = np.asarray(held.truth, dtype=object)
    said = np.asarray(held.labels, dtype=object)[held.probs.argmax(1)] if len(truth) else truth
    rows = []
    for attribute, (codes, names) in held.attributes.items():
        for label in _told(truth, held.labels):
            row = _odds_row(attribute, label, np.asarray(codes), list(names), truth == label, said == label, rng)
            if row is not None:
                rows.append(row)
    table = pd.DataFrame(rows, columns=[name for name in ODDS_COLUMNS if name not in ("q", "alarm")])
    table["q"] = corrected_q(table["p"].to_numpy(float)) if len(table) else np.array([])
    table["alarm"] = (table["q"] < ALPHA) & (table["difference"] >= DIFFERENCE)
    order = table.assign(size=-table["difference"]).sort_values(["alarm", "size", "attribute", "label"],
                                                                ascending=[False, True, True, True])  # fmt: skip
    return order[list(ODDS_COLUMNS)].reset_index(drop=True)


def _told(truth: Array, labels: Sequence[str]) -> list[str]:
    """The labels to tell of: all, or the rarer one of two, which says everything about both."""
    if len(labels) != 2 or not set(truth.tolist()) <= set(labels):
        return list(labels)
    first, second = ((truth == label).sum() for label in labels)
    return [labels[0] if first < second else labels[1]]


def _odds_row(
    attribute: str, label: str, codes: Array, names: list[str], is_true: Array, is_said: Array, rng: np.random.Generator
) -> dict | None:
    def per_group(mask: Array) -> Array:
        return np.bincount(codes[mask & (codes >= 0)], minlength=len(names))

    counts = {"found": (per_group(is_true & is_said), per_group(is_true)),
              "wrong": (per_group(~is_true & is_said), per_group(~is_true))}  # fmt: skip
    enough = {rate: np.where(totals >= FEWEST, totals, 0) for rate, (_, totals) in counts.items()}
    able = [rate for rate, totals in enough.items() if (totals > 0).sum() >= 2]
    if not able:
        return None
    kept = {rate: (np.where(enough[rate] > 0, counts[rate][0], 0), enough[rate]) for rate in counts}
    gaps = {rate: _range(*kept[rate]) for rate in able}
    rate = max(able, key=lambda name: gaps[name])
    k, n = kept[rate]
    shares = np.where(n > 0, k / np.maximum(n, 1), np.nan)
    top, bottom = int(np.nanargmax(shares)), int(np.nanargmin(shares))
    if top == bottom:
        top, bottom = np.flatnonzero(n > 0)[:2].tolist()
    groups = int((n > 0).sum())
    low, high = difference_interval(k[top], n[top], k[bottom], n[bottom], ALPHA / (groups * (groups - 1) // 2))
    other = [gap for name, gap in gaps.items() if name != rate]
    return {
        "attribute": attribute, "label": label, "rate": rate, "highest": names[top], "high_k": int(k[top]),
        "high_n": int(n[top]), "high_rate": float(shares[top]), "lowest": names[bottom], "low_k": int(k[bottom]),
        "low_n": int(n[bottom]), "low_rate": float(shares[bottom]), "difference": gaps[rate],
        "low": max(-1.0, min(float(low), gaps[rate])), "high": min(1.0, max(float(high), gaps[rate])),
        "other_difference": other[0] if other else np.nan, "groups": groups,
        "p": dealt_p(*kept["found"], *kept["wrong"], rng), "is_small": bool(min(n[top], n[bottom]) < SMALL_GROUP),
    }  # fmt: skip


# --- areas ------------------------------------------------------------------------------------------------------------
def area(positives: Array, negatives: Array) -> tuple[float, float, float, float]:
    """The area under the curve of scores with the label against scores without: value, 95 % interval, Mann-Whitney p.

    All NaN where a side has fewer than 10 scores.
    """
    if min(len(positives), len(negatives)) < FEWEST:
        return np.nan, np.nan, np.nan, np.nan
    return _area(positives, negatives)


def _area(positives: Array, negatives: Array) -> tuple[float, float, float, float]:
    levels, place = np.unique(np.concatenate([positives, negatives]), return_inverse=True)
    inside = np.bincount(place[: len(positives)], minlength=len(levels))
    return chance_of_more(inside, np.bincount(place[len(positives) :], minlength=len(levels)))


def sides(scores: Array, is_true: Array, inside: Array) -> dict[str, tuple[Array, Array]]:
    """The scores with and without the label that each of the four areas compares.

    subgroup: both from the subgroup. bpsn: positives of the others, negatives of the subgroup: low where the model
    thinks too highly of the subgroup's negatives. bnsp: negatives of the others, positives of the subgroup: low where
    it overlooks the subgroup's positives. background: both from the others.

    Paper: borkan-2019, nuanced metrics for unintended bias; as published.
    """
    own, rest = scores[inside & is_true], scores[~inside & is_true]
    own_not, rest_not = scores[inside & ~is_true], scores[~inside & ~is_true]
    return {"subgroup": (own, own_not), "bpsn": (rest, own_not), "bnsp": (own, rest_not),
            "background": (rest, rest_not)}  # fmt: skip


def area_table(held: Held) -> pd.DataFrame:
    """One row per subgroup and label with at least one of the three areas, each with DeLong's interval.

    q_wrong and q_missed: Mann-Whitney tests of the subgroup's negatives (positives) against those of the others,
    corrected over all rows. `wrong`: bpsn lies 0.05 or more below the background with q_wrong < 0.05; `missed` the same
    of bnsp. Areas with fewer than 10 examples on a side are NaN.

    Paper: borkan-2019, delong-1988, mann-whitney-1947.
    """
    truth = np.asarray(held.truth, dtype=object)
    rows = []
    for (kind, axis, name), mask in held.subgroups.items():
        for label in _told(truth, held.labels):
            scores = held.probs[:, list(held.labels).index(label)]
            row = _area_row(np.asarray(scores, np.float64), truth == label, np.asarray(mask, bool))
            if row is not None:
                rows.append({"kind": kind, "axis": axis, "name": name, "label": label} | row)
    columns = [name for name in AREA_COLUMNS if name not in ("q_wrong", "q_missed", "wrong", "missed", "alarm")]
    table = pd.DataFrame(rows, columns=[*columns, "p_wrong", "p_missed"])
    both = corrected_q(np.concatenate([table["p_wrong"], table["p_missed"]]).astype(np.float64))
    table["q_wrong"], table["q_missed"] = both[: len(table)], both[len(table) :]
    for side, name in (("wrong", "bpsn"), ("missed", "bnsp")):
        below = table["background"].astype(float) - table[name].astype(float)
        table[side] = (table[f"q_{side}"] < ALPHA) & (below >= GAP)
    table["alarm"] = table["wrong"] | table["missed"]
    lowest = table[["bpsn", "bnsp", "subgroup"]].astype(float).min(axis=1)
    ordered = table.assign(least=lowest).sort_values(["alarm", "least", "kind", "axis", "name", "label"],
                                                     ascending=[False, True, True, True, True, True])  # fmt: skip
    return ordered[list(AREA_COLUMNS)].reset_index(drop=True)


def _area_row(scores: Array, is_true: Array, inside: Array) -> dict | None:
    compared = sides(scores, is_true, inside)
    found = {name: area(*pair) for name, pair in compared.items()}
    if np.isnan([found[name][0] for name in ("subgroup", "bpsn", "bnsp")]).all():
        return None
    own, own_not = compared["subgroup"]
    rest, rest_not = compared["background"]
    row = {"n": int(inside.sum()), "positives": len(own), "negatives": len(own_not), "rest_positives": len(rest),
           "rest_negatives": len(rest_not), "is_small": bool(inside.sum() < SMALL_GROUP),
           "p_wrong": area(own_not, rest_not)[3], "p_missed": area(rest, own)[3]}  # fmt: skip
    for name, (value, low, high, _) in found.items():
        row |= {name: value, f"{name}_low": low, f"{name}_high": high}
    return row
