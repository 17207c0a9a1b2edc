"""Cleaning in words: names of steps, settings and reasons, shares, and the sentence about a squeezed group."""

from __future__ import annotations

from pages._ui.words import plain, t
from studio import words
from studio.corpus.cleaning.effects import Effect
from studio.workflows.clean import StepView

_COPIES = frozenset({"copy", "near_copy", "same_meaning"})


def percent(share: float) -> str:
    """A share as a percentage with one decimal; never 0.0 or 100.0 where it is not exactly that."""
    if 0 < share < 0.001:
        return "< 0.1 %"
    if 0.999 < share < 1:
        return "> 99.9 %"
    return f"{100 * share:.1f} %"


def step_name(name: str) -> str:
    """The title of a step."""
    return t(f"clean.step.{name}")


def setting_name(step: str, name: str) -> str:
    """The title of a setting; a step may have its own word for it."""
    own = f"clean.p.{step}_{name}"
    return t(own) if words.has(own) else t(f"clean.p.{name}")


def reason_name(reason: str) -> str:
    """A reason code in words."""
    key = f"clean.reason.{reason}"
    return t(key) if words.has(key) else reason


def detail_text(reason: str, detail: str) -> str:
    """What stands beside a reason: the copy that stays, or the number that broke the rule. Not for Markdown."""
    if not detail:
        return ""
    return t("clean.detail.id", id=f"#{detail}") if reason in _COPIES else detail


def attribute_name(column: str) -> str:
    """A group column as people know it. Not for Markdown."""
    if column in ("label", "language", "source"):
        return t(f"clean.{column}")
    return column.removeprefix("group_")


def did(step: StepView) -> str:
    """What a step did, in a few words."""
    counts = (("drops", step.n_dropped), ("changes", step.n_changed), ("flags", step.n_flagged))
    parts = [t(f"clean.{key}", n=f"{n:,}", share=percent(n / step.n_before)) for key, n in counts if n]
    return " · ".join(parts) or t("clean.touches_none")


def did_short(step: StepView) -> str:
    """The same in the fewest characters."""
    counts = (("dropped", step.n_dropped), ("changed", step.n_changed), ("flagged", step.n_flagged))
    return " · ".join(t(f"clean.short.{key}", n=f"{n:,}") for key, n in counts if n) or t("clean.short.none")


def squeeze_sentence(effect: Effect, step: str = "") -> str:
    """One squeezed group as a plain sentence for Markdown; `step` empty for the whole list."""
    key = "clean.gone" if effect.n_touched == effect.n else "clean.squeezed"
    values = {"step": step_name(step)} if step else {}
    if effect.n_touched < effect.n:
        values |= {"share": percent(effect.share), "k": f"{effect.n_touched:,}", "low": percent(effect.low),
                   "high": percent(effect.high), "others": percent(effect.others)}  # fmt: skip
    return t(key if step else f"{key}_total", group=plain(attribute_name(effect.attribute)),
             value=plain(effect.value), n=f"{effect.n:,}", **values)  # fmt: skip
