"""A labelled text as an instruction: the editable words around it, so that one set of labels serves every format."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from studio.errors import CorpusError

MOST_CHARACTERS = 4_000  # ours: an instruction longer than this is a document
FIELDS: tuple[str, ...] = ("text", "labels", "context")
_FIELD = re.compile(r"\{(text|labels|context)\}")
_NONE = {"en": "none", "zh": "无"}  # what a text without any of the labels is answered with
_BETWEEN = {"en": ", ", "zh": "、"}
_DEFAULT = {
    "en": "Which of these labels fits the text: {labels}?",
    "zh": "下面的文本属于哪一类：{labels}？",
}
_DEFAULT_MULTI = {
    "en": "Which of these labels fit the text? Give every one that fits: {labels}.",
    "zh": "下面的文本属于哪些类别？请列出所有合适的：{labels}。",
}


@dataclass(frozen=True)
class Instruction:
    """The words of an instruction: `{labels}` becomes the list of labels, `{text}` the text.

    Without `{text}` the text follows as the input, which is how Alpaca and most trainers want it.
    """

    words: str
    labels: tuple[str, ...] = ()
    language: str = "en"

    def check(self) -> Instruction:
        """Refuse words that cannot serve; returns itself.

        Raises:
            CorpusError: empty, too long, or a field in braces that does not exist.
        """
        if not self.words.strip():
            raise CorpusError("The instruction is empty", fix="Write what the model should do with the text.")
        if len(self.words) > MOST_CHARACTERS:
            raise CorpusError("The instruction is too long", got=f"{len(self.words):,} characters",
                              fix=f"Keep it under {MOST_CHARACTERS:,} characters.")  # fmt: skip
        wrong = [name for name in re.findall(r"\{(\w+)\}", self.words) if name not in FIELDS]
        if wrong:
            raise CorpusError("The instruction names a field that does not exist", got="{" + wrong[0] + "}",
                              fix="Use {text}, {labels} or {context}.")  # fmt: skip
        return self

    def fill(self, row: Mapping[str, Any]) -> tuple[str, str]:
        """Instruction and input of one row; the input is empty where the words already hold the text.

        What is put in is never read again, so a text that says `{labels}` stays as it is.
        """
        values = {
            "text": str(row.get("text") or ""),
            "context": str(row.get("context") or ""),
            "labels": _BETWEEN.get(self.language, ", ").join(self.labels),
        }
        filled = _FIELD.sub(lambda found: values[found.group(1)], self.words)
        return filled, "" if "{text}" in self.words else values["text"]

    def answer(self, row: Mapping[str, Any]) -> str | None:
        """The label, or the labels joined, as the text to be learnt; None where the row has none."""
        labels = row.get("labels")
        if isinstance(labels, list):
            if not labels:
                return _NONE.get(self.language, _NONE["en"])
            return _BETWEEN.get(self.language, ", ").join(str(label) for label in labels)
        label = row.get("label")
        return None if label is None else str(label)


def default_words(language: str, *, several: bool = False) -> str:
    """The instruction offered first, in the language of the corpus."""
    words = _DEFAULT_MULTI if several else _DEFAULT
    return words.get(language, words["en"])


def instruction(words: str, labels: Sequence[str], language: str) -> Instruction:
    """A checked instruction.

    Raises:
        CorpusError: see `Instruction.check`.
    """
    return Instruction(words, tuple(labels), language).check()
