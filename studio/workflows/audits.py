"""Run the audits over a snapshot: gather what they look at, reuse what is kept, keep what is new."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd

from studio import audits
from studio.audits.context import Context, texts_of
from studio.corpus import dedup
from studio.errors import MeasureError
from studio.records import Actor, Array, AuditResult, Knn, Snapshot
from studio.store import examples, findings, labels, references, scores, snapshots
from studio.store.scores import Surroundings
from studio.workflows import audits_copies
from studio.workflows.acts import act
from studio.workflows.studio import Studio

LABEL_MODES: tuple[str, ...] = ("all", "visible")
VECTOR_AUDITS: frozenset[str] = frozenset({"noise", "topics"})
_BASIS = "basis"  # kept beside the audits: how many labels they rest on
NAMES: tuple[str, ...] = tuple(audit.name for audit in audits.AUDITS)


@dataclass(frozen=True)
class AuditReport:
    """Results by audit name, in the order of the catalogue, and what they rest on."""

    results: Mapping[str, AuditResult]
    label_mode: str
    n: int
    n_labelled: int
    computed_at: datetime
    has_copies: bool
    has_vectors: bool
    has_map: bool


@act("audit.run", "viewer", log=False)
def run_audits(
    studio: Studio,
    actor: Actor,
    *,
    snapshot_id: str,
    names: Sequence[str] = NAMES,
    label_mode: str = "all",
) -> AuditReport:
    """The findings of the named audits; each is computed once per state of labels, references, vectors and map.

    Args:
        studio: the open workspace.
        actor: who looks.
        snapshot_id: which snapshot.
        names: names from the catalogue; all by default.
        label_mode: `all` uses the labels as imported, those of the pool included, with annotations on top; `visible`
            only labels outside the pool and annotations.

    Raises:
        CorpusError: an unknown snapshot.
        MeasureError: an unknown audit or label mode.
    """
    unknown = [name for name in names if name not in NAMES]
    if unknown or label_mode not in LABEL_MODES:
        raise MeasureError("There is no such audit or choice of labels", got=unknown or label_mode,
                           fix=f"Use {', '.join(NAMES)} with labels {' or '.join(LABEL_MODES)}.")  # fmt: skip
    snapshot = snapshots.require(studio.store, snapshot_id)
    around = scores.surroundings(studio.store, snapshot_id)
    copies = audits_copies.ready(studio, snapshot_id)
    state = _state(studio, snapshot, label_mode, copies is not None)
    keys = {name: _hash_of(name, state, around) for name in (*names, _BASIS)}
    kept = {}
    for name, key in keys.items():
        found = findings.get(studio.store, snapshot_id, name, audits.VERSION, key)
        if found:
            kept[name] = found
    missing = set(keys) - set(kept)
    if missing:
        frame = gather(studio, snapshot, label_mode)
        context = _context(studio, snapshot, frame, copies, around, missing)
        made = [audits.run(audit, frame, context) for audit in audits.AUDITS if audit.name in missing]
        n_labelled = int(texts_of(frame, "label").notna().sum())
        for result in (*made, AuditResult(_BASIS, (), pd.DataFrame({"n_labelled": [n_labelled]}))):
            findings.put(studio.store, snapshot_id, audits.VERSION, keys[result.audit], result)
            kept[result.audit] = (result, datetime.now(UTC))
    return AuditReport(
        results={name: kept[name][0] for name in NAMES if name in names},
        label_mode=label_mode,
        n=snapshot.n_examples,
        n_labelled=int(kept[_BASIS][0].table.n_labelled.iloc[0]),
        computed_at=max(moment for _, moment in kept.values()),
        has_copies=copies is not None,
        has_vectors=around.encoder_key is not None,
        has_map=around.map_id is not None,
    )


def is_kept(studio: Studio, *, snapshot_id: str, label_mode: str = "all") -> bool:
    """True when every audit of this state is already kept, so that looking costs nothing."""
    snapshot = snapshots.require(studio.store, snapshot_id)
    around = scores.surroundings(studio.store, snapshot_id)
    state = _state(studio, snapshot, label_mode, audits_copies.read(studio, snapshot_id) is not None)
    return all(
        findings.get(studio.store, snapshot_id, name, audits.VERSION, _hash_of(name, state, around))
        for name in (*NAMES, _BASIS)
    )


@act("audit.diversity", "viewer", log=False)
def measure_diversity(studio: Studio, actor: Actor, *, snapshot_id: str) -> pd.DataFrame:
    """Diversity numbers of a whole snapshot: columns name, value, about (words key), values (dict for the sentence).

    Vendi scores and mean distance need vectors; the effective number of topics needs a map; without them those rows
    are left out.

    Raises:
        CorpusError: an unknown snapshot.
    """
    snapshot = snapshots.require(studio.store, snapshot_id)
    around = scores.surroundings(studio.store, snapshot_id)
    key = _hash({"vectors": around.vectors_path, "map": around.map_id})
    kept = findings.get(studio.store, snapshot_id, "diversity", audits.VERSION, key)
    if kept:
        return kept[0].table
    rows = _text_diversity(studio, snapshot_id)
    if around.vectors_path:
        rows = _vector_diversity(_matrix(studio, around, snapshot.n_examples)) + rows
    if around.map_id:
        codes = scores.clusters(studio.store, around.map_id)["cluster"].to_numpy()
        _, effective, _, _ = audits.diversity.cluster_evenness(codes)
        n_clusters = len(np.unique(codes[codes >= 0]))
        rows.append(_row("topics", effective, "topics", clusters=n_clusters))
    table = pd.DataFrame(rows)
    findings.put(studio.store, snapshot_id, audits.VERSION, key, AuditResult("diversity", (), table))
    return table


@act("audit.compare_diversity", "viewer", log=False)
def compare_diversity(
    studio: Studio, actor: Actor, *, snapshot_id: str, example_ids: Array, seed: int = 0, draws: int = 50
) -> audits.diversity.Diversity:
    """Diversity of some examples beside `draws` random draws of the same size from the whole snapshot.

    Raises:
        CorpusError: an unknown snapshot.
        MeasureError: the snapshot has no vectors yet.
    """
    snapshot = snapshots.require(studio.store, snapshot_id)
    around = scores.surroundings(studio.store, snapshot_id)
    if around.vectors_path is None:
        raise MeasureError("Diversity needs embeddings", got=snapshot.name, fix="Make the map on Explore first.")
    everyone = examples.ids(studio.store, snapshot_id)
    wanted = np.asarray(example_ids, dtype=np.int64)
    positions = np.flatnonzero(np.isin(everyone, wanted))
    matrix = _matrix(studio, around, snapshot.n_examples)
    return audits.diversity.diversity(matrix, positions, np.random.default_rng(seed), draws)


# --- gathering --------------------------------------------------------------------------------------------------------
def gather(studio: Studio, snapshot: Snapshot, label_mode: str) -> pd.DataFrame:
    """The frame the audits read (see audits.Context), in ascending example_id."""
    store, snapshot_id = studio.store, snapshot.snapshot_id
    columns = ("example_id", "text", "label", "source", "language", "time", *snapshot.group_columns)
    frame = examples.frame(store, snapshot_id, columns, reveal=label_mode == "all")
    known = labels.current(store, snapshot_id)
    if label_mode == "all":
        known = known[known["origin"] == "annotation"]
    in_force = pd.Series(known["label"].to_numpy(dtype=object), index=known["example_id"].to_numpy())
    own = frame["label"].astype(object)
    given = frame["example_id"].map(in_force).astype(object)
    frame["label"] = given.where(given.notna(), own if label_mode == "all" else None)
    return frame


def _state(studio: Studio, snapshot: Snapshot, label_mode: str, has_copies: bool) -> dict[str, Any]:
    newest, split_moment = findings.label_state(studio.store, snapshot.snapshot_id)
    return {
        "mode": label_mode,
        "annotation": newest,
        "split": split_moment if label_mode == "visible" else "",
        "reference": references.shares(studio.store, snapshot.snapshot_id),
        "copies": [dedup.VERSION, dedup.JACCARD] if has_copies else None,
    }


def _hash(state: Mapping[str, Any]) -> str:
    text = json.dumps(state, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:16]


def _hash_of(name: str, state: Mapping[str, Any], around: Surroundings) -> str:
    """The context of one audit: vectors and map count only for those that use them."""
    if name not in VECTOR_AUDITS:
        return _hash(state)
    return _hash(dict(state) | {"vectors": around.vectors_path, "k": around.k, "map": around.map_id})


def _context(
    studio: Studio,
    snapshot: Snapshot,
    frame: pd.DataFrame,
    copies: audits_copies.Copies | None,
    around: Surroundings,
    missing: set[str],
) -> Context:
    knn, clusters, names = None, None, {}
    if "noise" in missing and around.vectors_path and around.k:
        place = studio.workspace.root / around.vectors_path / f"knn_{around.k}"
        knn = Knn(*(np.load(place / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in ("idx", "dist")))
        _same_rows("neighbours", len(knn.indices), len(frame))
    if "topics" in missing and around.map_id:
        points = scores.clusters(studio.store, around.map_id)
        codes = pd.Series(points["cluster"].to_numpy(), index=points["example_id"].to_numpy())
        clusters = frame["example_id"].map(codes).fillna(-1).to_numpy(np.int64)
        names = scores.cluster_names(studio.store, around.map_id)
    return Context(
        language=snapshot.language,
        groups=snapshot.groups,
        reference=references.shares(studio.store, snapshot.snapshot_id),
        families=copies.families if copies else None,
        exact=copies.exact if copies else None,
        knn=knn,
        clusters=clusters,
        cluster_names=names,
    )


def _matrix(studio: Studio, around: Surroundings, n: int) -> Array:
    path = studio.workspace.root / str(around.vectors_path) / "vectors.npy"
    matrix = np.load(path, mmap_mode="r", allow_pickle=False)
    _same_rows("vectors", len(matrix), n)
    return matrix


def _same_rows(what: str, got: int, wanted: int) -> None:
    if got != wanted:
        raise MeasureError(f"The {what} do not belong to this snapshot", got=f"{got} rows for {wanted} examples",
                           fix="Make the map again.")  # fmt: skip


# --- diversity rows ---------------------------------------------------------------------------------------------------
def _row(name: str, value: float, about: str, **values: Any) -> dict[str, Any]:
    return {"name": name, "value": float(value), "about": f"diversity.about.{about}", "values": values}


def _vector_diversity(matrix: Array) -> list[dict[str, Any]]:
    found = audits.diversity.diversity(matrix)
    names = {1.0: "vendi", 0.1: "vendi_rare", 2.0: "vendi_common", np.inf: "vendi_one"}
    rows = [_row(name, found.vendi[q], name, cap=found.cap) for q, name in names.items()]
    return [*rows, _row("distance", found.distance, "distance")]


def _text_diversity(studio: Studio, snapshot_id: str) -> list[dict[str, Any]]:
    column = examples.frame(studio.store, snapshot_id, ("text",))["text"]
    texts = [text if isinstance(text, str) else "" for text in column]
    rows = [
        _row(f"distinct_{n}", ratio, "distinct", different=different, all=total)
        for n, (different, total, ratio) in audits.diversity.distinct_of_texts(texts).items()
    ]
    repeats, n, rate = audits.diversity.exact_repeats(texts)
    return [*rows, _row("repeats", rate, "repeats", repeats=repeats, n=n)]
