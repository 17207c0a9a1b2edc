"""Rows of the table `vector_set`: which embeddings of a snapshot lie where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from studio.errors import StoreError
from studio.store.connection import Store

_COLUMNS = "snapshot_id, encoder, version, dim, n, k, path, unknown_share, content_hash, run_id, created_at"
_FORGET = "DELETE FROM vector_set WHERE snapshot_id = $snapshot_id AND encoder = $encoder AND version = $version"
_ADD = f"""
INSERT INTO vector_set ({_COLUMNS})
VALUES ($snapshot_id, $encoder, $version, $dim, $n, $k, $path, $unknown_share, $content_hash, $run_id, $created_at)
"""
_OF_SNAPSHOT = f"SELECT {_COLUMNS} FROM vector_set WHERE snapshot_id = $snapshot_id ORDER BY created_at DESC, encoder"


@dataclass(frozen=True)
class VectorSet:
    """One embedding of a snapshot; `path` is relative to the workspace, `k` the neighbours stored beside it."""

    snapshot_id: str
    encoder: str
    version: str
    dim: int
    n: int
    k: int
    path: str
    unknown_share: float | None
    content_hash: str
    run_id: str | None
    created_at: str

    @property
    def encoder_key(self) -> str:
        """`encoder@version`."""
        return f"{self.encoder}@{self.version}"

    @property
    def knn_path(self) -> str:
        """Folder of the k-NN graph, relative to the workspace."""
        return f"{self.path}/knn_{self.k}"

    def vectors_file(self, root: Path) -> Path:
        """The vectors under a workspace root."""
        return root / self.path / "vectors.npy"


def put(store: Store, snapshot_id: str, meta: Mapping[str, Any], *, path: str, run_id: str | None) -> None:
    """Index an embedding in place of an older one of the same encoder; `meta` is its meta.json."""
    key = {"snapshot_id": snapshot_id, "encoder": str(meta["encoder"]), "version": str(meta["version"])}
    with store.write() as cursor:
        cursor.execute(_FORGET, key)
        cursor.execute(
            _ADD,
            key
            | {
                "dim": int(meta["dim"]),
                "n": int(meta["n"]),
                "k": int(meta["k"]),
                "path": path,
                "unknown_share": float(meta["unknown_share"]),
                "content_hash": str(meta["content_hash"]),
                "run_id": run_id,
                "created_at": datetime.now(UTC),
            },
        )


def forget(store: Store, snapshot_id: str, encoder: str, version: str) -> None:
    """Remove the row of an embedding whose files go; maps made from it stay."""
    with store.write() as cursor:
        cursor.execute(_FORGET, {"snapshot_id": snapshot_id, "encoder": encoder, "version": version})


def of_snapshot(store: Store, snapshot_id: str) -> list[VectorSet]:
    """Every embedding of a snapshot, newest first."""
    rows = store.rows(_OF_SNAPSHOT, {"snapshot_id": snapshot_id})
    return [VectorSet(*row[:5], int(row[5] or 0), *row[6:10], row[10].isoformat(timespec="seconds")) for row in rows]


def newest(store: Store, snapshot_id: str, encoder_key: str | None = None) -> VectorSet | None:
    """The newest embedding of a snapshot, or that of one encoder; None when there is none."""
    found = of_snapshot(store, snapshot_id)
    return next((item for item in found if encoder_key in (None, item.encoder, item.encoder_key)), None)


def require(store: Store, snapshot_id: str, encoder_key: str | None = None) -> VectorSet:
    """Like `newest`.

    Raises:
        StoreError: the snapshot is not embedded (with that encoder).
    """
    found = newest(store, snapshot_id, encoder_key)
    if found is None:
        raise StoreError(
            "This corpus is not embedded yet",
            got=encoder_key or snapshot_id,
            fix="Make the map on the Explore page, or run `python -m studio embed`.",
        )
    return found
