"""What is wrong with the data before a minute is spent on it: errors block a launch, warnings name their rows."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from studio.records import Array
from studio.training.plan import TrainPlan

NEAR = 0.99
FEW_PER_LABEL = 5
FEW_VALIDATION = 50
#: Above this many comparisons the near-leakage check is left out and said to be (about a minute of one core).
MAX_PAIRS = 4_000_000_000
_PIECES = re.compile(r"[぀-ヿ㐀-鿿豈-﫿]|[^\W_]+|[^\w\s]")


@dataclass(frozen=True)
class Part:
    """The rows of one split: ids, texts, labels (None where hidden), vectors (n, d) unit rows when there are any."""

    ids: Sequence[int] = ()
    texts: Sequence[str] = ()
    labels: Sequence[str | None] = ()
    vectors: Array | None = None

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True)
class GateFinding:
    """A fact about the data: `level` error, warning or note, `key` and `values` for the sentence, `ids` of its rows."""

    level: str
    key: str
    values: Mapping[str, Any] = field(default_factory=dict)
    ids: tuple[int, ...] = ()


@dataclass(frozen=True)
class GateResult:
    """All findings, most urgent first, and the training rows that must be left out (`leave_out`, ids)."""

    findings: tuple[GateFinding, ...]
    leave_out: frozenset[int] = frozenset()

    @property
    def is_open(self) -> bool:
        """True when nothing blocks a launch."""
        return not any(finding.level == "error" for finding in self.findings)


def check(plan: TrainPlan, train: Part, validation: Part, test: Part | None = None) -> GateResult:
    """Look at labels, lengths, duplicates and leakage.

    Training rows without text, and those with the very text of a validation or test row, are left out of the fit (the
    evaluation rows stay as they were drawn); everything else is only reported.

    Args:
        plan: gives max_length.
        train: labelled rows.
        validation: labelled rows.
        test: texts only; its labels are not looked at.

    Returns:
        Findings with errors first, and the ids to leave out.
    """
    test = test or Part()
    findings: list[GateFinding] = []
    empty = [i for i, text in zip(train.ids, train.texts, strict=True) if not normal(text)]
    if empty:
        findings.append(GateFinding("warning", "train.gate.empty", {"n": len(empty)}, tuple(empty)))
    leaks = _exact_leaks(train, validation, test, findings)
    leave_out = frozenset(empty) | leaks
    kept = [i for i, example_id in enumerate(train.ids) if example_id not in leave_out]
    _labels([train.labels[i] for i in kept], [train.ids[i] for i in kept], validation, findings)
    _lengths(plan, train, findings)
    _duplicates(train, kept, findings)
    for name, other in (("validation", validation), ("test", test)):
        _near_leaks(train, kept, other, name, findings)
    rank = {"error": 0, "warning": 1, "note": 2}
    return GateResult(tuple(sorted(findings, key=lambda finding: rank[finding.level])), leave_out)


def normal(text: str) -> str:
    """A text as leakage compares it: NFKC, lower case, single blanks."""
    return " ".join(unicodedata.normalize("NFKC", text).lower().split())


def pieces(text: str) -> int:
    """Roughly how many tokens a text has: each CJK character, word and punctuation mark counts one, long words more.

    Example:
        >>> pieces("My card is lost!"), pieces("卡丢了。")
        (5, 4)
    """
    return sum(1 + (len(piece) - 1) // 7 for piece in _PIECES.findall(text))


def _exact_leaks(train: Part, validation: Part, test: Part, findings: list[GateFinding]) -> frozenset[int]:
    held: dict[str, str] = {normal(text): "test" for text in test.texts}
    held |= {normal(text): "validation" for text in validation.texts}
    found: dict[str, list[int]] = defaultdict(list)
    for example_id, text in zip(train.ids, train.texts, strict=True):
        where = held.get(normal(text)) if normal(text) else None
        if where:
            found[where].append(example_id)
    for where, ids in sorted(found.items()):
        findings.append(GateFinding("warning", f"train.gate.leak_{where}", {"n": len(ids)}, tuple(ids)))
    return frozenset(i for ids in found.values() for i in ids)


def _labels(labels: Sequence[str | None], ids: Sequence[int], validation: Part, findings: list[GateFinding]) -> None:
    counts = Counter(label for label in labels if label is not None)
    if len(counts) < 2:
        findings.append(GateFinding("error", "train.gate.few_labels", {"n": len(counts), "rows": len(labels)}))
    few = sorted(label for label, n in counts.items() if n < FEW_PER_LABEL)
    if few and len(counts) >= 2:
        rows = tuple(i for i, label in zip(ids, labels, strict=True) if label in set(few))
        findings.append(
            GateFinding(
                "warning",
                "train.gate.thin_labels",
                {"n": len(few), "least": FEW_PER_LABEL, "labels": few[:8]},
                rows,
            )
        )
    if not len(validation):
        findings.append(GateFinding("error", "train.gate.no_validation"))
        return
    unseen = [(i, label) for i, label in zip(validation.ids, validation.labels, strict=True) if label not in counts]
    if len(unseen) == len(validation) and counts:
        findings.append(GateFinding("error", "train.gate.all_unseen", {"n": len(unseen)}))
    elif unseen and counts:
        names = sorted({str(label) for _, label in unseen})
        findings.append(
            GateFinding(
                "warning",
                "train.gate.unseen",
                {"n": len(unseen), "labels": names[:8]},
                tuple(i for i, _ in unseen),
            )
        )
    if len(validation) < FEW_VALIDATION:
        findings.append(
            GateFinding("warning", "train.gate.small_validation", {"n": len(validation), "least": FEW_VALIDATION})
        )


def _lengths(plan: TrainPlan, train: Part, findings: list[GateFinding]) -> None:
    if plan.base == "ngrams":
        return
    count = len if plan.base == "characters" else pieces
    long = [i for i, text in zip(train.ids, train.texts, strict=True) if count(text) + 2 > plan.max_length]
    if long:
        findings.append(
            GateFinding("warning", "train.gate.long", {"n": len(long), "limit": plan.max_length}, tuple(long))
        )


def _duplicates(train: Part, kept: Sequence[int], findings: list[GateFinding]) -> None:
    rows: dict[str, list[int]] = defaultdict(list)
    for i in kept:
        rows[normal(train.texts[i])].append(i)
    repeated = [group for group in rows.values() if len(group) > 1]
    torn = [group for group in repeated if len({train.labels[i] for i in group}) > 1]
    if torn:
        findings.append(
            GateFinding(
                "warning",
                "train.gate.contradictions",
                {"n": len(torn)},
                tuple(train.ids[i] for group in torn for i in group),
            )
        )
    if repeated:
        extra = sum(len(group) - 1 for group in repeated)
        findings.append(
            GateFinding(
                "warning",
                "train.gate.duplicates",
                {"n": extra},
                tuple(train.ids[i] for group in repeated for i in group),
            )
        )


def _near_leaks(train: Part, kept: Sequence[int], other: Part, name: str, findings: list[GateFinding]) -> None:
    if train.vectors is None or other.vectors is None or not len(other) or not kept:
        return
    if len(kept) * len(other) > MAX_PAIRS:
        findings.append(GateFinding("note", "train.gate.near_skipped", {"n": len(other)}))
        return
    ours = np.asarray(train.vectors)[np.asarray(kept)].astype(np.float32)
    theirs = np.asarray(other.vectors).astype(np.float32)
    rows: list[int] = []
    for start in range(0, len(ours), 1024):
        best = (ours[start : start + 1024] @ theirs.T).max(axis=1)
        rows.extend(int(train.ids[kept[start + i]]) for i in np.flatnonzero(best > NEAR))
    if rows:
        findings.append(
            GateFinding("warning", f"train.gate.near_{name}", {"n": len(rows), "cosine": NEAR}, tuple(rows))
        )
