"""A recipe in words: all that decided who got in, one line each; what is not understood is named, not dropped."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from studio.records import VIEWS
from studio.reports import said
from studio.words import has, t

KNOWN_VERSIONS = (1, 2)
LONGEST = 300  # characters of a value that has no words of its own
# Keys with a line of their own, or that other parts of a proposal print.
_SAID = frozenset({
    "version", "strategy", "weights", "budget", "caps", "alpha", "tau", "missing", "inner", "view", "seed", "snapshot",
    "pool", "scores", "encoder", "map", "control_of", "scale", "bands", "best", "bounds", "filters", "quotas",
    "targets", "balance", "temperature",
})  # fmt: skip
WEIGHTED = (
    "weighted_sum",
    "sampled",
    "facility_location",
    "k_center",
    "mmr",
)  # strategies that look at the weighted score


def lines(recipe: Mapping[str, Any], *, lang: str | None = None) -> list[str]:
    """The recipe as plain sentences, in the order in which it works.

    Args:
        recipe: as a selection stores it, of any version.
        lang: language; the page's own when None.
    """
    found = [_what(recipe, lang), *_weights(recipe, lang), *_scores(recipe, lang), *_goal(recipe, lang)]
    found += [*_filters(recipe, lang), *_limits(recipe, lang)]
    if recipe.get("strategy") == "mmr" and "balance" in recipe:
        found.append(t("proposal.recipe.balance", lang=lang, balance=_short(recipe["balance"])))
    if recipe.get("strategy") == "sampled" and "temperature" in recipe:
        found.append(t("proposal.recipe.temperature", lang=lang, temperature=_short(recipe["temperature"])))
    if "missing" in recipe and recipe.get("strategy") in WEIGHTED:
        found.append(_choice("missing", recipe["missing"], lang))
    if recipe.get("strategy") == "model_score" and recipe.get("view"):
        found.append(t("proposal.recipe.view", lang=lang, view=_view(str(recipe["view"]), lang)))
    found += _sources(recipe, lang)
    if "seed" in recipe:
        found.append(t("proposal.recipe.seed", lang=lang, seed=_short(recipe["seed"])))
    version = recipe.get("version")
    if version not in KNOWN_VERSIONS:
        key = "version_none" if version is None else "version_other"
        found.append(t(f"proposal.recipe.{key}", lang=lang, version=_short(version)))
    found += [
        t("proposal.recipe.other", lang=lang, key=_short(key), value=_short(value))
        for key, value in sorted(recipe.items())
        if key not in _SAID and not _is_empty(value)
    ]
    return found


def _is_empty(value: Any) -> bool:
    return value is None or value == {} or value == [] or value == ""


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _view(view: str, lang: str | None) -> str:
    return t(f"select.view.{view}", lang=lang) if has(f"select.view.{view}") else view


def _what(recipe: Mapping[str, Any], lang: str | None) -> str:
    strategy = str(recipe.get("strategy", ""))
    pool = recipe.get("pool")
    n_pool = pool.get("n") if isinstance(pool, Mapping) else None
    values = {"how": said.strategy_title(strategy, lang=lang) or "?", "budget": _count(recipe.get("budget"))}
    first = (
        t("proposal.recipe.what", lang=lang, **values)
        if n_pool is None
        else t("proposal.recipe.what_of", lang=lang, pool=_count(n_pool), **values)
    )
    helped = f"strategy.{strategy}.help"
    return f"{first} {t(helped, lang=lang)}" if has(helped) else first


def _count(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else _short(value)


def _weights(recipe: Mapping[str, Any], lang: str | None) -> list[str]:
    weights = recipe.get("weights")
    if not isinstance(weights, Mapping) or recipe.get("strategy") not in WEIGHTED:
        return []
    ordered = [*(view for view in VIEWS if view in weights), *(view for view in weights if view not in VIEWS)]
    comma = t("proposal.comma", lang=lang)
    told = comma.join(f"{_view(str(view), lang)} {_short(weights[view])} %" for view in ordered)
    found = [t("proposal.recipe.weights", lang=lang, weights=told)]
    inner = recipe.get("inner")
    if not isinstance(inner, Mapping):
        return found
    for view, own in sorted(
        inner.items(), key=lambda pair: ordered.index(pair[0]) if pair[0] in ordered else len(ordered)
    ):
        if isinstance(own, Mapping):
            if own and weights.get(view, 1):
                found.append(t("proposal.recipe.inner", lang=lang, view=_view(str(view), lang),
                               measures=_measures(own, lang)))  # fmt: skip
    flat = {name: weight for name, weight in inner.items() if not isinstance(weight, Mapping)}
    if flat:
        found.append(t("proposal.recipe.inner_flat", lang=lang, measures=_measures(flat, lang)))
    return found


def _measures(own: Mapping[str, Any], lang: str | None) -> str:
    titles = [said.measure_title(str(name), lang=lang) for name in own]
    if len(set(map(str, own.values()))) > 1:  # equal weights need no numbers
        titles = [f"{title} ({_short(weight)})" for title, weight in zip(titles, own.values(), strict=True)]
    return t("proposal.comma", lang=lang).join(titles)


def _goal(recipe: Mapping[str, Any], lang: str | None) -> list[str]:
    """What relevance was measured against, from the context of its scores."""
    for item in _items(recipe.get("scores")):
        context = item.get("context")
        if not isinstance(context, Mapping):
            continue
        text, n = str(context.get("text") or ""), context.get("n") or 0
        if text and n:
            return [t("proposal.recipe.goal_both", lang=lang, text=text, n=_count(n))]
        if text:
            return [t("proposal.recipe.goal_text", lang=lang, text=text)]
        if n and "ids" in context:
            return [t("proposal.recipe.goal_examples", lang=lang, n=_count(n))]
    return []


def _items(value: Any) -> Sequence[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list | tuple) else []


def _pairs(recipe: Mapping[str, Any], key: str) -> list[tuple[str, Any]]:
    value = recipe.get(key)
    return [(str(name), own) for name, own in value.items()] if isinstance(value, Mapping) else []


def _odd(recipe: Mapping[str, Any], key: str, lang: str | None) -> list[str]:
    """A setting whose value is not of the kind this page knows, as it stands."""
    value = recipe.get(key)
    if isinstance(value, Mapping) or _is_empty(value):
        return []
    return [t("proposal.recipe.other", lang=lang, key=key, value=_short(value))]


def _scores(recipe: Mapping[str, Any], lang: str | None) -> list[str]:
    """How values become scores, and which scores are wanted."""
    found = []
    if recipe.get("scale") not in (None, "quantile"):
        found.append(_choice("scale", recipe["scale"], lang))
    for name, centre in _pairs(recipe, "bands"):
        found.append(t("proposal.recipe.band", lang=lang, what=_view_or_measure(name, lang), centre=_short(centre)))
    for name, percent in _pairs(recipe, "best"):
        found.append(t("proposal.recipe.best", lang=lang, measure=said.measure_title(name, lang=lang),
                       percent=_short(percent)))  # fmt: skip
    for name, bound in _pairs(recipe, "bounds"):
        found.append(t("proposal.recipe.bound", lang=lang, measure=said.measure_title(name, lang=lang),
                       value=_short(bound)))  # fmt: skip
    return found + [line for key in ("bands", "best", "bounds") for line in _odd(recipe, key, lang)]


def _view_or_measure(name: str, lang: str | None) -> str:
    return _view(name, lang) if has(f"select.view.{name}") else said.measure_title(name, lang=lang)


def _filters(recipe: Mapping[str, Any], lang: str | None) -> list[str]:
    found = []
    filters = recipe.get("filters")
    for clause in filters if isinstance(filters, list | tuple) else ():
        if isinstance(clause, list | tuple) and len(clause) == 3 and has(f"proposal.op.{clause[1]}"):
            column, op, value = clause
            found.append(
                t(
                    "proposal.recipe.filter",
                    lang=lang,
                    column=said.column_name(str(column), lang=lang),
                    op=t(f"proposal.op.{op}", lang=lang),
                    value="" if value is None else _short(value),
                )
            )
        else:
            found.append(t("proposal.recipe.other", lang=lang, key="filters", value=_short(clause)))
    return found


def _limits(recipe: Mapping[str, Any], lang: str | None) -> list[str]:
    found = []
    for column, most in _pairs(recipe, "caps"):
        kind = "cap_cluster" if column == "cluster" else "cap_group"
        found.append(t(f"proposal.recipe.{kind}", lang=lang, n=_count(most),
                       column=said.column_name(column, lang=lang)))  # fmt: skip
    for column, alpha in _pairs(recipe, "quotas"):
        found.append(t("proposal.recipe.quota", lang=lang, column=said.column_name(column, lang=lang),
                       even=_even(alpha)))  # fmt: skip
    for column, shares in _pairs(recipe, "targets"):
        told = _short(shares)
        if isinstance(shares, Mapping):
            told = t("proposal.comma", lang=lang).join(
                f"{said.group_name(column, str(key), lang=lang)} {_short(share)}" for key, share in shares.items()
            )
        found.append(t("proposal.recipe.target", lang=lang, column=said.column_name(column, lang=lang), shares=told))
    found += [line for key in ("caps", "quotas", "targets") for line in _odd(recipe, key, lang)]
    if recipe.get("alpha") is not None:
        found.append(t("proposal.recipe.alpha", lang=lang, even=_even(recipe["alpha"])))
    if recipe.get("tau") is not None:
        found.append(t("proposal.recipe.tau", lang=lang, tau=_short(recipe["tau"])))
    return found


def _even(alpha: Any) -> str:
    """How evenly a quota shares out, as the slider says it: 1 - alpha; what is no number as it stands."""
    return f"{round(1 - alpha, 4):g}" if isinstance(alpha, (int, float)) else _short(alpha)


def _choice(name: str, value: Any, lang: str | None) -> str:
    key = f"proposal.recipe.{name}_{value}"
    return t(key, lang=lang) if has(key) else t("proposal.recipe.other", lang=lang, key=name, value=_short(value))


def _sources(recipe: Mapping[str, Any], lang: str | None) -> list[str]:
    found = []
    if recipe.get("encoder"):
        found.append(t("proposal.recipe.encoder", lang=lang, encoder=_short(recipe["encoder"])))
    rounds = sorted({
        str(item["context"]["number"])
        for item in _items(recipe.get("scores"))
        if isinstance(item.get("context"), Mapping) and item["context"].get("number") is not None
    })  # fmt: skip
    if rounds:
        numbers = t("proposal.comma", lang=lang).join(rounds)
        found.append(t("proposal.recipe.round", lang=lang, number=numbers))
    return found
