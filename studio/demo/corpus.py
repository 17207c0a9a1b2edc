"""Make a demo corpus: draw labels and requesters, compose the messages, plant the effects, write down the truth."""

from __future__ import annotations

import re
import zlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from studio.demo import attributes, compose, planting, truth
from studio.demo.dice import Dice
from studio.demo.duplicates import jaccard, shingles
from studio.demo.effects import ALL_EFFECTS, parameters_of
from studio.demo.languages import LANGUAGES, Language
from studio.errors import CorpusError

DEFAULT_SIZE = 6400
_MOST_ALIKE = 0.55  # messages on the same situation are redrawn above this similarity, well below NEAR
_NUMBER = re.compile(r"[A-Z]?\d[\d.-]*")  # two messages that differ in an order number alone are alike
_REDRAWS = 14
_FEWEST = 300


@dataclass(frozen=True)
class DemoCorpus:
    """A demo corpus and the truth about it.

    `frame` has one row per example: row (stable key), text, label, gender, age_band, region, channel, source, time (ISO
    text). `truth` is JSON: what was planted, in which rows, what it implies, the reference shares.
    """

    language: str
    seed: int
    frame: pd.DataFrame
    truth: Mapping[str, Any]


def make(
    language: Literal["en", "zh"],
    *,
    seed: int = 7,
    n: int = DEFAULT_SIZE,
    effects: Collection[str] = ALL_EFFECTS,
) -> DemoCorpus:
    """A help-desk corpus of `n` examples in 12 queues with the named effects planted.

    The same arguments give the same bytes. Without effects, group attributes are drawn independently of the label from
    the reference shares, labels are drawn evenly, lengths do not depend on label or group. Every example has its own
    random stream, so switching an effect leaves the examples it does not touch as they are, but for redraws.

    Raises:
        CorpusError: an unknown language or effect, or fewer than 300 examples.
    """
    if language not in LANGUAGES:
        raise CorpusError("There is no demo corpus in this language", got=language, fix="Choose en or zh.")
    if n < _FEWEST:
        raise CorpusError("A demo corpus cannot be this small", got=n, fix=f"Ask for {_FEWEST} examples or more.")
    speech = LANGUAGES[language]
    planted = parameters_of(effects, language)
    draft, times = _draft(speech, seed, n, planted)
    touched = _plant(draft, speech, seed, planted)
    rows = [f"{language}-{i:05d}" for i in range(n)]
    frame = pd.DataFrame({"row": rows, "text": draft.texts, "label": draft.labels.astype(str)})
    for name in ("gender", "age_band", "region", "channel", "source"):
        frame[name] = draft.columns[name].astype(str)
    frame["time"] = times
    facts = truth.write(draft, rows, speech.voice.fragments.labels, seed, planted, touched)
    return DemoCorpus(language=language, seed=seed, frame=frame, truth=facts)


def _stream(seed: int, name: str) -> np.random.Generator:
    """An independent stream per purpose: adding draws to one never shifts another."""
    return np.random.default_rng([seed, zlib.crc32(name.encode())])


def _draft(speech: Language, seed: int, n: int, planted: Mapping[str, Any]) -> tuple[planting.Draft, Any]:
    """Labels, channels and texts; group attributes follow once labels are final."""
    names = np.array(speech.voice.fragments.labels, dtype=object)
    labels = names[_stream(seed, "queue").integers(len(names), size=n)]
    reference = attributes.REFERENCE[speech.name]
    channels = attributes.draw(reference["channel"], _stream(seed, "channel").random(n))
    thin_rows = _thin_rows(labels, planted.get("thin_topic"), _stream(seed, "thin_topic"))
    texts, kinds, topics = _write(speech, seed, labels, channels, planted, thin_rows)
    draft = planting.Draft(speech.name, texts, labels.copy(), labels, kinds, topics)
    draft.columns["channel"] = channels
    draft.columns["source"] = attributes.draw(reference["source"], _stream(seed, "source").random(n))
    return draft, attributes.times(_stream(seed, "time"), n)


def _thin_rows(labels: Any, values: Mapping[str, Any] | None, rng: np.random.Generator) -> set[int]:
    if values is None:
        return set()
    own = np.flatnonzero(labels == values["label"])
    return set(rng.choice(own, size=min(values["examples"], len(own)), replace=False).tolist())


def _write(
    speech: Language, seed: int, labels: Any, channels: Any, planted: Mapping[str, Any], thin_rows: set[int]
) -> tuple[list[str], list[str], list[str]]:
    """Compose every message; one too like an earlier one on the same situation is written anew."""
    seen: dict[str, list[frozenset[str]]] = {}
    texts, kinds, topics = [], [], []
    for row, (label, channel) in enumerate(zip(labels, channels, strict=True)):
        dice = Dice(np.random.default_rng([seed, zlib.crc32(b"text"), row]))
        brief = _brief(speech, label, speech.channels[channel], planted, row in thin_rows, dice)
        for attempt in range(_REDRAWS):
            message = compose.compose(brief, speech.voice, dice)
            marks = shingles(_NUMBER.sub("0", message.text), speech.name)
            if all(jaccard(marks, other) < _MOST_ALIKE for other in seen.get(message.core, ())):
                break
            if attempt > 4:
                brief = compose.longer(brief)
        seen.setdefault(message.core, []).append(marks)
        texts.append(message.text)
        kinds.append(brief.kind)
        topics.append(message.topic)
    return texts, kinds, topics


def _brief(
    speech: Language, label: str, channel: str, planted: Mapping[str, Any], is_thin: bool, dice: Dice
) -> compose.Brief:
    voice = speech.voice
    thin, longer = planted.get("thin_topic"), planted.get("length_label_confound")
    hidden = thin["topic"] if thin else ""
    stretch = longer["stretch"] if longer and longer["label"] == label else 1.0
    length = compose.draw_length(voice, dice, stretch * voice.trim.get(channel, 1.0))
    kind = dice.weighted(compose.KINDS)
    topic = dice.pick([name for name in voice.fragments.topics(label) if name != hidden])
    if is_thin:
        kind, topic = "clear", hidden
    other = compose.draw_other(voice, label, kind, dice)
    return compose.Brief(label, topic, kind, channel, length, other, hidden)


def _plant(draft: planting.Draft, speech: Language, seed: int, planted: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Everything that happens to the finished texts, in the one order that keeps every effect true."""
    touched: dict[str, list[Any]] = {}
    kept: set[int] = set()
    if "thin_topic" in planted:
        kept |= {i for i, topic in enumerate(draft.topics) if topic == planted["thin_topic"]["topic"]}
    if "wrong_labels" in planted:
        touched["wrong_labels"] = planting.wrong_labels(
            draft, planted["wrong_labels"], _stream(seed, "wrong_labels"), kept
        )
        kept |= set(touched["wrong_labels"])
    _draw_groups(draft, seed, planted)
    if "spurious_token" in planted:
        planting.spurious_token(draft, planted["spurious_token"], _stream(seed, "spurious_token"), speech.insert_token)
    if "near_duplicates" in planted:
        touched["near_duplicates"] = planting.near_duplicates(
            draft, planted["near_duplicates"], _stream(seed, "near_duplicates"), speech.send_again, kept
        )
    return touched


def _draw_groups(draft: planting.Draft, seed: int, planted: Mapping[str, Any]) -> None:
    """Group attributes from the reference shares, given the label where an odds ratio is planted."""
    reference = attributes.REFERENCE[draft.language]
    for name in ("gender", "age_band", "region"):
        uniforms = _stream(seed, name).random(len(draft))
        tables = truth.shares_by_label(name, reference[name], sorted(set(draft.labels)), planted)
        column = np.empty(len(draft), dtype=object)
        for label, shares in tables.items():
            rows = draft.labels == label
            column[rows] = attributes.draw(shares, uniforms[rows])
        draft.columns[name] = column
