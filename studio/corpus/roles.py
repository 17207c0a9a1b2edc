"""Which column means what: the mapping a person confirms, and the first guess at it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from studio.corpus.schema import group_names
from studio.errors import CorpusError

FEW_VALUES = 20  # ours: more values than this make a poor group attribute
MANY_LABELS = 300  # ours: above this many values a column is not guessed to be the label
_TEXT_NAMES = (
    "text", "sentence", "utterance", "content", "body", "review", "comment", "message", "question", "query", "tweet",
    "document", "description", "comment_text", "weibo_text", "instruction", "prompt", "title",
    "文本", "内容", "正文", "句子", "评论", "问题", "描述", "标题",
)  # fmt: skip
_LABEL_NAMES = (
    "label", "labels", "category", "class", "intent", "target", "topic", "queue", "sentiment", "emotion", "y",
    "label_name", "label_text", "标签", "类别", "分类", "意图", "主题", "情感",
)  # fmt: skip
_SPLIT_NAMES = ("split", "set", "subset", "partition", "fold", "划分", "数据划分", "集合")
_TIME_NAMES = ("time", "date", "timestamp", "created_at", "created", "datetime", "时间", "日期", "创建时间")
_SOURCE_NAMES = ("source", "author", "user", "user_id", "domain", "来源", "作者")
_LANGUAGE_NAMES = ("language", "lang", "语言")
SPLIT_WORDS: Mapping[str, str] = {
    "train": "train", "training": "train", "tr": "train", "训练": "train", "训练集": "train",
    "dev": "validation", "valid": "validation", "validation": "validation", "val": "validation", "eval": "validation",
    "验证": "validation", "验证集": "validation", "开发集": "validation",
    "test": "test", "testing": "test", "te": "test", "测试": "test", "测试集": "test",
    "pool": "pool", "unlabelled": "pool", "unlabeled": "pool", "未标注": "pool",
}  # fmt: skip


@dataclass(frozen=True)
class Roles:
    """Column names by role; None (or no group) where a corpus has no such column."""

    text: str | None = None
    label: str | None = None
    groups: tuple[str, ...] = ()
    split: str | None = None
    source: str | None = None
    time: str | None = None
    language: str | None = None

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Roles:
        """The inverse of `to_json`; unknown entries are ignored."""
        known = {name: value.get(name) or None for name in cls.__dataclass_fields__ if name != "groups"}
        return cls(**known, groups=tuple(value.get("groups") or ()))

    def to_json(self) -> dict[str, Any]:
        """A plain mapping for a run's parameters or a manifest."""
        return {**asdict(self), "groups": list(self.groups)}

    def used(self) -> tuple[str, ...]:
        """The columns that have a role."""
        single = (self.text, self.label, self.split, self.source, self.time, self.language)
        return tuple(name for name in (*single, *self.groups) if name)

    def group_columns(self) -> dict[str, str]:
        """Safe group name -> column, in order."""
        return dict(zip(group_names(self.groups), self.groups, strict=True))

    def check(self, columns: Sequence[str]) -> None:
        """Refuse a mapping the file cannot fill.

        Raises:
            CorpusError: no text column, a column the file lacks, or one column in two roles.
        """
        listed = ", ".join(columns[:30]) + (" …" if len(columns) > 30 else "")
        if not self.text:
            raise CorpusError("No text column is chosen", fix=f"Choose one of: {listed}.")
        missing = [name for name in self.used() if name not in columns]
        if missing:
            raise CorpusError("The file has no such column", got=", ".join(missing), fix=f"Choose among: {listed}.")
        twice = [name for name, n in Counter(self.used()).items() if n > 1]
        if twice:
            raise CorpusError("A column has two roles", got=", ".join(twice), fix="Give each column one role.")


def guess_roles(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> Roles:
    """The likeliest mapping, from names and from the values of the first records; a person confirms it."""
    values = {name: [text for row in rows if (text := _plain(row.get(name)))] for name in columns}
    text = _guess_text(columns, values)
    free = [name for name in columns if name != text]
    split = next((name for name in _named(free, _SPLIT_NAMES) if _is_split(values[name])), None)
    time = next((name for name in _named(free, _TIME_NAMES) if values[name]), None)
    source = next((name for name in _named(free, _SOURCE_NAMES) if values[name]), None)
    language = next((name for name in _named(free, _LANGUAGE_NAMES) if 0 < len(set(values[name])) <= FEW_VALUES), None)
    taken = {split, time, source, language}
    free = [name for name in free if name not in taken]
    label = _guess_label(free, values)
    groups = [name for name in free if name != label and _is_group(values[name])]
    return Roles(text, label, tuple(groups[:8]), split, source, time, language)


def guess_language(texts: Sequence[str]) -> str:
    """`zh` when at least 30 % of the letters are Chinese characters, else `en`.

    Example:
        >>> guess_language(["如何重置密码？", "reset"])
        'zh'
    """
    sample = "".join(text[:500] for text in texts[:2_000])
    chinese = len(re.findall(r"[\u3400-\u4dbf\u4e00-\u9fff]", sample))
    letters = len(re.findall(r"[^\W\d_]", sample))
    return "zh" if letters and chinese >= 0.3 * letters else "en"


def split_word(value: str | None) -> str | None:
    """The split a word of the file means (train, validation, test, pool), or None.

    Example:
        >>> split_word("Dev"), split_word("训练集"), split_word("fold 3")
        ('validation', 'train', None)
    """
    return SPLIT_WORDS.get((value or "").strip().lower())


def _plain(value: Any) -> str:
    return (
        value.strip()
        if isinstance(value, str)
        else ""
        if value is None or isinstance(value, dict | list)
        else str(value)
    )


def _named(columns: Sequence[str], names: Sequence[str]) -> list[str]:
    by_name = {column.strip().lower().replace(" ", "_"): column for column in reversed(columns)}
    return [by_name[name] for name in names if name in by_name]


def _guess_text(columns: Sequence[str], values: Mapping[str, Sequence[str]]) -> str | None:
    named = _named(columns, _TEXT_NAMES)
    best, best_score = None, 0.0
    for column in columns:
        texts = values[column]
        if not texts or sum(re.fullmatch(r"[-+\d.,:/ eE]+", text) is not None for text in texts) > len(texts) / 2:
            continue
        length = sum(min(len(text), 400) * (2 if re.search(r"[\u4e00-\u9fff]", text) else 1) for text in texts)
        rank = 1 + 4 * (len(named) - named.index(column)) / len(named) if column in named else 1
        score = rank * length / len(texts) * len(set(texts)) / len(texts)
        if score > best_score:
            best, best_score = column, score
    return best


def _guess_label(columns: Sequence[str], values: Mapping[str, Sequence[str]]) -> str | None:
    for name in _named(columns, _LABEL_NAMES):
        if 1 <= len(set(values[name])) <= max(2, min(MANY_LABELS, len(values[name]) // 2 + 1)):
            return name
    for name in columns:
        if re.search(r"label|标签|类别", name.lower()) and 2 <= len(set(values[name])) <= FEW_VALUES:
            return name
    few = [name for name in columns if 2 <= len(set(values[name])) <= len(values[name]) / 3]
    return few[0] if len(few) == 1 and len(set(values[few[0]])) <= MANY_LABELS else None


def _is_split(values: Sequence[str]) -> bool:
    return bool(values) and all(split_word(value) for value in set(values))


def _is_group(values: Sequence[str]) -> bool:
    distinct = len(set(values))
    return 2 <= distinct <= FEW_VALUES and distinct * 5 <= len(values) and max(map(len, values)) <= 60
