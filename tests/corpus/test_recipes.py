"""Saved mappings: whole after a file, strict about what they read, clear about what a file lacks."""

from __future__ import annotations

import json

import pytest

from studio.corpus.derived import Derived
from studio.corpus.recipes import MOST_BYTES, MappingRecipe
from studio.corpus.roles import Roles
from studio.errors import CorpusError

RECIPE = MappingRecipe(
    "Tickets", "label_text",
    Roles("text", task="classification_multi", labels=("tags",), separator=";", groups=("地区",),
          label_names=("a", "b"), derived=(Derived("bands", "age band", "age", edges=(18.0, 65.0)),)),
    {"method": "random", "shares": {"pool": 1.0}, "seed": 3}, {"choices": {"encoding": "gb18030"}},
)  # fmt: skip


def test_a_recipe_survives_its_file():
    assert MappingRecipe.from_bytes(RECIPE.to_bytes()) == RECIPE
    assert MappingRecipe.from_bytes(b"\xef\xbb\xbf" + RECIPE.to_bytes()) == RECIPE


def test_what_went_missing_is_named():
    RECIPE.check(["text", "tags", "地区", "age"])
    with pytest.raises(CorpusError) as caught:
        RECIPE.check(["text", "tags", "body"])
    assert caught.value.got == "地区, age"
    assert "text, tags, body" in caught.value.fix


@pytest.mark.parametrize(
    "data",
    [b"", b"[]", b"{}", b"\xff\xfe", b'{"format": "winnow mapping", "version": 99}', b"{" * 5_000,
     b'{"format": "winnow mapping", "version": 1, "roles": []}',
     b'{"format": "winnow mapping", "version": 1, "roles": {"text": {"a": 1}}}',
     b'{"format": "winnow mapping", "version": 1, "roles": {"derived": [7]}}', b" " * (MOST_BYTES + 1)],
)  # fmt: skip
def test_other_files_are_refused(data):
    with pytest.raises(CorpusError) as caught:
        MappingRecipe.from_bytes(data).check(["text"])
    assert caught.value.fix


def test_unknown_entries_of_a_later_version_1_are_passed_over():
    value = RECIPE.to_json() | {"colour": "red"}
    value["roles"] = value["roles"] | {"mood": "x"}
    assert MappingRecipe.from_json(json.loads(json.dumps(value))) == RECIPE
