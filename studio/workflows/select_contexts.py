"""What each measure would be computed from now: the context its scores are stored under."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from studio.measures.rated import JUDGED, NEEDED
from studio.models import language
from studio.records import TASK_TYPES, Measure, Snapshot
from studio.store import votes
from studio.store.scores import ScoreSet, Surroundings
from studio.workflows import rated_inputs, select_files
from studio.workflows.studio import Studio

MIN_LABELS = 10  # what the probe asks for
DYNAMICS = "dynamics.parquet"  # beside a round's model: the probability of the label after each epoch
_PAIRED = frozenset(task.name for task in TASK_TYPES if {"prompt", "completion"} <= set(task.roles))
_MODEL_NEEDS = {"lm_losses": "causal", "answer_losses": "causal", "masked_losses": "masked"}


@dataclass(frozen=True)
class Targets:
    """What relevance is measured against: a typed description, examples, the texts of an uploaded file.

    `file` is the name under which the texts of a file are kept (`select_targets.keep_file`).
    """

    text: str = ""
    ids: tuple[int, ...] = ()
    file: str = ""

    @property
    def is_empty(self) -> bool:
        """True when nothing was named."""
        return not self.text.strip() and not self.ids and not self.file


def context_hash(context: Mapping[str, Any]) -> str:
    """Short hash of everything a score depends on besides the snapshot and the measure's version."""
    text = json.dumps(context, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:16]


def digest(value: Sequence[Any]) -> str:
    """The first 16 hex digits of the sha256 of a list's JSON."""
    text = json.dumps(list(value), ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:16]


@dataclass(frozen=True)
class Grounds:
    """All there is to compute scores from at one moment; what is costly is looked up once, when a measure asks."""

    studio: Studio
    snapshot: Snapshot
    around: Surroundings
    train: pd.DataFrame
    targets: Targets | None

    def context(self, measure: Measure) -> dict[str, Any] | None:
        """What a measure would be computed from now; None where something it needs is not there."""
        found: dict[str, Any] = {}
        for need in measure.needs:
            part = self._part(need)
            if part is None:
                return None
            found |= part
        return found or {"language": self.snapshot.language}

    def _part(self, need: str) -> dict[str, Any] | None:
        if need in _MODEL_NEEDS:
            return self._model(need)
        if need in JUDGED:
            return self._judged(need)
        if need == "gold":  # comes with out_of_fold
            return {}
        return getattr(self, f"_{need}")()

    def _embeddings(self) -> dict[str, Any] | None:
        return None if self.around.encoder_key is None else {"encoder": self.around.encoder_key}

    def _knn(self) -> dict[str, Any] | None:
        if self.around.encoder_key is None or self.around.k is None:
            return None
        return {"encoder": self.around.encoder_key, "k": self.around.k}

    def _clusters(self) -> dict[str, Any] | None:
        return None if self.around.map_id is None else {"map": self.around.map_mark}

    def _targets(self) -> dict[str, Any] | None:
        if self.targets is None or self.targets.is_empty:
            return None
        ids = self.targets.ids
        named = {"text": self.targets.text.strip(), "n": len(ids), "ids": digest(ids)}
        if not self.targets.file:
            return named
        n = select_files.n_texts(self.studio, self.targets.file)
        return named | {"file": self.targets.file, "n_file": n}

    def _target_texts(self) -> dict[str, Any] | None:
        named = self._targets()
        return None if named is None else named | {"language": self.snapshot.language}

    def _class_probs(self) -> dict[str, Any] | None:
        if self.around.round_id is not None:
            return {"round": self.around.round_id, "number": self.around.round_number}
        return self._out_of_fold()

    def _out_of_fold(self) -> dict[str, Any] | None:
        few = len(self.train) < MIN_LABELS or self.train["label"].nunique() < 2
        return None if self.around.encoder_key is None or few else {"encoder": self.around.encoder_key} | self._given

    def _labels(self) -> dict[str, Any] | None:
        return self._given if len(self.train) else None

    def _likely_labels(self) -> dict[str, Any] | None:
        predicted = self._class_probs() or {}
        visible = self._given if len(self.train) else {}
        return predicted | visible or None

    def _groups(self) -> dict[str, Any] | None:
        return {"groups": list(self.snapshot.group_columns)} if self.snapshot.group_columns else None

    def _votes(self) -> dict[str, Any] | None:
        if not len(self.votes):
            return None
        return {"votes": digest(self.votes.to_numpy().tolist()), "n_votes": len(self.votes)}

    def _gold_history(self) -> dict[str, Any] | None:
        path = self.around.round_path
        if path is None or not (self.studio.workspace.root / path / DYNAMICS).is_file():
            return None
        return {"round": self.around.round_id, "number": self.around.round_number}

    def _model(self, need: str) -> dict[str, Any] | None:
        model = language.configured(self.studio.settings.language_models).get(_MODEL_NEEDS[need])
        if model is None or (need == "answer_losses" and self.snapshot.task not in _PAIRED):
            return None
        return {"model": model.content, "model_name": model.name}

    def _judged(self, need: str) -> dict[str, Any] | None:
        found = rated_inputs.said(self.studio, self.snapshot.snapshot_id, need)
        if found.n < NEEDED:
            return None
        rows = rated_inputs.judged(self.studio, self.snapshot.snapshot_id, need).astype(object)
        told = rows.where(rows.notna(), None).to_numpy().tolist()
        return {"judged": digest(told), "n_judged": found.n, "n_people": len(found.people)}

    @cached_property
    def votes(self) -> pd.DataFrame:
        """Columns example_id, agreeing, voters of the examples with two annotators or more."""
        return votes.of_corpus(self.studio.store, self.snapshot.corpus_id)

    @cached_property
    def _given(self) -> dict[str, Any]:
        pairs = zip(self.train["example_id"].tolist(), self.train["label"].tolist(), strict=True)
        return {"labels": digest(list(pairs)), "n_labels": len(self.train)}


def wanted_context(
    studio: Studio,
    snapshot: Snapshot,
    measure: Measure,
    around: Surroundings,
    train: pd.DataFrame,
    targets: Targets | None,
) -> dict[str, Any] | None:
    """What one measure would be computed from now; None where something it needs is not there."""
    return Grounds(studio, snapshot, around, train, targets).context(measure)


def stale(
    item: ScoreSet, wanted: Mapping[str, Any] | None, around: Surroundings, n_labels: int
) -> tuple[str, str, Mapping[str, Any]] | None:
    """Why a score set is older than what it could be computed from, as measure, words key and values."""
    old = item.context
    if wanted is None and "ids" in old and old.get("encoder", around.encoder_key) != around.encoder_key:
        return item.measure, "select.stale.encoder", {"old": old.get("encoder", ""), "new": around.encoder_key or ""}
    if wanted is None or item.context_hash == context_hash(wanted):
        return None
    if old.get("encoder") != wanted.get("encoder"):
        return item.measure, "select.stale.encoder", {"old": old.get("encoder", ""), "new": wanted.get("encoder", "")}
    if old.get("map") != wanted.get("map"):
        return item.measure, "select.stale.map", {}
    if wanted.get("round") and old.get("round") != wanted.get("round"):
        return item.measure, "select.stale.round", {"number": around.round_number or 0}
    if old.get("n_labels") is not None and "labels" in wanted:
        return item.measure, "select.stale.labels", {"old": old["n_labels"], "new": n_labels}
    if old.get("model") != wanted.get("model"):
        return item.measure, "measure.stale.model", {"name": wanted.get("model_name", "")}
    if old.get("judged") != wanted.get("judged"):
        return item.measure, "rated.stale", {"old": old.get("n_judged", 0), "new": wanted.get("n_judged", 0)}
    if old.get("votes") != wanted.get("votes"):
        return item.measure, "measure.stale.votes", {"old": old.get("n_votes", 0), "new": wanted.get("n_votes", 0)}
    return None
