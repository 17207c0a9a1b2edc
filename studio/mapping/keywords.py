"""What a cluster is about: its most telling words (c-TF-IDF), in English, Chinese and mixed text."""

from __future__ import annotations

import logging
import re
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache

import numpy as np

from studio.records import Array

N_KEYWORDS = 8
NAME_WORDS = 3
TEXTS_PER_CLUSTER = 400  # ours: words settle long before; bounds the time on large corpora
TEXT_CHARACTERS = 600

_LATIN = re.compile(r"[^\W\d_\u3400-\u9fff][\w’'-]*[^\W_]|[^\W\d_\u3400-\u9fff]")
_CJK = re.compile(r"[\u3400-\u9fff]+")
STOP_WORDS_EN: frozenset[str] = frozenset(
    """a about after again all also am an and any are as at be because been before being but by can can't could did do
    does doing don't for from get getting go going got had has have having he hello her here hi him his how i i'm i've
    if in into is isn't it it's its just like made make many may me might more most much my need needs never no not now
    of off on one only or other our out over please re s she should so some still t than thank thanks that that's the
    their them then there these they this those through to too try trying up us use using very want was way we were
    what what's when where which while who why will with won't would yes yet you your couldn't doesn't didn't i'd i'll
    dear regards kind best sir madam let know been really am been""".split()
)
STOP_WORDS_ZH: frozenset[str] = frozenset(
    """我们 你们 他们 自己 这个 那个 什么 怎么 怎样 为什么 可以 没有 不是 就是 还是 或者 但是 因为 所以 如果 已经
    一个 一下 一直 一种 这样 那样 这些 那些 现在 时候 知道 觉得 请问 您好 你好 谢谢 麻烦 关于 以及 进行 通过 对于
    由于 其中 及其 基于 之间 不能 能够 应该 需要 还有 只是 而且 并且 然后 之后 之前 这里 那里 是否 如何 多少 的话
    大家 今天 昨天 希望 不会 不到 帮忙 有点 出来""".split()
)


def cluster_keywords(texts: Sequence[str], labels: Array, *, n_words: int = N_KEYWORDS) -> dict[int, tuple[str, ...]]:
    """The most telling words of every cluster, best first; never an empty tuple.

    c-TF-IDF: weight of word w in cluster c = tf_wc ln(1 + A / f_w), with tf_wc the share of the cluster's texts that
    hold w, f_w the sum of that over all clusters, A its mean per cluster. English words and pairs of words without stop
    words; Chinese words by jieba, or pairs of characters where jieba is not installed. A cluster without any word gets
    its most frequent characters, else its number.

    Args:
        texts: n texts.
        labels: (n,) cluster numbers; -1 is named like any other.
        n_words: words per cluster, at most.

    Paper: bertopic-2022.
    """
    cut = _chinese_cutter()
    shares: dict[int, dict[str, float]] = {}
    for cluster in np.unique(labels).tolist():
        rows = np.flatnonzero(labels == cluster)
        rows = rows[:: max(1, len(rows) // TEXTS_PER_CLUSTER)]
        counts: Counter[str] = Counter()
        for row in rows:
            counts.update(set(words_of(texts[row], cut)))
        least = 2 if len(rows) >= 5 else 1
        shares[cluster] = {word: count / len(rows) for word, count in counts.items() if count >= least}
    total: Counter[str] = Counter()
    for words in shares.values():
        total.update(words)
    mean = sum(total.values()) / max(len(shares), 1)
    result = {}
    for cluster, words in shares.items():
        weight = {word: share * float(np.log1p(mean / total[word])) for word, share in words.items()}
        ranked = sorted(weight, key=lambda word: (-weight[word], word))
        result[cluster] = _without_repeats(ranked, n_words) or _fallback(texts, labels, cluster)
    return result


def cluster_names(keywords: dict[int, tuple[str, ...]]) -> dict[int, str]:
    """A short name per cluster from its first words, unlike every other name; never empty."""
    names: dict[int, str] = {}
    taken: set[str] = set()
    for cluster in sorted(keywords):
        words = keywords[cluster]
        mark = "、" if any(_CJK.search(word) for word in words[:NAME_WORDS]) else ", "
        name = next(
            (n for n in (mark.join(words[:size]) for size in range(NAME_WORDS, len(words) + 1)) if n not in taken),
            mark.join(words[:NAME_WORDS]),
        )
        if name in taken:
            name = f"{name} ({cluster})"
        taken.add(name)
        names[cluster] = name
    return names


def words_of(text: str, cut: Callable[[str], Sequence[str]]) -> list[str]:
    """Words and neighbouring word pairs of the Latin parts, words of the Chinese parts; stop words left out."""
    text = text[:TEXT_CHARACTERS].lower()
    latin = [word.replace("’", "'") for word in _LATIN.findall(text)]
    keep = [len(word) > 1 and word not in STOP_WORDS_EN for word in latin]
    found = [word for word, kept in zip(latin, keep, strict=True) if kept]
    found += [f"{latin[i]} {latin[i + 1]}" for i in range(len(latin) - 1) if keep[i] and keep[i + 1]]
    for part in _CJK.findall(text):
        found += [word for word in cut(part) if len(word) > 1 and word not in STOP_WORDS_ZH]
    return found


def words_in(text: str) -> set[str]:
    """The different single words of a text, stop words left out: what two parts of a corpus are compared by.

    Example:
        >>> sorted(words_in("The card was declined, my card"))
        ['card', 'declined']
    """
    return {word for word in words_of(text, _chinese_cutter()) if " " not in word}


@cache
def _chinese_cutter() -> Callable[[str], Sequence[str]]:
    """Jieba's cut with a dictionary built in this process, or pairs of neighbouring characters without jieba."""
    try:
        import jieba  # optional, and slow to load
    except ImportError:
        return lambda part: [part[i : i + 2] for i in range(len(part) - 1)]
    jieba.setLogLevel(logging.WARNING)
    tokenizer = jieba.Tokenizer()
    with tempfile.TemporaryDirectory() as private:
        tokenizer.tmp_dir = private  # jieba would read a cache file from a folder that everyone may write to
        tokenizer.initialize()
    return tokenizer.lcut


def _without_repeats(ranked: Sequence[str], n_words: int) -> tuple[str, ...]:
    """The first words; a pair takes the place of a word it holds (card, card payment), plurals count as one word."""
    chosen: list[str] = []
    for word in ranked:
        parts = _stems(word)
        if any(parts <= _stems(other) for other in chosen):
            continue
        held = [place for place, other in enumerate(chosen) if _stems(other) <= parts]
        if held:
            chosen[held[0]] = word
            chosen = [other for place, other in enumerate(chosen) if place not in held[1:]]
            continue
        if len(chosen) == n_words:
            break
        chosen.append(word)
    return tuple(chosen)


def _stems(word: str) -> set[str]:
    return {part[:-1] if len(part) > 3 and part.endswith("s") else part for part in word.split()}


def _fallback(texts: Sequence[str], labels: Array, cluster: int) -> tuple[str, ...]:
    """The most frequent visible characters of a cluster without words, else its number."""
    rows = np.flatnonzero(labels == cluster)[:TEXTS_PER_CLUSTER]
    counts = Counter(c for row in rows for c in texts[row][:TEXT_CHARACTERS] if c.isprintable() and not c.isspace())
    common = sorted(counts, key=lambda c: (-counts[c], c))[:NAME_WORDS]
    return tuple(common) or (f"#{cluster}",)
