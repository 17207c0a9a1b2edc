"""Which texts stay: a band of lengths, the wanted languages, and lines that stand in too many texts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from functools import cache
from typing import Any

import numpy as np

from studio.corpus.cleaning.records import Batch, Outcome, Parameter, Step, action
from studio.corpus.cleaning.script import HAN, HANGUL, KANA, LETTER, language_of, units

_CHECK_EVERY = 4096


# --- length -----------------------------------------------------------------------------------------------------------
def _length(batch: Batch, values: Mapping[str, Any]) -> Outcome:
    """Too short or too long, in characters and in units, by the language of each text."""
    found = {}
    for i, text in enumerate(batch.texts):
        if i % _CHECK_EVERY == 0:
            batch.check_stop()
        language = language_of(text)
        n = len(text.strip())
        if n < values["shortest"][language]:
            found[i] = ("too_short", str(n))
        elif n > values["longest"][language]:
            found[i] = ("too_long", str(n))
        elif values["fewest_units"][language] > 1 or n > values["most_units"][language]:
            n = len(units(text))
            if n < values["fewest_units"][language]:
                found[i] = ("few_units", str(n))
            elif n > values["most_units"][language]:
                found[i] = ("many_units", str(n))
    return Outcome(found=found, action=values["action"])


# Ours: the lower bounds let "Where is my card?" and 怎么退款 through; the upper ones are far above any message.
LENGTH = Step(
    "length", "clean.step.length", "filter", "drop",
    (action("drop", "flag"),
     Parameter("shortest", "int", {"en": 5, "zh": 2}, 0, 200_000),
     Parameter("longest", "int", {"en": 20_000, "zh": 10_000}, 1, 200_000, 100),
     Parameter("fewest_units", "int", {"en": 1, "zh": 1}, 0, 100_000),
     Parameter("most_units", "int", {"en": 5_000, "zh": 10_000}, 1, 200_000, 100)), (), "", 1, _length,
)  # fmt: skip


# --- language ---------------------------------------------------------------------------------------------------------
# Codes of py3langid that a person who asks for the language would accept; the first is the language itself.
CLOSE: Mapping[str, tuple[str, ...]] = {
    "en": ("en", "pcm", "sco"), "zh": ("zh", "yue", "wuu"), "no": ("no", "nb", "nn", "da"), "sr": ("sr", "hr", "bs"),
    "hr": ("hr", "sr", "bs"), "id": ("id", "ms"), "ms": ("ms", "id"), "pt": ("pt", "gl"),
}  # fmt: skip
LANGUAGES: tuple[str, ...] = (
    "en", "zh", "ja", "ko", "de", "fr", "es", "it", "pt", "nl", "ru", "ar", "hi", "vi", "th", "id", "ms", "tr", "pl",
    "uk", "cs", "sv", "no", "da", "fi", "el", "he", "fa", "ur", "bn", "ta", "ro", "hu", "bg", "sr", "hr", "ca",
)  # fmt: skip
_OTHER_LETTERS = 6  # ours: Cyrillic, Arabic, Thai ... are told apart from Latin by a word
_HEAD = 2_000  # characters looked at; a language shows itself early
KANA_SHARE, HANGUL_SHARE = 0.1, 0.3  # ours: of the Han, kana and Hangul characters


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier  # 0.8 s: only where the step is used

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


def by_script(text: str) -> str | None:
    """zh, ja or ko where the characters settle it, however short the text; None where they do not."""
    han, kana, hangul = len(HAN.findall(text)), len(KANA.findall(text)), len(HANGUL.findall(text))
    total = han + kana + hangul
    if not total or 3 * total < len(units(text)):
        return None
    if hangul >= HANGUL_SHARE * total:
        return "ko"
    return "ja" if kana >= KANA_SHARE * total else "zh"


def other_language(text: str, wanted: Collection[str], *, letters: int, confidence: float) -> str:
    """The code of the text's language when that is surely none of the wanted ones, else an empty string.

    Chinese, Japanese and Korean are told by their characters at any length, all others by py3langid. A text in Latin
    letters with fewer than `letters` of them is never judged: at that length identifiers are often wrong (measured in
    docs/decisions/0100-language-identification.md). `confidence`: the least probability that it is another language.

    Paper: lui-baldwin-2012; the model is that of py3langid.
    """
    head = text[:_HEAD]
    settled = by_script(head)
    if settled is not None:
        return "" if settled in wanted else settled
    found = LETTER.findall(head)
    is_latin = 2 * sum(letter < "\u0250" for letter in found) >= len(found)
    if len(found) < (letters if is_latin else min(letters, _OTHER_LETTERS)):
        return ""
    ours = {code for name in wanted for code in CLOSE.get(name, (name,))}
    guess = str(_identifier().classify(head)[0])
    if guess in ours:
        return ""
    probs = dict(_identifier().rank(head))
    return guess if 1 - sum(probs.get(code, 0.0) for code in ours) >= confidence else ""


def _language(batch: Batch, values: Mapping[str, Any]) -> Outcome:
    """Texts that are surely in none of the wanted languages."""
    wanted = tuple(values["keep"].split(","))
    found = {}
    for i, text in enumerate(batch.texts):
        if i % _CHECK_EVERY == 0:
            batch.check_stop()
        other = other_language(text, wanted, letters=values["letters"], confidence=values["confidence"])
        if other:
            found[i] = ("other_language", other)
    return Outcome(found=found, action=values["action"])


LANGUAGE = Step(
    "language", "clean.step.language", "filter", "drop",
    (action("drop", "flag"), Parameter("keep", "languages", "en,zh", choices=LANGUAGES),
     Parameter("letters", "int", 20, 1, 1_000), Parameter("confidence", "float", 0.9, 0.5, 0.999, 0.01)),
    (), "lui-baldwin-2012", 1, _language,
)  # fmt: skip


# --- boilerplate lines ------------------------------------------------------------------------------------------------
def _boilerplate(batch: Batch, values: Mapping[str, Any]) -> Outcome:
    """Takes out lines that stand in many examples; a text that is nothing but such lines is left alone."""
    counts: Counter[str] = Counter()
    n_lined = 0
    for i, text in enumerate(batch.texts):
        if i % _CHECK_EVERY == 0:
            batch.check_stop()
        if "\n" in text:
            n_lined += 1
            counts.update({line for raw in text.split("\n") if len(line := raw.strip()) >= values["characters"]})
    least = max(values["examples"], int(np.ceil(values["share"] / 100 * len(batch))))
    common = frozenset(line for line, n in counts.items() if n >= least)

    def edit(text: str) -> str:
        if not common or "\n" not in text:
            return text
        lines = text.split("\n")
        kept = [line for line in lines if line.strip() not in common]
        return "\n".join(kept).strip("\n") if len(kept) < len(lines) and any(map(str.strip, kept)) else text

    return Outcome(edit, notes=() if n_lined else ("clean.note.no_lines",))


BOILERPLATE = Step(
    "boilerplate", "clean.step.boilerplate", "form", "edit",
    (Parameter("share", "float", 1.0, 0.01, 100, 0.1), Parameter("examples", "int", 10, 2, 1_000_000),
     Parameter("characters", "int", 10, 1, 1_000)),
    (), "", 1, _boilerplate, steady=False,
)  # fmt: skip
