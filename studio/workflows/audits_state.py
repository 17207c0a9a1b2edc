"""What the findings of a snapshot rest on: one state, a key per audit, and what of it has changed since."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from functools import lru_cache
from typing import Any

from studio import audits
from studio.corpus import dedup
from studio.measures import MEASURES
from studio.records import SCORER, Audit, Lexicon, Snapshot
from studio.store import findings, references, scores
from studio.store.scores import ScoreSet, Surroundings
from studio.workflows import lexicons
from studio.workflows.studio import Studio

State = Mapping[str, Any]
SCORER_VERSION = 1  # of how a scorer model is asked
# What an audit depends on beyond labels, references and copies, by what it asks for. `why` names the words of a change.
_PARTS: Mapping[str, tuple[str, ...]] = {
    "embeddings": ("vectors",),
    "knn": ("vectors", "k"),
    "clusters": ("map",),
    "lexicon": ("lexicon",),
    "scores": ("scores",),
}
_COMMON: tuple[str, ...] = ("mode", "annotation", "split", "reference", "copies", "families")
_WHY: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("labels", ("annotation", "split")),
    ("reference", ("reference",)),
    ("lexicon", ("lexicon",)),
    ("vectors", ("vectors", "k")),
    ("map", ("map",)),
    ("scores", ("scores",)),
)


def current(studio: Studio, snapshot: Snapshot, label_mode: str) -> dict[str, Any]:
    """The state of everything the audits look at, as JSON values.

    Copies are always looked for before anything is computed, so only their method is part of it.
    """
    around = scores.surroundings(studio.store, snapshot.snapshot_id)
    newest, split_moment = findings.label_state(studio.store, snapshot.snapshot_id)
    return {
        "mode": label_mode,
        "annotation": newest,
        "split": split_moment if label_mode == "visible" else "",
        "reference": references.shares(studio.store, snapshot.snapshot_id),
        "copies": [dedup.VERSION, dedup.JACCARD],
        "families": audits.N_FAMILIES,
        "lexicon": lexicon_mark(lexicon_of(studio, snapshot)),
        "vectors": around.vectors_path,
        "k": around.k,
        "map": around.map_mark,
        "scores": sorted([item.measure, item.version, item.context_hash] for item in score_sets(studio, snapshot)),
    }


def lexicon_of(studio: Studio, snapshot: Snapshot) -> Lexicon | None:
    """The identity terms in force for the corpus; None where there are none for its language."""
    return lexicons.in_force(studio, snapshot)


@lru_cache(maxsize=32)  # every look at the checks asks for it; a thousand terms take 10 ms
def lexicon_mark(lexicon: Lexicon | None) -> str:
    """A short hash of every term of a lexicon; empty for none."""
    return digest(asdict(lexicon)) if lexicon else ""


def score_sets(studio: Studio, snapshot: Snapshot) -> list[ScoreSet]:
    """The newest scores of every measure, of its present version, in the catalogue's order; then scorers by name."""
    versions = {measure.name: measure.version for measure in MEASURES}
    newest: dict[str, ScoreSet] = {}
    for item in scores.sets(studio.store, snapshot.snapshot_id):  # newest first
        is_scorer = item.measure.startswith(SCORER) and item.version == SCORER_VERSION
        if is_scorer or item.version == versions.get(item.measure):
            newest.setdefault(item.measure, item)
    return [newest[name] for name in (*versions, *sorted(set(newest) - set(versions))) if name in newest]


def key(audit: Audit, state: State) -> str:
    """The context of one audit's findings: only what it looks at, so that other changes leave it as it is."""
    parts = (*_COMMON, *(part for need in audit.needs for part in _PARTS.get(need, ())))
    return digest({part: state.get(part) for part in parts})


def changes(old: State, new: State) -> tuple[str, ...]:
    """What differs between two states: labels, reference, lexicon, vectors, map, scores, or rules."""
    found = tuple(name for name, parts in _WHY if any(old.get(part) != new.get(part) for part in parts))
    return found or (() if digest(old) == digest(new) else ("rules",))


def digest(value: Any) -> str:
    """The first 16 hex digits of the sha256 of a value's canonical JSON."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:16]


def needs(names: Any, what: str) -> bool:
    """True when one of the named audits asks for something."""
    return any(what in audit.needs for audit in audits.AUDITS if audit.name in names)


def vectors_in_use(around: Surroundings, names: Any) -> dict[str, str]:
    """Input name -> path relative to the workspace of the vectors and neighbours the named audits look at."""
    found = {}
    if around.vectors_path and needs(names, "embeddings"):
        found["vectors"] = around.vectors_path
    if around.vectors_path and around.k and needs(names, "knn"):
        found["knn"] = f"{around.vectors_path}/knn_{around.k}"
    return found
