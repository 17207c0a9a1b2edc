"""The dataset card of a snapshot: facts and what people wrote in, a Hugging Face dataset card (Markdown) out."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import yaml

from studio.reports.markdown import literal, prose, table
from studio.statistics import SMALL_GROUP
from studio.words import has, t

MOST_ROWS = 60  # ours: longer tables of labels or group values are cut and say so
# Identifiers the Hub knows (hf.co/docs/hub/repositories-licenses); any other text becomes `other` with its name.
LICENCES: tuple[str, ...] = (
    "apache-2.0", "mit", "bsd-3-clause", "cc0-1.0", "cc-by-4.0", "cc-by-sa-4.0", "cc-by-nc-4.0", "cc-by-nc-sa-4.0",
    "cc-by-nd-4.0", "cc-by-nc-nd-4.0", "odbl", "odc-by", "pddl", "gpl-3.0", "lgpl-3.0", "agpl-3.0",
    "cdla-permissive-2.0", "unknown", "other",
)  # fmt: skip
_CATEGORIES: Mapping[str, str] = {
    "classification": "text-classification", "classification_multi": "text-classification",
    "token_classification": "token-classification", "seq2seq": "text-generation",
    "generative_qa": "question-answering", "instruction": "text-generation", "chat": "text-generation",
    "preference": "text-generation", "masked_lm": "fill-mask",
}  # fmt: skip
_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"),
          (10_000_000, "1M<n<10M"), (100_000_000, "10M<n<100M"))  # fmt: skip


@dataclass(frozen=True)
class CardFields:
    """What only people know; every field may be empty. `licence` is a Hub identifier or any words."""

    licence: str = ""
    description: str = ""
    limits: str = ""
    personal_data: str = ""

    def to_json(self) -> dict[str, str]:
        """For the store."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> CardFields:
        """The inverse of `to_json`; unknown entries are ignored."""
        return cls(**{name: str(value.get(name) or "") for name in cls.__dataclass_fields__})


@dataclass(frozen=True)
class CardFacts:
    """What Winnow knows of a snapshot; `manifest` is the snapshot's own, `lineage` its versions from the first on.

    `lineage` rows: name, snapshot_id, method, steps (texts), n_examples, created_at, created_by. `splits` counts by
    split, `decision` the split decision (method, seed, shares, created_by) or None, `copies_rate` the share of texts
    that repeat an earlier one or None where nobody looked.
    """

    name: str
    manifest: Mapping[str, Any]
    created_at: str
    created_by: str
    splits: Mapping[str, int] = field(default_factory=dict)
    decision: Mapping[str, Any] | None = None
    lineage: Sequence[Mapping[str, Any]] = ()
    copies_rate: float | None = None
    language_guessed: bool = False
    n_annotated: int = 0


def card_markdown(facts: CardFacts, fields: CardFields, *, lang: str, front: Mapping[str, Any] | None = None) -> str:
    """The whole card: YAML front matter, then sections.

    Args:
        facts: of the snapshot.
        fields: what people wrote.
        lang: en or zh, the language of the sentences.
        front: more front matter, such as `configs` of an export; it wins over ours.
    """
    matter = yaml.safe_dump(
        front_matter(facts, fields) | dict(front or {}), allow_unicode=True, sort_keys=False, width=120
    )
    body: list[str] = [f"# {literal(facts.name)}", "", _summary(facts, lang), ""]
    for section in (_written, _sources, _making, _fields, _labels, _groups, _splits, _rejects, _limits, _personal):
        lines = section(facts, fields, lang)
        if lines:
            body += [*lines, ""]
    body += [f"*{_t('made_with', lang, content=facts.manifest['content_sha256'])}*", ""]
    return f"---\n{matter}---\n\n" + "\n".join(body)


def front_matter(facts: CardFacts, fields: CardFields) -> dict[str, Any]:
    """The metadata block the Hub reads: licence, language, task, size, name."""
    found: dict[str, Any] = {"pretty_name": _plain(facts.name), "language": [str(facts.manifest["language"])]}
    known = fields.licence.strip().lower()
    if known in LICENCES:
        found["license"] = known
    elif known:
        found |= {"license": "other", "license_name": re.sub(r"[^a-z0-9.]+", "-", known).strip("-")[:80] or "other"}
    category = _CATEGORIES.get(str(facts.manifest["task"]))
    if category:
        found["task_categories"] = [category]
    n = int(facts.manifest["n_examples"])
    found["size_categories"] = [next((name for most, name in _SIZES if n < most), "100M<n<1B")]
    found["tags"] = ["winnow", *(["preference"] if facts.manifest["task"] == "preference" else [])]
    return found


def auto_limits(facts: CardFacts, lang: str) -> list[str]:
    """The limits Winnow can see by itself, as sentences in Markdown."""
    found, manifest = [], facts.manifest
    n = int(manifest["n_examples"])
    small = [
        (f"{name} = {value}", count)
        for name, counts in manifest["group_values"].items()
        for value, count in counts.items()
        if count < SMALL_GROUP
    ]
    if small:
        named = ", ".join(
            f"{literal(name, 60)} ({count})" for name, count in sorted(small, key=lambda item: item[1])[:8]
        )
        found.append(_t("limit_small", lang, n=len(small), most=SMALL_GROUP, named=named))
    for name, counts in manifest["group_values"].items():
        missing = n - sum(counts.values())
        if missing > 0 and len(counts) < 200:
            found.append(_t("limit_missing", lang, name=literal(name, 60), n=missing, share=missing / n))
    if facts.copies_rate is None:
        found.append(_t("limit_copies_unknown", lang))
    elif facts.copies_rate > 0:
        found.append(_t("limit_copies", lang, share=facts.copies_rate))
    if not manifest["labels"]:
        found.append(_t("limit_no_labels", lang))
    elif int(manifest["n_labelled"]) < n:
        found.append(
            _t("limit_unlabelled", lang, n=n - int(manifest["n_labelled"]), share=1 - manifest["n_labelled"] / n)
        )
    few = [label for label, count in manifest["labels"].items() if count < SMALL_GROUP]
    if few:
        named = ", ".join(literal(label, 60) for label in few[:8])
        found.append(_t("limit_few_labels", lang, n=len(few), most=SMALL_GROUP, named=named))
    if facts.language_guessed:
        found.append(_t("limit_language", lang, language=t(f"corpus.language.{manifest['language']}", lang=lang)))
    return found


def _t(name: str, lang: str, /, **values: Any) -> str:
    return t(f"versions.card.{name}", lang=lang, **values)


def _plain(text: str) -> str:
    return " ".join(text.split())[:120]


def _summary(facts: CardFacts, lang: str) -> str:
    manifest = facts.manifest
    language = t(f"corpus.language.{manifest['language']}", lang=lang)
    return _t("summary", lang, n=manifest["n_examples"], language=language, snapshot=manifest["snapshot_id"],
              date=facts.created_at[:10], by=literal(facts.created_by, 60))  # fmt: skip


def _head(name: str, lang: str) -> list[str]:
    return [f"## {_t(name, lang)}", ""]


def _written(facts: CardFacts, fields: CardFields, lang: str) -> list[str]:
    licence = literal(fields.licence, 200) or _t("licence_none", lang)
    description = prose(fields.description) or _t("description_none", lang)
    return [*_head("description", lang), description, "", *_head("licence", lang), licence]


def _sources(facts: CardFacts, fields: CardFields, lang: str) -> list[str]:
    sources = facts.manifest.get("sources") or ()
    if not sources:
        return [*_head("sources", lang), _t("sources_none", lang)]
    header = [_t(f"column.{name}", lang) for name in ("file", "kind", "bytes", "records", "examples", "sha256")]
    rows = [(s.get("name", ""), s.get("kind", ""), s.get("bytes", ""), s.get("n_records", ""), s.get("n_examples", ""),
             s.get("sha256", "")) for s in sources]  # fmt: skip
    return [*_head("sources", lang), *table(header, rows)]


def _making(facts: CardFacts, fields: CardFields, lang: str) -> list[str]:
    lines = _head("making", lang)
    for number, row in enumerate(facts.lineage, 1):
        said = _t("making_row", lang, name=literal(row["name"]), method=_method(str(row["method"]), lang),
                  n=row["n_examples"], snapshot=row["snapshot_id"], date=str(row["created_at"])[:10],
                  by=literal(row["created_by"], 60))  # fmt: skip
        lines.append(f"{number}. {said}")
        lines += [f"   - {literal(step, 300)}" for step in row["steps"]]
    return lines if facts.lineage else []


def _method(method: str, lang: str) -> str:
    key = f"versions.method.{method}"
    return t(key, lang=lang) if has(key) else literal(method, 40)


def _fields(facts: CardFacts, fields: CardFields, lang: str) -> list[str]:
    roles: Mapping[str, Any] = facts.manifest.get("roles") or {}
    given = [(name, str(column)) for name, column in roles.items() if isinstance(column, str) and column]
    given += [(f"group_{name}", str(column)) for name, column in (facts.manifest.get("group_columns") or {}).items()]
    if not given:
        given = [("text", "")] + [(f"group_{name}", "") for name in facts.manifest["groups"]]
    used = {column for _, column in given}
    other = [str(column) for column in facts.manifest.get("source_columns") or () if column not in used]
    rows = [(name, _meaning(name, lang), column) for name, column in given]
    if other:
        rows.append(("meta", _t("field.meta", lang), ", ".join(other[:20])))
    header = [_t(f"column.{name}", lang) for name in ("field", "meaning", "from")]
    return [*_head("fields", lang), *table(header, rows)]


def _meaning(name: str, lang: str) -> str:
    if has(f"versions.card.field.{name}"):
        return _t(f"field.{name}", lang)
    return _t("field.group", lang) if name.startswith("group_") else ""


def _counted(counts: Mapping[str, int], total: int, first: str, lang: str) -> list[str]:
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    header = [first, _t("column.examples", lang), _t("column.share", lang)]
    lines = table(header, [(value, n, f"{n / max(total, 1):.1%}") for value, n in ordered[:MOST_ROWS]])
    if len(ordered) > MOST_ROWS:
        lines += ["", _t("more_rows", lang, n=len(ordered) - MOST_ROWS)]
    return lines


def _labels(facts: CardFacts, fields: CardFields, lang: str) -> list[str]:
    labels, n = facts.manifest["labels"], int(facts.manifest["n_examples"])
    if not labels:
        return []
    lines = [*_head("labels", lang), *_counted(labels, n, _t("column.label", lang), lang)]
    if facts.n_annotated:
        lines += ["", _t("annotated", lang, n=facts.n_annotated)]
    return lines


def _groups(facts: CardFacts, fields: CardFields, lang: str) -> list[str]:
    lines, n = [], int(facts.manifest["n_examples"])
    for name, counts in facts.manifest["group_values"].items():
        lines += [f"### {literal(name, 60)}", "", *_counted(counts, n, _t("column.value", lang), lang), ""]
    return [*_head("groups", lang), *lines[:-1]] if lines else []


def _splits(facts: CardFacts, fields: CardFields, lang: str) -> list[str]:
    if not facts.splits:
        return []
    total = sum(facts.splits.values())
    rows = [(t(f"corpus.split.{name}", lang=lang), n, f"{n / total:.1%}") for name, n in facts.splits.items()]
    header = [_t(f"column.{name}", lang) for name in ("split", "examples", "share")]
    lines = [*_head("splits", lang), *table(header, rows)]
    if facts.decision:
        method = str(facts.decision["method"])
        key = f"split.method.{method}"
        lines += ["", _t("split_by", lang, method=t(key, lang=lang) if has(key) else literal(method, 40),
                         seed=facts.decision["seed"], by=literal(facts.decision["created_by"], 60))]  # fmt: skip
    return lines


def _rejects(facts: CardFacts, fields: CardFields, lang: str) -> list[str]:
    rejects: Mapping[str, int] = facts.manifest.get("rejects") or {}
    if not rejects:
        return []
    header = [_t("column.reason", lang), _t("column.records", lang)]
    rows = [(t(f"corpus.reason.{reason}", lang=lang) if has(f"corpus.reason.{reason}") else reason, n)
            for reason, n in rejects.items()]  # fmt: skip
    return [*_head("rejects", lang), *table(header, rows)]


def _limits(facts: CardFacts, fields: CardFields, lang: str) -> list[str]:
    lines = [f"- {sentence}" for sentence in auto_limits(facts, lang)]
    written = prose(fields.limits)
    return [*_head("limits", lang), *([written, ""] if written else []), *lines]


def _personal(facts: CardFacts, fields: CardFields, lang: str) -> list[str]:
    return [*_head("personal", lang), prose(fields.personal_data) or _t("personal_none", lang)]
