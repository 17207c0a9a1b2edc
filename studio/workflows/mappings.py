"""Saved mappings: keep one under a name, find one again, read one from a file."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from studio.corpus.reading.form import Choices
from studio.corpus.recipes import KIND, MOST_BYTES, MappingRecipe
from studio.errors import CorpusError
from studio.records import Actor
from studio.store import recipes
from studio.store.recipes import SavedRecipe
from studio.workflows.acts import act
from studio.workflows.corpora import SplitPlan
from studio.workflows.studio import Studio


@act("upload.save_mapping", "analyst")
def save(studio: Studio, actor: Actor, *, recipe: MappingRecipe) -> str:
    """Keep a mapping under its name; the newest of a name counts. Returns its id.

    Raises:
        CorpusError: a recipe that does not survive being written down.
        StoreError: no name.
    """
    return recipes.save(studio.store, KIND, recipe.name, MappingRecipe.from_json(recipe.to_json()).to_json(),
                        actor.name)  # fmt: skip


def saved(studio: Studio) -> list[SavedRecipe]:
    """The newest mapping of each name, newest first."""
    newest: dict[str, SavedRecipe] = {}
    for row in recipes.all_of(studio.store, KIND):
        newest.setdefault(row.name, row)
    return list(newest.values())


def get(studio: Studio, recipe_id: str) -> MappingRecipe:
    """One saved mapping by its id.

    Raises:
        CorpusError: no such mapping, or one this version cannot read.
    """
    row = recipes.get(studio.store, recipe_id)
    if row is None or row.kind != KIND:
        raise CorpusError("There is no such saved mapping", got=recipe_id, fix="Choose another one.")
    return MappingRecipe.from_json(row.body)


def find(studio: Studio, name_or_file: str) -> MappingRecipe:
    """A mapping by the name it was saved under, by its id, or from a JSON file.

    Raises:
        CorpusError: neither a known name nor a readable file.
    """
    path = Path(name_or_file)
    if path.is_file():
        if path.stat().st_size > MOST_BYTES:
            raise CorpusError("The file is too large for a saved mapping", got=path.name,
                              fix="Choose the JSON file that was saved as a mapping.")  # fmt: skip
        return MappingRecipe.from_bytes(path.read_bytes())
    rows = saved(studio)
    found = next((row for row in rows if name_or_file in (row.name, row.recipe_id)), None)
    if found is None:
        known = ", ".join(row.name for row in rows[:10]) or "none yet"
        raise CorpusError("There is no saved mapping of that name, and no such file", got=name_or_file,
                          fix=f"Saved mappings: {known}.")  # fmt: skip
    return MappingRecipe.from_json(found.body)


def split_of(recipe: MappingRecipe) -> SplitPlan:
    """The split plan of a mapping; entries it does not know are passed over, since a mapping may come from a file."""
    known = {field.name: recipe.split[field.name] for field in fields(SplitPlan) if field.name in recipe.split}
    for name in ("strata", "together"):
        known[name] = tuple(str(item) for item in known.get(name) or ())
    return SplitPlan(**known)


def choices_of(recipe: MappingRecipe | None) -> Choices:
    """What a mapping decided about reading the file: kind, encoding, delimiter, header, part."""
    return Choices.from_json(recipe.options.get("choices")) if recipe else Choices()
