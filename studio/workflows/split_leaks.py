"""Does anything of one split lie in another: the report, the examples side by side, and the plan that mends it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from studio.corpus import leakage
from studio.corpus.dedup import jaccard
from studio.corpus.leakage import Evidence, Leak
from studio.errors import CorpusError
from studio.records import SPLITS, Knn
from studio.store import examples, labels, rounds, snapshots, splits, vectors
from studio.workflows import audits_copies
from studio.workflows.splits import in_force
from studio.workflows.studio import Studio

PAGE = 8  # pairs side by side at a time


@dataclass(frozen=True, eq=False)
class Report:
    """Leaks of the split in force.

    `encoder` names the vectors behind the semantic ones, None where there are none; `k` is how many neighbours they
    keep; `conflicts_known` is False where fewer than two labels exist.
    """

    leaks: tuple[Leak, ...]
    evidence: Evidence
    threshold: float
    encoder: str | None
    k: int
    conflicts_known: bool

    def of(self, kind: str) -> list[Leak]:
        """The leaks of one kind that exist, the fullest first."""
        return sorted((leak for leak in self.leaks if leak.kind == kind and leak.n_pairs), key=lambda leak: -leak.rate)

    @property
    def n_mendable(self) -> int:
        """Examples whose family lies across splits."""
        families, splits_ = self.evidence.families, self.evidence.splits
        seen = pd.DataFrame({"family": families, "split": splits_})
        across = seen.groupby("family")["split"].transform("nunique") > 1
        return int(across.sum())


def report(studio: Studio, snapshot_id: str, *, threshold: float = leakage.SIMILAR) -> Report | None:
    """Count what the splits in force have in common; None where a run has to look for copies first.

    Args:
        studio: the open workspace.
        snapshot_id: of which snapshot.
        threshold: cosine from which two texts count as alike in meaning.

    Raises:
        CorpusError: an unknown snapshot, or a threshold outside (0, 1].
    """
    snapshots.require(studio.store, snapshot_id)
    copies = audits_copies.ready(studio, snapshot_id)
    if copies is None:
        return None
    names = in_force(studio, snapshot_id)
    place = {name: i for i, name in enumerate(SPLITS)}
    codes = np.array([place[name] for name in names], dtype=np.int64)
    found = vectors.newest(studio.store, snapshot_id)
    similar = cosine = None
    if found is not None and found.k and (studio.workspace.root / found.knn_path / "idx.npy").exists():
        folder = studio.workspace.root / found.knn_path
        knn = Knn(*(np.load(folder / f"{part}.npy", mmap_mode="r", allow_pickle=False) for part in ("idx", "dist")))
        similar, cosine = leakage.similar_pairs(knn, threshold)
    known = _labels(studio, snapshot_id)
    evidence = Evidence(codes, np.asarray(copies.exact), np.asarray(copies.families), known, similar, cosine)
    encoder = found.encoder if found is not None and similar is not None else None
    return Report(tuple(leakage.leaks(evidence)), evidence, threshold, encoder, found.k if found else 0,
                  len(np.unique(known[known >= 0])) > 1)  # fmt: skip


def _labels(studio: Studio, snapshot_id: str) -> np.ndarray:
    """(n,) label codes: annotations on top of the labels the corpus came with, -1 for none.

    Hidden labels of the pool are counted too, as in the audits; no list shows one.
    """
    frame = examples.frame(studio.store, snapshot_id, ("example_id", "label"), reveal=True).set_index("example_id")
    now = labels.current(studio.store, snapshot_id)
    given = now.loc[(now["origin"] == "annotation") & now["row_hash_ok"].astype(bool)]
    frame.loc[given["example_id"].to_numpy(), "label"] = given["label"].to_numpy(object)
    return pd.factorize(frame["label"].to_numpy(object))[0].astype(np.int64)


def side_by_side(
    studio: Studio, snapshot_id: str, found: Report, kind: str, first: str, second: str, *, offset: int = 0,
    limit: int = PAGE,
) -> tuple[pd.DataFrame, int]:  # fmt: skip
    """Examples of one leak, each beside its relative, and how many there are in all.

    Returns:
        Columns likeness (Jaccard of the texts, or cosine for semantic leaks) and, for each side (`first_`, `second_`):
        id, text, label in force (null where hidden). One row per touched example of the split `second`.

    Raises:
        CorpusError: no such list.
    """
    rows = leakage.beside(found.evidence, kind, first, second)
    shown = rows.iloc[offset : offset + limit]
    ids = examples.ids(studio.store, snapshot_id)
    table: dict[str, Any] = {}
    for side in ("first", "second"):
        wanted = ids[shown[side].to_numpy(np.int64)]
        known = examples.by_ids(studio.store, snapshot_id, np.unique(wanted), ("example_id", "text", "label_now"))
        known = known.set_index("example_id").reindex(wanted)
        table |= {f"{side}_id": wanted, f"{side}_text": known["text"].fillna("").to_numpy(object),
                  f"{side}_label": known["label_now"].to_numpy(object)}  # fmt: skip
    frame = pd.DataFrame(table)
    texts = zip(frame["first_text"], frame["second_text"], strict=True)
    frame["likeness"] = shown["cosine"].to_numpy() if kind == "semantic" else [jaccard(*pair) for pair in texts]
    return frame, len(rows)


def mending_plan(studio: Studio, snapshot_id: str) -> dict[str, Any]:
    """The plan that moves each family that lies across splits into one of them and leaves the rest where it is.

    The shares aimed at are those of the split in force; where the test split has been opened nothing leaves it.

    Raises:
        CorpusError: nothing has been split yet.
    """
    counts = splits.counts(studio.store, snapshot_id)
    total = sum(counts.values())
    if not total:
        raise CorpusError("There is no split to mend", fix="Split the snapshot first.")
    before = splits.decision(studio.store, snapshot_id) or {}
    guard = ["test"] if rounds.test_openings(studio.store, snapshot_id) else []
    return {
        "method": "mended",
        "shares": {name: counts.get(name, 0) / total for name in SPLITS},
        "seed": int(before.get("seed", 0)),
        "together": ["near"],
        "guard": guard,
    }
