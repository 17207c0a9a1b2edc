"""Tokens of a conversation are those the tokenizer gives, the learnt ones counted by where they begin."""

from __future__ import annotations

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from studio.errors import ModelError
from studio.models import chat_tokens


def test_tokens_are_counted_by_place(tmp_path):
    inner = Tokenizer(models.WordLevel({"a": 0, "b": 1, "?": 2}, unk_token="?"))
    inner.pre_tokenizer = pre_tokenizers.Whitespace()
    inner.save(str(tmp_path / "tokenizer.json"))
    assert chat_tokens.count(tmp_path, "a b a zebra", [(2, 5)]) == (4, 2)
    assert chat_tokens.count(tmp_path, "") == (0, 0)


def test_a_folder_without_a_tokenizer_says_what_to_give(tmp_path):
    (tmp_path / "tokenizer.json").write_text("{}")
    for folder in (tmp_path, tmp_path / "none"):
        with pytest.raises(ModelError, match="cannot be read") as caught:
            chat_tokens.count(folder, "a")
        assert "tokenizer.json" in caught.value.fix
