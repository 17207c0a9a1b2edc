"""Published quality rules as adjustable flags: Gopher (document and repetition), C4, FineWeb; English as published.

The rules were made for web pages. Chinese has no spaces and no capital letters: its units are characters, its
thresholds are ours. A text is judged by the thresholds of its own language.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from studio.corpus.cleaning.records import Batch, Outcome, Parameter, Step, action
from studio.corpus.cleaning.script import LETTER, language_of, units

_HEAD = 50_000  # characters judged of a longer text
_SYMBOLS = re.compile(r"#|\.\.\.|…")
_ELLIPSIS = ("...", "…")
_BULLETS = ("•", "‣", "▪", "●", "○", "◦", "·", "-", "*", "–", "—")
_ENDINGS = tuple(".!?。！？…\"'”’』」）)")
STOP_WORDS: Mapping[str, frozenset[str]] = {
    "en": frozenset("the be to of and that have with".split()),  # the eight words of the paper
    "zh": frozenset("的了是我不在有你这就"),  # ours: the commonest function characters
}
Rule = Callable[[str, list[str], str, Mapping[str, Any]], tuple[str, float] | None]


def _percent(name: str, english: float, chinese: float) -> Parameter:
    return Parameter(name, "float", {"en": english, "zh": chinese}, 0, 100)


def _count(name: str, english: int, chinese: int, high: int = 1_000_000) -> Parameter:
    return Parameter(name, "int", {"en": english, "zh": chinese}, 0, high)


def _judge(batch: Batch, values: Mapping[str, Any], rule: Rule) -> Outcome:
    """Every text by one set of rules; the first rule that is broken is the reason."""
    found = {}
    for i, text in enumerate(batch.texts):
        if i % 2048 == 0:
            batch.check_stop()
        head = text[:_HEAD]
        language = language_of(head)
        own = {name: value[language] if isinstance(value, Mapping) else value for name, value in values.items()}
        broken = rule(head, units(head), language, own)
        if broken is not None:
            found[i] = (broken[0], f"{broken[1]:.4g}")
    return Outcome(found=found, action=values["action"])


def _lines(text: str) -> list[str]:
    return [line for raw in text.split("\n") if (line := raw.strip())]


def _gopher_rule(text: str, words: list[str], language: str, own: Mapping[str, Any]) -> tuple[str, float] | None:
    n = len(words)
    if n < own["fewest_words"] or n > own["most_words"]:
        return ("few_words" if n < own["fewest_words"] else "many_words"), n
    if not n:
        return None
    if language == "en":
        mean = sum(map(len, words)) / n
        if not own["shortest_word"] <= mean <= own["longest_word"]:
            return "word_length", mean
    symbols = 100 * len(_SYMBOLS.findall(text)) / n
    if symbols > own["symbols"]:
        return "symbols", symbols
    lines = _lines(text)
    bullets = 100 * sum(line.startswith(_BULLETS) for line in lines) / max(1, len(lines))
    if bullets > own["bullets"]:
        return "bullets", bullets
    trailing = 100 * sum(line.endswith(_ELLIPSIS) for line in lines) / max(1, len(lines))
    if trailing > own["ellipses"]:
        return "ellipses", trailing
    lettered = 100 * sum(LETTER.search(word) is not None for word in words) / n
    if lettered < own["lettered"]:
        return "lettered", lettered
    stops = len(STOP_WORDS[language] & {word.lower() for word in words})
    return ("stop_words", stops) if stops < own["stop_words"] else None


GOPHER = Step(
    "gopher", "clean.step.gopher", "quality", "flag",
    (action("flag", "drop"), _count("fewest_words", 50, 80), _count("most_words", 100_000, 200_000),
     Parameter("shortest_word", "float", 3.0, 0, 50, 0.5), Parameter("longest_word", "float", 10.0, 1, 100, 0.5),
     _percent("symbols", 10, 10), _percent("bullets", 90, 90), _percent("ellipses", 30, 30),
     _percent("lettered", 80, 60), _count("stop_words", 2, 2, 10)),
    (), "gopher-2021", 1, lambda batch, values: _judge(batch, values, _gopher_rule),
)  # fmt: skip


# --- repetition (Gopher, table A1) ------------------------------------------------------------------------------------
def _repeated_lines(lines: list[str]) -> tuple[float, float]:
    """Percent of lines, and of their characters, that are repeats of an earlier line."""
    seen: set[str] = set()
    again = [line for line in lines if line in seen or seen.add(line)]  # type: ignore[func-returns-value]
    return 100 * len(again) / max(1, len(lines)), 100 * sum(map(len, again)) / max(1, sum(map(len, lines)))


def _top_share(words: list[str], n: int, total: int) -> float:
    """Percent of the characters that the commonest n-gram covers, when it stands there more than once."""
    counts = Counter(zip(*(words[i:] for i in range(n)), strict=False))
    gram, times = max(counts.items(), key=lambda item: (item[1], sum(map(len, item[0]))), default=((), 0))
    return 100 * times * sum(map(len, gram)) / total if times > 1 else 0.0


def _repeat_share(words: list[str], n: int, total: int) -> float:
    """Percent of the characters inside n-grams that stood in the text before; overlaps count once."""
    seen: set[tuple[str, ...]] = set()
    covered = bytearray(len(words))
    for i in range(len(words) - n + 1):
        gram = tuple(words[i : i + n])
        if gram in seen:
            covered[i : i + n] = b"\x01" * n
        seen.add(gram)
    return 100 * sum(len(word) for word, is_in in zip(words, covered, strict=True) if is_in) / total


def _repetition_rule(text: str, words: list[str], language: str, own: Mapping[str, Any]) -> tuple[str, float] | None:
    if len(words) < max(own["from_words"], 1):
        return None
    lines = _lines(text)
    if len(lines) > 1:
        share, characters = _repeated_lines(lines)
        if share > own["lines"]:
            return "repeated_lines", share
        if characters > own["line_characters"]:
            return "repeated_line_characters", characters
    total = max(1, sum(map(len, words)))
    for n, name in ((2, "top_2"), (3, "top_3"), (4, "top_4")):
        if (share := _top_share(words, n, total)) > own[name]:
            return name, share
    for n, name in ((5, "repeat_5"), (10, "repeat_10")):
        if (share := _repeat_share(words, n, total)) > own[name]:
            return name, share
    return None


REPETITION = Step(
    "repetition", "clean.step.repetition", "quality", "flag",
    (action("flag", "drop"), _count("from_words", 50, 80), _percent("lines", 30, 30),
     _percent("line_characters", 20, 20), _percent("top_2", 20, 20), _percent("top_3", 18, 18),
     _percent("top_4", 16, 16), _percent("repeat_5", 15, 20), _percent("repeat_10", 10, 12)),
    (), "gopher-2021", 1, lambda batch, values: _judge(batch, values, _repetition_rule),
)  # fmt: skip

# --- C4 ---------------------------------------------------------------------------------------------------------------
_SENTENCE = re.compile(r"[.!?…](?=\s|$|[\"'”’)])|[。！？…]")
_POLICY = ("terms of use", "privacy policy", "cookie policy", "uses cookies", "use of cookies", "use cookies",
           "隐私政策", "用户协议", "使用条款")  # fmt: skip


def _c4_rule(text: str, words: list[str], language: str, own: Mapping[str, Any]) -> tuple[str, float] | None:
    low = text.lower()
    if own["placeholder"] and "lorem ipsum" in low:
        return "placeholder", 1
    if own["code"] and "{" in text:
        return "curly_bracket", text.count("{")
    if own["code"] and "javascript" in low:
        return "javascript", 1
    if own["policy"] and any(phrase in low for phrase in _POLICY):
        return "policy", 1
    sentences = len(_SENTENCE.findall(text))
    if sentences < own["sentences"]:
        return "few_sentences", sentences
    lines = _lines(text)
    ended = 100 * sum(line.endswith(_ENDINGS) for line in lines) / max(1, len(lines))
    return ("line_ends", ended) if ended < own["line_ends"] else None


C4 = Step(
    "c4", "clean.step.c4", "quality", "flag",
    (action("flag", "drop"), Parameter("placeholder", "bool", True), Parameter("code", "bool", True),
     Parameter("policy", "bool", True), _count("sentences", 3, 3, 1_000), _percent("line_ends", 0, 0)),
    (), "c4-2020", 1, lambda batch, values: _judge(batch, values, _c4_rule),
)  # fmt: skip


# --- FineWeb ----------------------------------------------------------------------------------------------------------
def _fineweb_rule(text: str, words: list[str], language: str, own: Mapping[str, Any]) -> tuple[str, float] | None:
    lines = _lines(text)
    if len(lines) < max(own["from_lines"], 1):
        return None
    ended = 100 * sum(line.endswith(_ENDINGS) for line in lines) / len(lines)
    if ended <= own["line_ends"]:
        return "line_ends", ended
    short = 100 * sum(len(line) < own["short_line"] for line in lines) / len(lines)
    if short >= own["short_lines"]:
        return "short_lines", short
    repeated = _repeated_lines(lines)[1]
    if repeated >= own["repeated"]:
        return "repeated_line_characters", repeated
    breaks = 100 * text.count("\n") / max(1, len(words))
    return ("line_breaks", breaks) if breaks > own["breaks"] else None


FINEWEB = Step(
    "fineweb", "clean.step.fineweb", "quality", "flag",
    (action("flag", "drop"), _count("from_lines", 2, 2, 1_000), _percent("line_ends", 12, 12),
     _percent("short_lines", 67, 67), _count("short_line", 30, 15, 1_000), _percent("repeated", 10, 10),
     _percent("breaks", 30, 20)),
    (), "fineweb-2024", 1, lambda batch, values: _judge(batch, values, _fineweb_rule),
)  # fmt: skip
