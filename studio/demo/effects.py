"""The planted effects: what each one is, what it is set to, and the words that describe it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from studio.errors import CorpusError


@dataclass(frozen=True)
class Effect:
    """A flaw planted on purpose. `words` is the words key of its title; `<words>_help` explains it.

    `parameters` maps a language to the values the effect is planted with; they are copied into the truth file.
    """

    name: str
    words: str
    parameters: Mapping[str, Mapping[str, Any]]


EFFECTS: tuple[Effect, ...] = (
    Effect(
        "underrepresented_group",
        "demo.effect.underrepresented_group",
        {
            "en": {"attribute": "region", "group": "Islands", "share": 0.03},
            "zh": {"attribute": "region", "group": "西南", "share": 0.03},
        },
    ),
    Effect(
        "label_group_odds",
        "demo.effect.label_group_odds",
        {
            "en": {"attribute": "gender", "group": "woman", "label": "billing", "odds_ratio": 2.0},
            "zh": {"attribute": "gender", "group": "女", "label": "账单支付", "odds_ratio": 2.0},
        },
    ),
    Effect(
        "spurious_token",
        "demo.effect.spurious_token",
        {
            "en": {"token": "kindly", "label": "warranty", "rate_in_label": 0.45, "rate_elsewhere": 0.02},
            "zh": {"token": "辛苦", "label": "保修维修", "rate_in_label": 0.45, "rate_elsewhere": 0.02},
        },
    ),
    Effect(
        "near_duplicates",
        "demo.effect.near_duplicates",
        {"en": {"share": 0.04, "least_jaccard": 0.8}, "zh": {"share": 0.04, "least_jaccard": 0.8}},
    ),
    Effect("wrong_labels", "demo.effect.wrong_labels", {"en": {"share": 0.03}, "zh": {"share": 0.03}}),
    Effect(
        "thin_topic",
        "demo.effect.thin_topic",
        {
            "en": {"label": "privacy", "topic": "others_data", "examples": 12},
            "zh": {"label": "隐私安全", "topic": "他人信息", "examples": 12},
        },
    ),
    Effect(
        "length_label_confound",
        "demo.effect.length_label_confound",
        {"en": {"label": "complaint", "stretch": 1.8}, "zh": {"label": "投诉建议", "stretch": 1.8}},
    ),
)
ALL_EFFECTS: tuple[str, ...] = tuple(effect.name for effect in EFFECTS)


def parameters_of(names: Collection[str], language: str) -> dict[str, Mapping[str, Any]]:
    """The parameters of the effects switched on, in the order of EFFECTS.

    Raises:
        CorpusError: a name that is no effect.
    """
    unknown = sorted(set(names) - set(ALL_EFFECTS))
    if unknown:
        raise CorpusError(
            "A demo corpus cannot be made with an effect that does not exist",
            got=", ".join(unknown),
            fix=f"Choose from {', '.join(ALL_EFFECTS)}.",
        )
    return {effect.name: effect.parameters[language] for effect in EFFECTS if effect.name in names}
