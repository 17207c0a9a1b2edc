"""The flags of `select` that make a recipe, and the recipe they make."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from studio.cli.context import Context
from studio.errors import JobError, SelectionError
from studio.records import VIEWS, Condition
from studio.selection.cover import BALANCE
from studio.selection.recipe import Recipe, check_snapshot, recipe_from_json
from studio.selection.unit_scores import MODES
from studio.selection.weights import DEFAULT_WEIGHTS, PRESETS, normalise_url_weights
from studio.store.examples import CHARACTERS
from studio.workflows import select_limits


def add(verb: Any) -> None:
    """The flags besides weights, budget and caps."""
    many: dict[str, Any] = {"action": "append", "default": []}
    verb.add_argument("--recipe", type=Path, help="start from a recipe as it is stored with a selection (JSON)")
    verb.add_argument("--scale", choices=MODES, help="how values become scores (default quantile)")
    verb.add_argument("--inner", metavar="MEASURE=W", help="weight of a measure inside its view", **many)
    verb.add_argument("--aim", metavar="NAME=CENTRE", help="want a view or measure near CENTRE, 0 to 1", **many)
    verb.add_argument("--best", metavar="MEASURE=PERCENT", help="only its best PERCENT of the pool", **many)
    verb.add_argument("--bound", metavar="MEASURE=VALUE", help="raw value that must be reached", **many)
    verb.add_argument("--only", metavar="COLUMN=VALUE", help="only examples with this value; repeat for more", **many)
    verb.add_argument("--longer", type=int, metavar="N", help="only texts of N characters and more")
    verb.add_argument("--shorter", type=int, metavar="N", help="only texts of N characters and fewer")
    verb.add_argument(
        "--quota", metavar="COLUMN=EVEN", help="share out by a column, 0 as in the pool to 1 even", **many
    )
    verb.add_argument("--reference", metavar="COLUMN", help="share out by a group's stored reference shares", **many)
    verb.add_argument("--balance", type=float, help=f"mmr: score against being unlike (default {BALANCE})")
    verb.add_argument("--temperature", type=float, help="sampled: 0 = the best scores, higher = more by chance")
    verb.add_argument("--by-view", choices=VIEWS, help="model_score: which view")


def read(context: Context, snapshot_id: str) -> Recipe:
    """The recipe of the flags, over that of the file where one is named.

    Raises:
        JobError: a flag or the file cannot be read.
        SelectionError: values that cannot be used, or a file made for another snapshot.
    """
    given = context.arguments
    if given.recipe is not None:
        return _from_file(given.recipe, snapshot_id)
    fields: dict[str, Any] = {
        "inner": _numbers(given.inner, "--inner"), "bands": _numbers(given.aim, "--aim"),
        "best": _numbers(given.best, "--best"), "bounds": _numbers(given.bound, "--bound"),
        "filters": _filters(given), "targets": _targets(context, snapshot_id),
        "quotas": {column: 1.0 - even for column, even in _numbers(given.quota, "--quota").items()},
    }  # fmt: skip
    fields |= {name: value for name, value in (("scale", given.scale), ("balance", given.balance),
                                               ("temperature", given.temperature),
                                               ("view", given.by_view)) if value is not None}  # fmt: skip
    recipe = Recipe(
        strategy=given.strategy,
        weights=_weights(given),
        budget=given.budget,
        caps={column: int(limit) for column, limit in _pairs(given.cap, _whole, "A cap is written COLUMN=N",
                                                             "For example --cap cluster=20.").items()},
        alpha=None if given.even is None else 1.0 - given.even,
        tau=given.tau,
        seed=given.seed,
    )  # fmt: skip
    return replace(recipe, **fields)


def _from_file(path: Path, snapshot_id: str) -> Recipe:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise JobError("The recipe file cannot be read", got=str(path), fix="Name a JSON file.") from error
    if not isinstance(value, dict):
        raise JobError("The recipe file cannot be read", got=str(path), fix="Name a JSON file.")
    check_snapshot(value, snapshot_id)
    return recipe_from_json(value)


def _weights(given: argparse.Namespace) -> dict[str, int]:
    weights: dict[str, object] = dict(PRESETS[given.preset]) if given.preset else dict(DEFAULT_WEIGHTS)
    named = {view: getattr(given, view) for view in VIEWS if getattr(given, view) is not None}
    if named and not given.preset:
        weights = dict.fromkeys(VIEWS, 0)
    weights |= named
    if any(value < 0 for value in named.values()) or sum(float(str(value)) for value in weights.values()) <= 0:
        raise SelectionError("Weights must be 0 or more and not all 0", got=named, fix="Give for example --quality 60.")
    return normalise_url_weights(weights)


def _filters(given: argparse.Namespace) -> tuple[Condition, ...]:
    values: dict[str, list[str]] = {}
    for text in given.only:
        column, found, value = text.partition("=")
        if not found or not column:
            raise JobError("A filter is written COLUMN=VALUE", got=text, fix="For example --only language=en.")
        values.setdefault(column, []).append(value)
    filters = [Condition(column, "in", own) for column, own in values.items()]
    for op, length in (("ge", given.longer), ("le", given.shorter)):
        filters += [Condition(CHARACTERS, op, length)] if length is not None else []
    return tuple(filters)


def _targets(context: Context, snapshot_id: str) -> dict[str, Mapping[str, float]]:
    stored = select_limits.reference_shares(context.studio, snapshot_id) if context.arguments.reference else {}
    for column in context.arguments.reference:
        if column not in stored:
            raise SelectionError("This column has no reference shares", got=column,
                                 fix="Set them on the Explore page, or use --quota.")  # fmt: skip
    return {column: stored[column] for column in context.arguments.reference}


def _numbers(texts: list[str], flag: str) -> dict[str, float]:
    return _pairs(texts, float, f"{flag} is written NAME=NUMBER", f"For example {flag} fluency=0.5.")


def _whole(text: str) -> float:
    if not text.isdigit():
        raise ValueError
    return int(text)


def _pairs(texts: list[str], read_: Callable[[str], float], what: str, fix: str) -> dict[str, float]:
    found = {}
    for text in texts:
        name, _, value = text.rpartition("=")
        try:
            found[name] = read_(value)
        except ValueError:
            raise JobError(what, got=text, fix=fix) from None
        if not name:
            raise JobError(what, got=text, fix=fix)
    return found
