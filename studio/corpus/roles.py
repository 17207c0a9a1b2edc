"""Which column means what: the mapping a person confirms, and the first guess at its plain columns."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from studio.corpus.derived import Derived
from studio.corpus.schema import group_names
from studio.errors import CorpusError
from studio.records import TASK_TYPES

FEW_VALUES = 20  # ours: more values than this make a poor group attribute
MANY_LABELS = 300  # ours: above this many values a column is not guessed to be the label
MOST_GROUPS = 8  # ours: more are not proposed, though they may be chosen
_ANNOTATED = re.compile(r"label|annotat|标签|标注")
FORMS: tuple[str, ...] = ("standard", "conversational")
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
# Task -> roles one of whose columns must be there, and roles that may be. The rest of the roles belong to every task.
NEEDED: Mapping[str, tuple[str, ...]] = {
    "classification": ("text",), "classification_multi": ("text",), "token_classification": ("tokens", "text"),
    "seq2seq": ("prompt",), "prompt_completion": ("prompt",), "generative_qa": ("prompt",),
    "instruction": ("prompt",), "chat": ("messages", "prompt"), "preference": ("chosen",), "masked_lm": ("text",),
}  # fmt: skip
OPTIONAL: Mapping[str, tuple[str, ...]] = {
    "classification": ("label",), "classification_multi": ("labels",), "token_classification": ("tags", "spans"),
    "seq2seq": ("completion",), "prompt_completion": ("completion",), "generative_qa": ("completion", "context"),
    "instruction": ("completion", "context", "instances"), "masked_lm": (),
    "chat": ("completion", "context", "system", "history"), "preference": ("rejected", "prompt", "system", "label"),
}  # fmt: skip
_COLUMNS = ("text", "label", "prompt", "completion", "context", "chosen", "rejected", "messages", "system", "history",
            "instances", "tokens", "tags", "spans", "split", "source", "time", "language")  # fmt: skip


@dataclass(frozen=True)
class Roles:
    """Column names by role; None (or no group) where a corpus has no such column.

    `task` names a `TaskType`. `chosen` fills the role field `completion` of a preference pair. `labels` is one column
    that holds several labels (cut at `separator` where it is text) or several columns of 0 and 1. `label_names` are
    the names of label or tag numbers 0, 1, 2 ... `form` is conversational when prompt, completion and rejected are
    lists of messages. `instances` is a column with a list of {input, output}, each of which becomes an example.
    `scheme` is how tags name spans, and only matters for counting those that stand where they cannot.
    """

    text: str | None = None
    label: str | None = None
    groups: tuple[str, ...] = ()
    split: str | None = None
    source: str | None = None
    time: str | None = None
    language: str | None = None
    task: str = "classification"
    prompt: str | None = None
    completion: str | None = None
    context: str | None = None
    chosen: str | None = None
    rejected: str | None = None
    messages: str | None = None
    system: str | None = None
    history: str | None = None
    instances: str | None = None
    tokens: str | None = None
    tags: str | None = None
    spans: str | None = None
    labels: tuple[str, ...] = ()
    separator: str = ""
    label_names: tuple[str, ...] = ()
    form: str = "standard"
    scheme: str = ""
    derived: tuple[Derived, ...] = ()

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Roles:
        """The inverse of `to_json`; unknown entries are ignored."""
        known: dict[str, Any] = {}
        for field in fields(cls):
            given = value.get(field.name)
            if field.name == "derived":
                known["derived"] = tuple(Derived.from_json(item) for item in given or ())
            elif isinstance(field.default, tuple):
                known[field.name] = tuple(given or ())
            else:
                known[field.name] = given or field.default
        return cls(**known)

    def to_json(self) -> dict[str, Any]:
        """A plain mapping for a run's parameters, a recipe or a manifest; only what differs from an empty mapping."""
        said: dict[str, Any] = {
            field.name: list(value) if isinstance(value := getattr(self, field.name), tuple) else value
            for field in fields(self)
        }
        said["derived"] = [item.to_json() for item in self.derived]
        always = ("text", "label", "groups", "split", "source", "time", "language", "task")
        empty: tuple[Any, ...] = (None, "", [], "standard")
        return {name: value for name, value in said.items() if name in always or value not in empty}

    def column(self, role: str) -> str | None:
        """The column of a role; for `labels` the first one."""
        value = getattr(self, role)
        return (value[0] if value else None) if isinstance(value, tuple) else value

    def used(self) -> tuple[str, ...]:
        """The columns that have a role."""
        single = [getattr(self, name) for name in _COLUMNS if name in self._live()]
        several = self.labels if "labels" in self._live() else ()
        return tuple(name for name in (*single, *several, *self.groups) if name)

    def _live(self) -> frozenset[str]:
        """The roles that count under this task; a mapping may keep columns of a task it was looked at as."""
        own = (*NEEDED.get(self.task, ()), *OPTIONAL.get(self.task, ()))
        return frozenset((*own, "split", "source", "time", "language"))

    def group_columns(self) -> dict[str, str]:
        """Safe group name -> column or, for a derived group, the kind of its rule; in order."""
        given = (*self.groups, *(item.name for item in self.derived))
        read = (*self.groups, *(f"{item.column or 'text'} ({item.kind})" for item in self.derived))
        return dict(zip(group_names(given), read, strict=True))

    def check(self, columns: Sequence[str]) -> None:
        """Refuse a mapping the file cannot fill.

        Raises:
            CorpusError: no column the task needs, a column the file lacks, or one column in two roles.
        """
        listed = ", ".join(columns[:30]) + (" …" if len(columns) > 30 else "")
        if self.task not in {task.name for task in TASK_TYPES}:
            raise CorpusError("The task is not known", got=self.task,
                              fix=f"Use one of: {', '.join(NEEDED)}.")  # fmt: skip
        if not any(getattr(self, role) for role in NEEDED[self.task]):
            if NEEDED[self.task][-1] == "text":
                raise CorpusError("No text column is chosen", fix=f"Choose one of: {listed}.")
            raise CorpusError(f"No column is chosen for {NEEDED[self.task][0]}", fix=f"Choose one of: {listed}.")
        missing = [name for name in dict.fromkeys(self.used()) if name not in columns]
        if missing:
            raise CorpusError("The file has no such column", got=", ".join(missing), fix=f"Choose among: {listed}.")
        twice = [name for name, n in Counter(self.used()).items() if n > 1]
        if twice:
            raise CorpusError("A column has two roles", got=", ".join(twice), fix="Give each column one role.")
        for item in self.derived:
            item.check(columns)


def guess_roles(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> Roles:
    """The likeliest mapping as single-label classification; a person confirms it."""
    values = plain_values(columns, rows)
    text = guess_text(columns, values)
    free = [name for name in columns if name != text]
    split, time, source, language = guess_context(free, values)
    free = [name for name in free if name not in (split, time, source, language)]
    label = guess_label(free, values)
    groups = guess_groups([name for name in free if name != label], values)
    return Roles(text, label, groups, split, source, time, language)


def plain_values(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Column -> its filled scalar values as text; lists and objects are left out."""
    return {name: [text for row in rows if (text := _plain(row.get(name)))] for name in columns}


def guess_context(
    columns: Sequence[str], values: Mapping[str, Sequence[str]]
) -> tuple[str | None, str | None, str | None, str | None]:
    """The split, time, source and language columns among those without a role."""
    split = next((name for name in named(columns, _SPLIT_NAMES) if _is_split(values[name])), None)
    time = next((name for name in named(columns, _TIME_NAMES) if values[name]), None)
    source = next((name for name in named(columns, _SOURCE_NAMES) if values[name]), None)
    language = next(
        (name for name in named(columns, _LANGUAGE_NAMES) if 0 < len(set(values[name])) <= FEW_VALUES), None
    )
    return split, time, source, language


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


def named(columns: Sequence[str], names: Sequence[str]) -> list[str]:
    """The columns that bear one of these names, in the order of the names; case and spaces do not matter."""
    by_name = {column.strip().lower().replace(" ", "_"): column for column in reversed(columns)}
    return [by_name[name] for name in names if name in by_name]


def guess_text(columns: Sequence[str], values: Mapping[str, Sequence[str]]) -> str | None:
    """The column that looks most like running text: by name, length and how seldom its values repeat."""
    known = named(columns, _TEXT_NAMES)
    best, best_score = None, 0.0
    for column in columns:
        texts = values[column]
        if not texts or sum(re.fullmatch(r"[-+\d.,:/ eE]+", text) is not None for text in texts) > len(texts) / 2:
            continue
        length = sum(min(len(text), 400) * (2 if re.search(r"[\u4e00-\u9fff]", text) else 1) for text in texts)
        rank = 1 + 4 * (len(known) - known.index(column)) / len(known) if column in known else 1
        score = rank * length / len(texts) * len(set(texts)) / len(texts)
        if score > best_score:
            best, best_score = column, score
    return best


def label_names_of(columns: Sequence[str]) -> list[str]:
    """The columns whose name says label."""
    return named(columns, _LABEL_NAMES)


def guess_label(columns: Sequence[str], values: Mapping[str, Sequence[str]]) -> str | None:
    """The label column: by its name when it has few enough values, else the only column with few values."""
    for name in named(columns, _LABEL_NAMES):
        if 1 <= len(set(values[name])) <= max(2, min(MANY_LABELS, len(values[name]) // 2 + 1)):
            return name
    for name in columns:
        if re.search(r"label|标签|类别", name.lower()) and 1 <= len(set(values[name])) <= FEW_VALUES:
            return name
    few = [name for name in columns if 2 <= len(set(values[name])) <= len(values[name]) / 3]
    return few[0] if len(few) == 1 and len(set(values[few[0]])) <= MANY_LABELS else None


def _is_split(values: Sequence[str]) -> bool:
    return bool(values) and all(split_word(value) for value in set(values))


def guess_groups(columns: Sequence[str], values: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Columns that look like group attributes: few values that repeat, and no name that speaks of labels."""
    found = [name for name in columns if not _ANNOTATED.search(name.lower()) and is_group(values[name])]
    return tuple(found[:MOST_GROUPS])


def is_group(values: Sequence[str]) -> bool:
    """True for a column of few values that repeat, as group attributes do."""
    distinct = len(set(values))
    return 2 <= distinct <= FEW_VALUES and distinct * 5 <= len(values) and max(map(len, values)) <= 60
