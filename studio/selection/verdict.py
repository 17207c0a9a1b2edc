"""One plain sentence about a selection: groups against chance, variety against random draws, whether it helps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Part = dict[str, Any]  # {"key": words key, "values": {...}}: put into words when it is read
PARTS = 3  # groups, variety, proof; a selection of nothing has one
OUTSIDE = ("lower", "higher")
TIMES = 2.0  # ours: from twice as many on, a factor reads better than a percentage


def verdict(
    *,
    n: int,
    n_pool: int,
    groups: Sequence[Mapping[str, Any]],
    variety: Mapping[str, Mapping[str, Any]] | None = None,
    proof: Mapping[str, Any] | None = None,
    is_waiting: bool = False,
) -> list[Part]:
    """The sentence in three parts; it says no more than the numbers it is given.

    Groups: the largest alarm (outside the band of chance, q < 0.05 over all groups, a fifth or more off), columns of
    people before clusters, and how many others there are; without one, how many groups were large enough to look at.
    Variety: by mean distance, or by the Vendi score where only that lies outside the draws' band; mixed where the two
    lie on opposite sides. Proof: the stored study of this very recipe, or that there is none.

    Args:
        n: how many are chosen.
        n_pool: from how many.
        groups: column, key, picked, expected, verdict (fewer, more, open, slight, within) and is_small of every
            group.
        variety: distance and vendi, each with verdict (lower, higher, within), draws and, where known, lower and
            higher (how many draws lie below and above); None where there is nothing to compare.
        proof: verdict (better, same, worse), kind (head or lm), held, draws and stale of the study; None without one.
        is_waiting: the comparison of variety is under way.
    """
    if n == 0:
        return [_part("nothing")]
    return [_groups(n, n_pool, groups), _variety(variety, is_waiting), _proof(proof)]


def is_pending(parts: Sequence[Part]) -> bool:
    """True where the comparison of variety is still under way."""
    return any(part["key"] == "verdict.variety.pending" for part in parts)


def alarms(groups: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Groups of 50 and more that chance would very rarely treat so: people before clusters, farthest first."""
    found = [g for g in groups if g["verdict"] in ("fewer", "more") and not g["is_small"]]
    return sorted(found, key=lambda g: (g["column"] == "cluster", -abs(g["picked"] - g["expected"])
                                        / max(g["expected"], 1.0), g["column"], g["key"]))  # fmt: skip


def _part(name: str, **values: Any) -> Part:
    return {"key": f"verdict.{name}", "values": values}


def _groups(n: int, n_pool: int, groups: Sequence[Mapping[str, Any]]) -> Part:
    if n >= n_pool:
        return _part("groups.whole", n=n)
    if not groups:
        return _part("groups.no_columns")
    large = sum(not g["is_small"] for g in groups)
    found = alarms(groups)
    if not found:
        undecided = sum(g["verdict"] == "open" and not g["is_small"] for g in groups)
        if undecided:
            return _part("groups.open", n=undecided, all=large)
        return _part("groups.fair", n=large) if large else _part("groups.too_small", n=len(groups))
    far, others = found[0], len(found) - 1
    ratio = far["picked"] / far["expected"] if far["expected"] else float("inf")
    values: dict[str, Any] = {"column": far["column"], "key": far["key"], "picked": int(far["picked"]),
                              "expected": round(far["expected"])}  # fmt: skip
    if far["picked"] == 0:
        name = "none"
    elif ratio >= TIMES:
        name, values["times"] = "times", round(ratio, 1)
    else:
        name = "fewer" if ratio < 1 else "more"
        values["percent"] = round(100 * abs(ratio - 1))
    if others:
        name, values["others"], values["all"] = f"{name}_and", others, large
    return _part(f"groups.{name}", **values)


def _variety(variety: Mapping[str, Mapping[str, Any]] | None, is_waiting: bool) -> Part:
    if variety is None:
        return _part("variety.pending" if is_waiting else "variety.unknown")
    distance, vendi = variety["distance"], variety["vendi"]
    first, second = distance["verdict"], vendi["verdict"]
    if first in OUTSIDE and second in OUTSIDE and first != second:
        return _part("variety.mixed_farther" if first == "higher" else "variety.mixed_closer")
    by, own = ("distance", distance) if first in OUTSIDE or second not in OUTSIDE else ("vendi", vendi)
    k = {"higher": own.get("lower"), "lower": own.get("higher")}.get(own["verdict"])
    if own["verdict"] in OUTSIDE and k is not None:
        return _part(f"variety.{own['verdict']}_{by}", k=int(k), draws=int(own["draws"]))
    return _part(f"variety.{own['verdict']}", draws=int(own["draws"]))


def _proof(proof: Mapping[str, Any] | None) -> Part:
    if proof is None:
        return _part("proof.untested")
    more = "_lm" if proof.get("kind") == "lm" else ""
    stale = "_stale" if proof.get("stale") else ""
    return _part(f"proof.{proof['verdict']}{more}{stale}", held=int(proof["held"]), draws=int(proof["draws"]))
