"""Compose one help-desk message: a situation, and around it what people add until the message is long enough.

The length a message aims at is drawn first, independently of queue, channel and requester, and parts are added until
it is reached. So no queue and no group writes longer than another unless an effect asks for it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist

from studio.demo import grammar
from studio.demo.dice import Dice
from studio.demo.fragments import Fragments

# What a message is made of, ours, chosen by the probe accuracy it gives (docs/decisions/0010-demo-corpora.md).
KINDS: Mapping[str, float] = {"clear": 0.72, "two_issues": 0.12, "between_queues": 0.12, "vague": 0.04}
_NORMAL = NormalDist()


@dataclass(frozen=True)
class Voice:
    """How one language is written.

    `facts(dice, wanted)` gives the fields of one case, `wanted` being the fields its situation uses; `register(dice,
    channel)` names a register; `render(parts, register, channel, dice)` joins (role, sentence) pairs into the message.
    `median_length` and `terse_below` are in characters; `length_spread` is the standard deviation of ln(length).
    `trim` takes off the aim what the style of a channel adds afterwards, such as the pauses in a transcript.
    """

    fragments: Fragments
    facts: Callable[[Dice, frozenset[str]], dict[str, str]]
    register: Callable[[Dice, str], str]
    render: Callable[[Sequence[tuple[str, str]], str, str, Dice], str]
    median_length: int
    length_spread: float
    shortest: int
    longest: int
    terse_below: int
    trim: Mapping[str, float]


@dataclass(frozen=True)
class Brief:
    """What a message is to be about.

    `other` is the second queue of a message with two issues or between queues; `hidden` is a topic that no side remark
    may touch.
    """

    queue: str
    topic: str
    kind: str
    channel: str
    length: int
    other: str = ""
    hidden: str = ""


@dataclass(frozen=True)
class Message:
    """A composed text, the fragment at its core, and the topic it really has (empty when the text shows none)."""

    text: str
    core: str
    topic: str


def draw_length(voice: Voice, dice: Dice, stretch: float = 1.0) -> int:
    """A length to aim at, in characters: log-normal, clipped; `stretch` multiplies it after clipping."""
    z = _NORMAL.inv_cdf(min(max(dice.uniform(), 1e-6), 1 - 1e-6))
    length = math.exp(math.log(voice.median_length) + voice.length_spread * z)
    return round(min(max(length, voice.shortest), voice.longest) * stretch)


def draw_other(voice: Voice, queue: str, kind: str, dice: Dice) -> str:
    """The second queue: any other for two issues, one that shares situations for a message between queues."""
    if kind == "two_issues":
        return dice.pick([name for name in voice.fragments.labels if name != queue])
    if kind == "between_queues":
        return dice.pick([a if b == queue else b for a, b in voice.fragments.pairs if queue in (a, b)])
    return ""


def longer(brief: Brief) -> Brief:
    """The same brief aiming at a longer message, for when the short ones have all been written."""
    return replace(brief, length=round(brief.length * 1.25) + 4)


def compose(brief: Brief, voice: Voice, dice: Dice) -> Message:
    """Write one message to a brief."""
    register = voice.register(dice, brief.channel)
    queue = voice.fragments.queues[brief.queue]
    if brief.kind == "clear" and brief.length < voice.terse_below and brief.channel != "phone":
        own = queue[brief.topic].get("terse", ())
        core = dice.pick(own if own and brief.topic == brief.hidden else queue["terse"] + own)
        facts = voice.facts(dice, grammar.fields(core))
        parts = [("terse", grammar.expand(core, facts, dice))]
        topic = brief.topic if core not in queue["terse"] else ""
        return Message(voice.render(parts, register, brief.channel, dice), core, topic)
    core, pool = _core(brief, voice, dice)
    facts = voice.facts(dice, grammar.fields(core))
    parts = [("core", grammar.expand(core, facts, dice))]
    if brief.kind == "two_issues":
        parts = _two_issues(parts[0][1], brief, register, voice, facts, dice)
    parts = _fill(parts, pool, brief, register, voice, facts, dice)
    topic = brief.topic if brief.kind in ("clear", "two_issues") else ""
    return Message(voice.render(parts, register, brief.channel, dice), core, topic)


def _core(brief: Brief, voice: Voice, dice: Dice) -> tuple[str, Mapping[str, Sequence[str]]]:
    """The situation at the core, and the sentences of its own topic that may follow."""
    if brief.kind == "vague":
        return dice.pick(voice.fragments.shared["vague"]), {}
    if brief.kind == "between_queues":
        pairs = voice.fragments.pairs
        shared = pairs.get((brief.queue, brief.other)) or pairs[(brief.other, brief.queue)]
        return dice.pick(shared), {}
    topic = voice.fragments.queues[brief.queue][brief.topic]
    core = dice.pick(topic["say"])
    for _ in range(9 if brief.channel == "phone" else 3):
        if len(core) <= brief.length * 1.15:
            break
        core = dice.pick(topic["say"])
    return core, topic


def _two_issues(
    core: str, brief: Brief, register: str, voice: Voice, facts: dict[str, str], dice: Dice
) -> list[tuple[str, str]]:
    """Core plus a situation of another queue, in either order; a turn of phrase says which one matters."""
    side = _second(brief.other, (brief.hidden,), voice, facts, dice)
    if not side:
        return [("core", core)]
    if dice.chance(0.35):
        turn = grammar.expand(dice.pick(voice.fragments.shared["turn"]), facts, dice)
        return [("side", side), ("turn", turn), ("core", core)]
    return [("core", core), ("bridge", _bridge(register, voice, dice)), ("side", side)]


def _bridge(register: str, voice: Voice, dice: Dice) -> str:
    shared = voice.fragments.shared
    return dice.pick(shared["bridge"] + (shared["bridge_casual"] if register == "casual" else ()))


def _second(queue: str, without: tuple[str, ...], voice: Voice, facts: dict[str, str], dice: Dice) -> str:
    """A situation of a queue that the facts of the case can fill; empty when the topic drawn has none."""
    topic = dice.pick([name for name in voice.fragments.topics(queue) if name not in without])
    usable = [say for say in voice.fragments.queues[queue][topic]["say"] if grammar.fields(say) <= facts.keys()]
    return grammar.expand(dice.pick(usable), facts, dice) if usable else ""


def _fill(
    parts: list[tuple[str, str]],
    topic: Mapping[str, Sequence[str]],
    brief: Brief,
    register: str,
    voice: Voice,
    facts: dict[str, str],
    dice: Dice,
) -> list[tuple[str, str]]:
    """Add sentences in a random order of preference until the aimed length is reached, then put them in order."""
    length = sum(len(text) for _, text in parts)
    if topic and len(parts) == 1 and brief.length > 1.9 * length and dice.chance(0.5):
        # A long message on one queue tells of a second trouble of the same kind rather than of the weather.
        second = _second(brief.queue, (brief.topic, brief.hidden), voice, facts, dice)
        if second:
            parts = [*parts, ("bridge", _bridge(register, voice, dice)), ("side", second)]
    length = sum(len(text) + 1 for _, text in parts)
    seen: set[str] = set()
    added: list[tuple[str, str]] = []
    for role, choices in _offers(topic, brief, register, voice, dice):
        usable = [line for line in choices if line not in seen and grammar.fields(line) <= facts.keys()]
        if not usable:
            continue
        line = dice.pick(usable)
        text = grammar.expand(line, facts, dice)
        if length + len(text) * 0.55 > brief.length:
            continue
        seen.add(line)
        added.append((role, text))
        length += len(text) + 1
    return _ordered(parts, added, dice)


def _offers(
    topic: Mapping[str, Sequence[str]], brief: Brief, register: str, voice: Voice, dice: Dice
) -> list[tuple[str, Sequence[str]]]:
    """What may be added, most wanted first: the parts of any message shuffled, then what long messages also have."""
    shared = voice.fragments.shared
    phone = brief.channel == "phone"
    typed = brief.channel in ("e-mail", "form")
    opening = "opening_phone" if phone else f"opening_{register}"
    if brief.channel == "form" and dice.chance(0.4):
        opening = "opening_form"
    context = shared["context"] + (() if phone else shared["context_written"])
    more, ask = topic.get("more", ()), topic.get("ask", ()) or shared["ask_any"]
    offers = [("more", more), ("more", more), ("ask", ask), ("open", shared[opening])]
    offers += [("close", shared["closing_phone" if phone else f"closing_{register}"])]
    extra = [("history", shared["history"] + (shared["history_written"] if typed else ())), ("before", context)]
    extra += [("more", more), ("closing_ask", shared["ask_any"] if topic else ())]
    extra += [("aside", shared["ramble"])] * 2 if phone else []
    extra += [("feeling", shared["annoyed"])] * 2 if register == "annoyed" else []
    wanted = [offer for offer in offers if dice.chance(0.85)]
    if dice.chance(0.5):
        wanted.append(extra.pop(dice.between(0, 1)))
    return dice.shuffled(wanted) + dice.shuffled(extra) + [("before", context), ("history", shared["history"])]


_BEFORE = ("open", "before")
_AFTER = ("more", "aside", "history", "feeling", "ask", "closing_ask", "close")


def _ordered(core: list[tuple[str, str]], added: list[tuple[str, str]], dice: Dice) -> list[tuple[str, str]]:
    """Openings, context, the situation, details, feelings, requests, closing; one context may slip behind."""
    late = dice.chance(0.45)
    before = [part for role in _BEFORE for part in added if part[0] == role and not (late and role == "before")]
    behind = [part for part in added if part[0] == "before"] if late else []
    after = [part for role in _AFTER[:4] for part in added if part[0] == role]
    ends = [part for role in _AFTER[4:] for part in added if part[0] == role]
    side = core[1:] if core[0][0] == "core" and len(core) > 1 else []
    if side:
        return before + core[:1] + after + behind + side + ends
    return before + core + after + behind + ends
