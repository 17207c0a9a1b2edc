"""What prompts ask for: the first verb of a request and its noun, found by rule; and how long chats are."""

from __future__ import annotations

import json
import logging
import re
import tempfile
from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import TYPE_CHECKING

import numpy as np

from studio.diversity.distributions import jensen_shannon
from studio.diversity.hill import effective_number
from studio.diversity.record import MOST, DiversityMeasure, Number, undefined
from studio.diversity.verbs import (
    AFTER_NOUN_EN,
    ASKING_EN,
    BEFORE_NOUN_EN,
    BEFORE_VERB_EN,
    LIGHT_ZH,
    VERBS_EN,
    VERBS_ZH,
)

if TYPE_CHECKING:
    from studio.diversity.rows import Rows

LOOK_AT = 400  # characters of a prompt that are looked at; what is asked stands at its head or after a given text
FIRST_WORDS = 40  # ours: words in which the verb must stand
RUN = 5  # ours: words of a noun group at most
TOP = 12  # pairs shown
_SENTENCE = re.compile(r"[.!?;:\n。！？；：]+")
_WORD = re.compile(r"[^\W\d_]+(?:[-'’][^\W\d_]+)*|,| - ")
_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
Pair = tuple[str, str]


def verb_and_noun(prompt: str) -> Pair | None:
    """The verb a request opens with and the noun it is about, by rule; None where no verb is found.

    English: the first word of a closed list of request verbs that opens its sentence or follows a comma, "please",
    "to", "you" and the like; after it, words that stand before a noun are passed over, and the last word of the run
    that follows is the noun. A sentence that opens with a question word gives that word as the verb. Chinese: the
    first verb jieba tags (or that a short list names) that does more than carry another one, and the first noun it
    tags after it.

    Limits: no parser. "Explain how plants grow" finds the noun "grow"; a noun before its verb (把这句话翻译) is found
    only where another noun follows; a verb outside the list is passed over.

    Paper: self-instruct-2023; by rule instead of by a parser.

    Example:
        >>> verb_and_noun("Please write a short poem about the sea.")
        ('write', 'poem')
    """
    text = prompt[:LOOK_AT]
    return _chinese(text) if len(_HAN.findall(text)) * 3 > len(text.replace(" ", "")) else _english(text)


def _english(text: str) -> Pair | None:
    seen = 0
    for sentence in _SENTENCE.split(text.lower()):
        words = ["," if found == " - " else found for found in _WORD.findall(sentence.replace("’", "'"))]
        for place, word in enumerate(words):
            seen += 1
            if seen > FIRST_WORDS:
                return None
            opens = place == 0 or words[place - 1] in BEFORE_VERB_EN
            if (opens and word in VERBS_EN) or (place == 0 and word in ASKING_EN and not _request(words)):
                return word, _noun(words[place + 1 :])
    return None


def _request(words: Sequence[str]) -> bool:
    """True for "can you write", "could you please explain": a request with a verb of its own."""
    return words[0] in ("can", "could") and any(word in VERBS_EN for word in words[1:6])


def _noun(words: Sequence[str]) -> str:
    start = 0
    while start < len(words) and (words[start] in BEFORE_NOUN_EN or words[start] in ASKING_EN):
        start += 1
    run: list[str] = []
    for word in words[start : start + RUN]:
        if word in AFTER_NOUN_EN or word == ",":
            break
        run.append(word)
    return run[-1] if run else ""


def _chinese(text: str) -> Pair | None:
    verb = ""
    for word, flag in _tagger()(text):
        if not verb:
            if word in VERBS_ZH or (flag.startswith("v") and word not in LIGHT_ZH):
                verb = word
        elif flag.startswith("n") or flag == "vn":
            return verb, word
    return (verb, "") if verb else None


@cache
def _tagger() -> Callable[[str], list[Pair]]:
    import jieba  # slow to load: only where Chinese prompts are there
    import jieba.posseg

    jieba.setLogLevel(logging.WARNING)
    tokenizer = jieba.Tokenizer()
    with tempfile.TemporaryDirectory() as private:
        tokenizer.tmp_dir = private  # jieba would read a cache file from a folder that everyone may write to
        tokenizer.initialize()
    tagger = jieba.posseg.POSTokenizer(tokenizer)
    return lambda text: [(pair.word, pair.flag) for pair in tagger.cut(text)]


def first_prompt(prompt: str | None, messages: str | None) -> str | None:
    """The prompt of an example: its own, else what the user says first; None where there is neither."""
    if prompt and prompt.strip():
        return prompt
    said = [one for one in _turns(messages) if one[0] == "user"]
    return said[0][1] if said else None


def n_turns(messages: str | None) -> float:
    """Messages of a conversation without those of the system; NaN where there is no conversation."""
    turns = [one for one in _turns(messages) if one[0] != "system"]
    return float(len(turns)) if turns else float("nan")


def _turns(messages: str | None) -> list[Pair]:
    if not messages:
        return []
    try:
        given = json.loads(messages)
    except ValueError:
        return []
    return [
        (str(one.get("role")), str(one.get("content") or ""))
        for one in (given if isinstance(given, list) else [])
        if isinstance(one, dict)
    ]


# --- measures ---------------------------------------------------------------------------------------------------------
def _effective(rows: Rows, name: str) -> Number:
    """How many equally common verbs, or verb and noun pairs, would be as varied: exp(-sum p ln p).

    Over the prompts in which a verb was found; the others are counted.

    Paper: hill-1973. Paper: self-instruct-2023.
    Limits: the rule of `verb_and_noun`; compare only sets of one size and one language.
    """
    codes = getattr(rows, name)
    there = codes[codes >= 0]
    if not len(there):
        return undefined("no_verbs" if (codes == -1).any() else "no_prompts")
    counts = np.bincount(there)
    return Number(effective_number(counts), values={"found": len(there), "prompts": int((codes >= -1).sum()),
                                               "different": int((counts > 0).sum())})  # fmt: skip


def top_pairs(rows: Rows, most: int = TOP) -> list[tuple[str, int]]:
    """The commonest verb and noun pairs as "verb noun" with their counts, ties by alphabet."""
    codes = rows.pairs if rows.pairs is not None else np.empty(0, dtype=np.int64)
    counts = np.bincount(codes[codes >= 0])
    found = [(rows.names["pairs"][code], int(counts[code])) for code in np.flatnonzero(counts)]
    return sorted(found, key=lambda one: (-one[1], one[0]))[:most]


def _apart(rows: Rows) -> Number:
    """Jensen-Shannon divergence of the verb and noun pairs from the reference's, in nats.

    Paper: lin-1991.
    """
    theirs = rows.reference.counts.get("pairs")
    codes = rows.pairs
    value = float("nan") if theirs is None else jensen_shannon(np.bincount(codes[codes >= 0]), theirs)
    return Number(value) if np.isfinite(value) else undefined("no_verbs")


def _median(rows: Rows, name: str, reason: str) -> Number:
    """Median over the examples that have it, with the middle 80 %: turns of a chat, words of a prompt."""
    values = getattr(rows, name)
    values = values[~np.isnan(values)]
    if not len(values):
        return undefined(reason)
    low, middle, high = np.quantile(values, (0.1, 0.5, 0.9))
    return Number(float(middle), values={"low": round(float(low), 1), "high": round(float(high), 1), "n": len(values)})


def _range(rows: Rows, name: str, reason: str) -> Number:
    """Value at 90 % minus value at 10 %; higher is more varied."""
    values = getattr(rows, name)
    values = values[~np.isnan(values)]
    if not len(values):
        return undefined(reason)
    low, high = np.quantile(values, (0.1, 0.9))
    return Number(round(float(high - low), 6))


_G = "instructions"
PAIRS = DiversityMeasure("pairs", _G, "diversity.name.pairs", ("pairs",), "kinds", "varied", True, MOST, 1,
                         "self-instruct-2023", partial(_effective, name="pairs"))  # fmt: skip
VERBS = DiversityMeasure("verbs", _G, "diversity.name.verbs", ("verbs",), "kinds", "varied", True, MOST, 1,
                         "self-instruct-2023", partial(_effective, name="verbs"))  # fmt: skip
ASKED_APART = DiversityMeasure("asked_apart", _G, "diversity.name.asked_apart", ("pairs", "reference"), "nats", "apart",
                               True, MOST, 1, "lin-1991", _apart)  # fmt: skip
PROMPT_LENGTH = DiversityMeasure("prompt_length", _G, "diversity.name.prompt_length", ("prompt_lengths",), "units",
                                 "neither", False, MOST, 1, "",
                                 partial(_median, name="prompt_lengths", reason="no_prompts"))  # fmt: skip
TURNS = DiversityMeasure("turns", _G, "diversity.name.turns", ("turns",), "turns", "neither", False, MOST, 1, "",
                         partial(_median, name="turns", reason="no_chats"))  # fmt: skip
TURNS_RANGE = DiversityMeasure("turns_range", _G, "diversity.name.turns_range", ("turns",), "turns", "varied", False,
                               MOST, 1, "", partial(_range, name="turns", reason="no_chats"))  # fmt: skip
