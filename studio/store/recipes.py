"""Rows of `recipe`: lists and mappings a person saved under a name, by kind (cleaning, mapping, ...)."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from studio.errors import StoreError
from studio.store.connection import Store

_COLUMNS = "recipe_id, kind, name, body, created_at, created_by"
_ADD = f"INSERT INTO recipe ({_COLUMNS}) VALUES ($recipe_id, $kind, $name, $body, $created_at, $created_by)"
_OF_KIND = f"SELECT {_COLUMNS} FROM recipe WHERE kind = $kind ORDER BY created_at DESC, recipe_id"
_GET = f"SELECT {_COLUMNS} FROM recipe WHERE recipe_id = $recipe_id"
NAME_CHARACTERS = 120


@dataclass(frozen=True)
class SavedRecipe:
    """One saved recipe; `body` is its JSON, `created_at` UTC ISO text."""

    recipe_id: str
    kind: str
    name: str
    body: Mapping[str, Any]
    created_at: str
    created_by: str


def save(store: Store, kind: str, name: str, body: Mapping[str, Any], by: str) -> str:
    """Keep a recipe under a name and return its id; the same name may be used again, the newest comes first.

    Raises:
        StoreError: no name.
    """
    name = " ".join(name.split())[:NAME_CHARACTERS]
    if not name:
        raise StoreError("A recipe needs a name", fix="Type a few words.")
    recipe_id = uuid.uuid4().hex
    with store.write() as cursor:
        cursor.execute(_ADD, {"recipe_id": recipe_id, "kind": kind, "name": name, "created_by": by,
                              "body": json.dumps(dict(body), ensure_ascii=False),
                              "created_at": datetime.now(UTC)})  # fmt: skip
    return recipe_id


def all_of(store: Store, kind: str) -> list[SavedRecipe]:
    """Every recipe of a kind, newest first."""
    return [_record(row) for row in store.rows(_OF_KIND, {"kind": kind})]


def get(store: Store, recipe_id: str) -> SavedRecipe | None:
    """One recipe, or None when it is not known."""
    row = store.one(_GET, {"recipe_id": recipe_id})
    return _record(row) if row else None


def _record(row: tuple[Any, ...]) -> SavedRecipe:
    return SavedRecipe(row[0], row[1], row[2], json.loads(row[3]), row[4].isoformat(timespec="seconds"), row[5])
