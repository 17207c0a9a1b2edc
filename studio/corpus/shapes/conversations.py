"""Shapes whose examples are conversations or pairs of answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from studio.corpus.roles import Roles
from studio.corpus.shapes import messages as talk
from studio.corpus.shapes.labels import NO, YES
from studio.corpus.shapes.proposal import Proposal, Shape
from studio.corpus.shapes.reject import Reject
from studio.corpus.shapes.sample import Sample

_CHAT_NAMES = ("messages", "conversations", "conversation", "dialogue", "dialog", "chat", "turns", "对话", "消息")
_SYSTEM = ("system", "system_prompt", "系统")
_PROMPTS = ("prompt", "question", "instruction", "query", "input", "提示", "问题", "指令")
_CHOSEN = ("chosen", "chosen_response", "preferred", "accepted", "better", "output_1_chosen", "采纳")
_SINGLE = ("completion", "response", "answer", "output", "回答", "回复")
_JUDGED = ("label", "kto_tag", "desirable", "is_desirable", "thumbs_up", "accepted")
_REJECTED = ("rejected", "rejected_response", "dispreferred", "worse", "拒绝")


def _share_of_talk(values: Sequence[Any], *, of: tuple[str, ...] = talk.WHO) -> float:
    """Share of the values that are lists of objects which say who speaks."""

    def is_talk(value: Any) -> bool:
        turns = value if isinstance(value, list) else [value]
        return bool(turns) and all(isinstance(turn, Mapping) and any(name in turn for name in of) for turn in turns)

    return sum(is_talk(value) for value in values) / len(values) if values else 0.0


def _readable(values: Sequence[Any]) -> bool:
    n = 0
    for value in values[:20]:
        try:
            talk.read_messages(value)
            n += 1
        except Reject:
            continue
    return 2 * n > len(values[:20])


def _chat_column(sample: Sample) -> tuple[str, str, float] | None:
    """The column of conversations, the field that says who speaks, and how sure its name makes it."""
    known = [sample.named(name) for name in _CHAT_NAMES]
    for column in dict.fromkeys([*(name for name in known if name), *sample.columns]):
        values = [value for value in sample.nested.get(column, []) if isinstance(value, list)]
        if not values:
            continue
        sure = 1.0 if column in known else 0.97
        for who in talk.WHO:
            if _share_of_talk(values, of=(who,)) > 0.5:
                return column, who, sure
        if column in known and _readable(values):
            return column, "", 0.95
    return None


def _chat(sample: Sample) -> Proposal | None:
    if sample.named(*_CHOSEN) and sample.named(*_REJECTED):
        return None
    found = _chat_column(sample)
    if found is None:
        return None
    column, who, sure = found
    shape = {"role": "openai", "from": "sharegpt"}.get(who, "turns")
    system = sample.named(*_SYSTEM)
    roles = Roles(task="chat", form="conversational", messages=column,
                  system=system if sample.is_prose(system) or _constant_text(sample, system) else None)  # fmt: skip
    n, total = len(sample.nested[column]), min(len(sample.rows), 300)
    why = ("turns", {"column": column, "field": who, "n": n, "total": total}) if who else ("turns_plain", {
        "column": column, "n": n, "total": total})  # fmt: skip
    return Proposal(shape, roles, 0.99 * sure, (why,))


def _constant_text(sample: Sample, column: str | None) -> bool:
    return bool(column) and not sample.is_nested(column) and any(len(text) > 3 for text in sample.values[column or ""])


def _preference(sample: Sample) -> Proposal | None:
    chosen, rejected = sample.named(*_CHOSEN), sample.named(*_REJECTED)
    if not chosen or not rejected:
        return None
    prompt = sample.named(*_PROMPTS) or sample.named("messages", "conversations")
    system = sample.named(*_SYSTEM)
    talks = [name for name in (chosen, rejected, prompt) if name and _is_talk(sample, name)]
    roles = Roles(task="preference", form="conversational" if talks or system else "standard", chosen=chosen,
                  rejected=rejected, prompt=prompt, system=system)  # fmt: skip
    shape = "preference_chat" if talks else "preference"
    return Proposal(shape, roles, 0.98, (("two_columns", {"one": chosen, "two": rejected}),))


def _judged(sample: Sample) -> Proposal | None:
    """One answer per prompt, each marked as wanted or not (what KTO learns from)."""
    prompt, given, label = sample.named(*_PROMPTS), sample.named(*_SINGLE), sample.named(*_JUDGED)
    if not prompt or not given or not label or prompt == given or sample.named(*_CHOSEN):
        return None
    values = {value.lower() for value in sample.values[label]}
    if not values or not values <= (YES | NO) or sample.is_nested(label):
        return None
    talks = [name for name in (prompt, given) if _is_talk(sample, name)]
    roles = Roles(task="preference", form="conversational" if talks else "standard", chosen=given, prompt=prompt,
                  label=label)  # fmt: skip
    is_truth = values <= {"true", "false"}  # 0 and 1 may as well be a class of the text
    return Proposal("judged", roles, 0.97 if is_truth else 0.7, (("judged", {"one": given, "two": label}),))


def _is_talk(sample: Sample, column: str) -> bool:
    if _share_of_talk(sample.nested.get(column, [])) > 0.5:
        return True
    texts = sample.values[column][:50]
    return bool(texts) and 2 * sum(talk.transcript(text) is not None for text in texts) > len(texts)


CONVERSATIONS: tuple[Shape, ...] = (
    Shape("openai", "chat", _chat),
    Shape("preference", "preference", _preference),
    Shape("judged", "preference", _judged),
)
