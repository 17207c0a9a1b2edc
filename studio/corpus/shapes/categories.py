"""Shapes whose examples get labels: one, several, one per token, or spans; and plain text that gets none."""

from __future__ import annotations

from collections import Counter

from studio.corpus import roles as role_rules
from studio.corpus.roles import Roles
from studio.corpus.shapes import labels as label_rules
from studio.corpus.shapes import tags as tag_rules
from studio.corpus.shapes.proposal import Proposal, Shape
from studio.corpus.shapes.reject import Reject
from studio.corpus.shapes.sample import Sample

_TOKENS = ("tokens", "words", "token", "词", "字")
_TAGS = ("tags", "ner_tags", "ner", "labels", "label", "pos_tags", "chunk_tags", "bio", "标签")
_SPANS = ("spans", "entities", "entity", "label", "labels", "annotations", "ner", "实体")
_LABEL_CHARACTERS = 40  # ours: a longer part of a list is a sentence and not a label
_FEWEST_SEVERAL = 0.01  # ours: share of examples with more than one label below which a separator is an accident
_LONG_TEXT = 600  # ours: mean characters from which a file of texts alone is taken for language modelling


def _token_lists(sample: Sample) -> Proposal | None:
    tokens = sample.named(*_TOKENS)
    if not sample.is_nested(tokens):
        return None
    tags = next((name for name in role_rules.named(sample.columns, _TAGS) if name != tokens and sample.is_nested(name)),
                None)  # fmt: skip
    sequences = [tag_rules.words_of(row.get(tags)) or [] for row in sample.rows[:300]] if tags else []
    text = sample.named("text", "sentence", "文本", "句子")
    roles = Roles(task="token_classification", tokens=tokens, tags=tags, text=text if sample.is_prose(text) else None,
                  scheme=tag_rules.scheme_of(sequences) if sequences else "")  # fmt: skip
    why = ("tokens", {"one": tokens, "two": tags}) if tags else ("tokens_alone", {"one": tokens})
    return Proposal("conll", roles, 0.98 if tags else 0.8, (why,))


def _spans(sample: Sample) -> Proposal | None:
    for name in role_rules.named(sample.columns, _SPANS):
        found = sample.nested.get(name, [])
        if not found or not sample.is_nested(name):
            continue
        texts = [column for column in sample.columns if column != name]
        text = role_rules.guess_text(texts, sample.values)
        filled = [value for value in found if value]
        good = sum(_is_span_list(value) for value in filled)
        if text and filled and good > len(filled) / 2:
            roles = Roles(task="token_classification", text=text, spans=name)
            why = ("spans", {"column": name, "n": good, "total": len(filled)})
            return Proposal("spans", roles, 0.97, (why,))
    return None


def _is_span_list(value: object) -> bool:
    try:
        return bool(tag_rules.span_list(value))
    except Reject:
        return False


def _text_for_labels(sample: Sample, taken: set[str]) -> str | None:
    return role_rules.guess_text([name for name in sample.columns if name not in taken], sample.values)


def _label_lists(sample: Sample) -> Proposal | None:
    """One column with a list of names or numbers per example."""
    for name in sample.nested:
        lists = [value for value in sample.nested[name] if isinstance(value, list)]
        flat = [item for value in lists for item in value]
        if not sample.is_nested(name) or not flat or any(isinstance(item, list | dict) for item in flat):
            continue
        names = {str(item).strip() for item in flat}
        if len(names) > role_rules.MANY_LABELS or max(map(len, names)) > _LABEL_CHARACTERS:
            continue
        text = _text_for_labels(sample, {name})
        is_named = name in role_rules.label_names_of(sample.columns) or "label" in name.lower()
        if text and (is_named or 2 * len(names) <= len(flat)):
            why = ("label_list", {"column": name, "labels": len(names)})
            roles = Roles(text=text, task="classification_multi", labels=(name,))
            return Proposal("label_list", roles, 0.96 if is_named else 0.6, (why,))
    return None


def _label_text(sample: Sample) -> Proposal | None:
    """One column of text with a separator between labels."""
    text = _text_for_labels(sample, set())
    if text is None:
        return None
    best: tuple[float, Proposal] | None = None
    known = role_rules.label_names_of(sample.columns)
    for name in sample.columns:
        if name == text or sample.is_nested(name):
            continue
        for separator in label_rules.SEPARATORS:
            if separator in " /" and name not in known:
                continue  # ordinary values have spaces and slashes too
            share = _several(sample.values[name], separator)
            if share >= _FEWEST_SEVERAL and (best is None or share > best[0]):
                why = ("label_separator", {"column": name, "separator": separator, "percent": round(100 * share)})
                roles = Roles(text=text, task="classification_multi", labels=(name,), separator=separator)
                best = share, Proposal("label_text", roles, 0.93 if name in known else 0.85, (why,))
    return best[1] if best else None


def _several(values: list[str], separator: str) -> float:
    """Share of the values with several labels; 0 where the parts do not behave like labels.

    Parts are labels when there are few of them, they are short, and most of those found beside others are also found
    in other company: `Food, Beverage` that always comes as a pair is one label with a comma in it.
    """
    cut = [[part.strip() for part in value.split(separator) if part.strip()] for value in values]
    several = [parts for parts in cut if len(parts) > 1]
    if len(values) < 4 or len(several) < 2:
        return 0.0
    company: dict[str, set[tuple[str, ...]]] = {}
    for parts in cut:
        for part in parts:
            company.setdefault(part, set()).add(tuple(parts))
    n_parts = sum(map(len, cut))
    if len(company) > min(role_rules.MANY_LABELS, n_parts / 3) or max(map(len, company)) > _LABEL_CHARACTERS:
        return 0.0
    if separator == " " and any(len(part) > 20 for part in company):
        return 0.0
    beside = {part for parts in several for part in parts}
    mixing = sum(len(company[part]) > 1 for part in beside)
    return len(several) / len(values) if mixing >= 0.6 * len(beside) else 0.0


def _label_columns(sample: Sample) -> Proposal | None:
    """One column of 0 and 1 per label."""
    flags = [name for name in sample.columns if _is_flag(sample, name)]
    text = _text_for_labels(sample, set(flags))
    if text is None or len(flags) < 2 or (len(flags) == 2 and role_rules.label_names_of(sample.columns)):
        return None
    why = ("label_columns", {"n": len(flags), "first": flags[0]})
    roles = Roles(text=text, task="classification_multi", labels=tuple(flags))
    return Proposal("label_columns", roles, 0.94 if len(flags) > 3 else 0.92 if len(flags) == 3 else 0.7, (why,))


def _is_flag(sample: Sample, name: str) -> bool:
    values = Counter(value.lower() for value in sample.values[name])
    return len(values) > 0 and set(values) <= {"0", "1", "0.0", "1.0", "true", "false"} and not sample.is_nested(name)


def _single_label(sample: Sample) -> Proposal | None:
    guess = role_rules.guess_roles(sample.columns, sample.rows)
    if guess.text is None:
        return None
    roles = Roles(text=guess.text, label=guess.label)
    if guess.label is None:
        return Proposal("unlabelled", roles, 0.65, (("text_alone", {"column": guess.text}),))
    is_named = guess.label in role_rules.label_names_of(sample.columns) or "label" in guess.label.lower()
    why = ("label", {"column": guess.label, "labels": sample.distinct(guess.label)})
    return Proposal("single_label", roles, 0.94 if is_named else 0.78, (why,))


def _plain_text(sample: Sample) -> Proposal | None:
    text = role_rules.guess_text(sample.columns, sample.values)
    if text is None:
        return None
    is_long = sample.length(text) >= _LONG_TEXT and role_rules.guess_label(
        [name for name in sample.columns if name != text], sample.values
    ) is None  # fmt: skip
    why = ("long_text" if is_long else "text_alone", {"column": text})
    return Proposal("plain_text", Roles(text=text, task="masked_lm"), 0.8 if is_long else 0.4, (why,))


CATEGORIES: tuple[Shape, ...] = (
    Shape("conll", "token_classification", _token_lists),
    Shape("spans", "token_classification", _spans),
    Shape("label_list", "classification_multi", _label_lists),
    Shape("label_columns", "classification_multi", _label_columns),
    Shape("label_text", "classification_multi", _label_text),
    Shape("single_label", "classification", _single_label),
    Shape("plain_text", "masked_lm", _plain_text),
)
