"""Reason codes, columns and groups of the Select page in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pages._ui.words import plain, t
from studio import words
from studio.measures import by_name
from studio.records import VIEWS
from studio.selection.recipe import WEIGHTED
from studio.store.scores import ScoreSet
from studio.words import measures
from studio.workflows.select import Choice
from studio.workflows.select_scores import ScoreState


def reason_text(code: str) -> str:
    """A reason code as words; plain text without escapes, for tables."""
    head, _, rest = code.partition(":")
    if head == "no_score":
        return t("select.reason.no_score", view=t(f"select.view.{rest}")) if rest else t("select.reason.no_score_any")
    if head == "view":
        return t("select.reason.view", view=t(f"select.view.{rest}"))
    if head == "near_duplicate_of":
        return t("select.reason.near_duplicate_of", id=rest)
    if head == "filter":
        return t("select.reason.filter", column=column_name(rest))
    if head == "threshold":
        return t("select.reason.threshold", measure=measures.title(rest))
    if head == "cap":
        column, _, key = rest.partition(":")
        return t("select.reason.cap", column=column_name(column), key=key_name(column, key))
    return t(f"select.reason.{head}") if words.has(f"select.reason.{head}") else t("select.reason.other")


def column_name(column: str) -> str:
    """A column of groups, or one that may be limited or filtered by, as people call it."""
    if column == "cluster":
        return t("select.groups.cluster")
    return t(f"choose.column.{column}") if words.has(f"choose.column.{column}") else column.removeprefix("group_")


def key_name(column: str, key: str) -> str:
    """A group; a missing one is named so."""
    return key or t("select.groups.noise" if column == "cluster" else "select.groups.missing")


def context_text(item: ScoreSet) -> str:
    """What one score set was computed from, in words, escaped for Markdown."""
    context = item.context
    parts: list[str] = []
    if context.get("text") or context.get("n") or context.get("n_file"):
        parts.append(goal_text(context))
    if context.get("round"):
        parts.append(t("measure.context.round", round=context.get("number", "")))
    elif context.get("n_labels"):
        parts.append(t("measure.context.probe", n=context["n_labels"]))
    if context.get("n_judged"):
        parts.append(t("rated.context", n=context["n_judged"], people=context.get("n_people", 1)))
    if context.get("encoder"):
        parts.append(t("measure.context.encoder", encoder=plain(context["encoder"])))
    title = t(by_name(item.measure).title)
    return t("measure.context.of", title=title, parts=t("measure.context.and").join(parts)) if parts else title


def goal_text(context: Mapping[str, Any]) -> str:
    """What relevance is measured against, in words, escaped for Markdown."""
    text, n, n_file = plain(context.get("text") or "", 60), int(context.get("n") or 0), int(context.get("n_file") or 0)
    if n_file:
        rest = {key: value for key, value in context.items() if key != "n_file"}
        own = [goal_text(rest)] if text or n else []
        return t("measure.context.and").join([*own, t("measure.context.file", n=n_file)])
    kind = "both" if text and n else "described" if text else "examples"
    kind += "_one" if n == 1 else ""
    return t(f"select.goal.{kind}", **({"text": text, "n": n} if text and n else {"text": text} if text else {"n": n}))


def views_in_use(choice: Choice) -> tuple[str, ...]:
    """The views whose scores decide who gets in; none where chance or the text alone does."""
    strategy = choice.recipe.strategy
    if strategy in WEIGHTED:
        return tuple(view for view in VIEWS if choice.weights.get(view))
    return {"model_score": (choice.recipe.view,), "deita": ("difficulty", "quality")}.get(strategy, ())


def lacking_words(state: ScoreState) -> dict[str, str]:
    """View -> words key of why it has no scores."""
    return {view: state.views[view].lacking for view in VIEWS if state.views[view].lacking}


def strategy_title(name: str) -> str:
    """A strategy as people call it; one of another room keeps its name."""
    return t(f"strategy.{name}.title") if words.has(f"strategy.{name}.title") else name
