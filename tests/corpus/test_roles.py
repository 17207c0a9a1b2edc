"""The guess at what columns mean, and the refusal of a mapping a file cannot fill."""

from __future__ import annotations

import pytest

from studio.corpus.roles import Roles, guess_language, guess_roles, split_word
from studio.errors import CorpusError


def _rows(n: int = 60) -> list[dict]:
    return [
        {"id": str(i), "body": f"a fairly long message number {i}", "queue": "abc"[i % 3], "region": "NS"[i % 2],
         "split": ("train", "dev", "test")[i % 3], "created_at": f"2026-01-{i % 28 + 1:02d}", "lang": "en"}
        for i in range(n)
    ]  # fmt: skip


def test_a_help_desk_export_is_understood():
    rows = _rows()
    assert guess_roles(list(rows[0]), rows) == Roles(
        text="body", label="queue", groups=("region",), split="split", time="created_at", language="lang"
    )


def test_columns_without_names_are_understood_by_their_values():
    titles = "太平天国私人便章考 网络结构优化设计模型 城镇职工疾病保障 湖南省细菌耐药监测 究竟什么是十月革命".split()
    rows = [{"column_1": "to category", "column_2": titles[i % 5] + str(i), "column_3": "理工医"[i % 3]}
            for i in range(30)]  # fmt: skip
    assert guess_roles(["column_1", "column_2", "column_3"], rows) == Roles(text="column_2", label="column_3")


def test_an_unlabelled_list_of_texts_has_no_label():
    rows = [{"text": f"some text {i}"} for i in range(20)]
    assert guess_roles(["text"], rows) == Roles(text="text")


def test_numbers_are_never_the_text():
    rows = [{"a": "1", "b": "2.5"}, {"a": "3", "b": "4"}]
    assert guess_roles(["a", "b"], rows).text is None


@pytest.mark.parametrize(
    ("roles", "says"),
    [
        (Roles(label="b"), "No text column"),
        (Roles(text="nope", groups=("gone",)), "no such column: got nope, gone"),
        (Roles(text="a", label="a"), "two roles: got a"),
        (Roles(text="a", groups=("b", "b")), "two roles: got b"),
    ],
)
def test_an_impossible_mapping_names_what_is_there(roles, says):
    with pytest.raises(CorpusError, match=says) as caught:
        roles.check(["a", "b"])
    assert caught.value.fix


def test_a_mapping_survives_json():
    roles = Roles("t", "l", ("Age band", "地区"), None, "s", "d", None)
    assert Roles.from_json(roles.to_json()) == roles
    assert roles.group_columns() == {"age_band": "Age band", "地区": "地区"}


@pytest.mark.parametrize(
    ("texts", "language"),
    [(["如何重置密码"], "zh"), (["How do I reset it?"], "en"), (["APP 登录 error"], "en"), ([""], "en"),
     (["我的iPhone无法登录"], "zh")],
)  # fmt: skip
def test_the_language_is_guessed_by_script(texts, language):
    assert guess_language(texts) == language


def test_words_for_splits():
    assert [split_word(word) for word in ("TRAIN", " dev ", "val", "测试集", "fold 1", "", None)] == [
        "train", "validation", "validation", "test", None, None, None,
    ]  # fmt: skip
