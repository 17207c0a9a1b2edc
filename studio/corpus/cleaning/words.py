"""Words: the statistics of a corpus by words, and the explicit step that changes its texts by them (never advised)."""

from __future__ import annotations

import logging
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from studio.corpus.cleaning.records import Batch, Editor, Outcome, Parameter, Step
from studio.corpus.cleaning.script import HAN, language_of, units

STATISTICS_TEXTS = 2_000  # texts cut into words for the statistics; a larger corpus gives an even sample
_CHARACTERS = 2_000
# Function words only; what a message is about never depends on one of them.
STOP_WORDS: Mapping[str, frozenset[str]] = {
    "en": frozenset(
        "a an the and or but if of to in on at by for with from as is are was were be been being am do does did have "
        "has had i me my we us our you your he him his she her it its they them their this that these those there "
        "here so than then too very can could will would shall should may might must just not no nor".split()
    ),
    "zh": frozenset(
        "的 了 着 过 地 得 和 与 及 或 而 且 但 在 从 到 向 对 把 被 给 让 为 以 于 是 有 也 都 就 才 又 还 很 太 更 "
        "最 吗 呢 吧 啊 呀 嘛 我 你 您 他 她 它 我们 你们 他们 这 那 这个 那个 一个 什么 怎么 因为 所以 如果 但是 "
        "而且".split()
    ),
}


@cache
def _cutter() -> Callable[[str], list[str]]:
    import jieba  # slow to load: only where Chinese words are asked for

    jieba.setLogLevel(logging.WARNING)
    tokenizer = jieba.Tokenizer()
    with tempfile.TemporaryDirectory() as private:
        tokenizer.tmp_dir = private  # jieba would read a cache file from a folder that everyone may write to
        tokenizer.initialize()
    return lambda text: tokenizer.lcut(text, HMM=False)


def words(text: str) -> list[str]:
    """Words of a text: by jieba where it is Chinese, by spaces elsewhere; punctuation is left out."""
    if not HAN.search(text):
        return units(text)
    return [word for word in _cutter()(text) if any(map(str.isalnum, word))]


def statistics(texts: Sequence[str]) -> dict[str, float]:
    """Size and words of a corpus: n, characters, mean_characters, and of a sample words, vocabulary, stop_share.

    n_sampled says on how many texts the last three rest (the first 2,000 characters of each).
    """
    n = len(texts)
    characters = sum(map(len, texts))
    step = max(1, n // STATISTICS_TEXTS)
    sample = texts[::step][:STATISTICS_TEXTS]
    counts: Counter[str] = Counter()
    for text in sample:
        counts.update(word.lower() for word in words(text[:_CHARACTERS]))
    total = counts.total()
    stops = sum(n for word, n in counts.items() if word in STOP_WORDS["en"] or word in STOP_WORDS["zh"])
    return {"n": n, "characters": characters, "mean_characters": characters / n if n else 0.0, "n_sampled": len(sample),
            "words": total, "vocabulary": len(counts), "stop_share": stops / total if total else 0.0}  # fmt: skip


def word_editor(*, segment: bool, drop_stops: bool) -> Editor:
    """Puts spaces between Chinese words, takes function words out, or both.

    Example:
        >>> word_editor(segment=False, drop_stops=True)("I have lost the card")
        'lost card'
    """

    def edit(text: str) -> str:
        is_chinese = language_of(text) == "zh"
        if not is_chinese and not drop_stops:
            return text
        stops = STOP_WORDS["zh" if is_chinese else "en"] if drop_stops else frozenset()
        lines = []
        for line in text.split("\n"):
            cut = [word for word in _cutter()(line) if word.strip()] if is_chinese else line.split()
            kept = [word for word in cut if word.lower().strip(".,;:!?") not in stops]
            lines.append((" " if segment or not is_chinese else "").join(kept))
        return "\n".join(lines)

    return edit


def _words(batch: Batch, values: Mapping[str, Any]) -> Outcome:
    segment, stops = values["segment"], values["stop_words"]
    if not segment and not stops:
        return Outcome()
    return Outcome(word_editor(segment=segment, drop_stops=stops), notes=("clean.note.words",))


WORDS = Step(
    "words", "clean.step.words", "words", "edit",
    (Parameter("segment", "bool", False), Parameter("stop_words", "bool", False)), (), "", 1, _words,
    steady=False, advised=False,
)  # fmt: skip
