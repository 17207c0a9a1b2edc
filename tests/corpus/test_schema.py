"""The snapshot folder: names by content, the same bytes every time, readable by other tools."""

from __future__ import annotations

import hashlib
import json

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.corpus import schema
from studio.errors import CorpusError


def _rows(n: int = 5) -> list[dict]:
    return [{"text": f"text {i}", "label": "ab"[i % 2], "group_age": "old", "meta": {"k": i}} for i in range(n)]


def test_row_hash_is_sha256_of_sorted_compact_json_of_the_role_fields():
    expected = hashlib.sha256('{"label":"a","text":"你好"}'.encode()).hexdigest()
    assert schema.row_hash({"text": "你好", "label": "a", "split": "train", "group_age": "old"}) == expected
    assert schema.row_hash({"text": "你好", "label": None}) == hashlib.sha256('{"text":"你好"}'.encode()).hexdigest()


def test_all_columns_exist_from_the_start_and_ids_ascend(tmp_path):
    manifest = schema.write_snapshot(_rows(), tmp_path, groups=["age"])
    table = pq.read_table(tmp_path / manifest["snapshot_id"] / "examples.parquet")
    assert tuple(table.column_names) == schema.column_names(["age"])
    assert table["example_id"].to_pylist() == [0, 1, 2, 3, 4]
    assert table["meta"].to_pylist()[2] == '{"k":2}'
    assert table["messages"].null_count == 5
    assert table["row_hash"].to_pylist()[1] == schema.row_hash({"text": "text 1", "label": "b"})
    assert manifest["labels"] == {"a": 3, "b": 2}
    assert manifest["group_values"] == {"age": {"old": 5}}
    assert manifest["n_labelled"] == manifest["n_examples"] == 5
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".tmp")]


def test_the_same_content_has_the_same_name_and_bytes_wherever_it_is_written(tmp_path):
    first = schema.write_snapshot(_rows(), tmp_path / "a", groups=["age"])
    again = schema.write_snapshot(_rows(), tmp_path / "a", groups=["age"])
    other = schema.write_snapshot(_rows(), tmp_path / "b", groups=["age"])
    assert first == again == other
    files = [tmp_path / place / first["snapshot_id"] / "examples.parquet" for place in "ab"]
    assert files[0].read_bytes() == files[1].read_bytes()


@pytest.mark.parametrize(
    "change",
    [{"text": "other"}, {"label": "z"}, {"group_age": None}, {"meta": {"k": 9}}, {"example_id": 77}, {"split": "test"}],
    ids=lambda change: next(iter(change)),
)
def test_any_change_of_content_changes_the_name(tmp_path, change):
    before = schema.write_snapshot(_rows(), tmp_path, groups=["age"])["snapshot_id"]
    rows = _rows()
    rows[4] |= change
    assert schema.write_snapshot(rows, tmp_path, groups=["age"])["snapshot_id"] != before


def test_language_and_task_are_part_of_the_name(tmp_path):
    names = {
        schema.write_snapshot(_rows(), tmp_path, groups=["age"], **how)["snapshot_id"]
        for how in ({}, {"language": "zh"}, {"task": "masked_lm"})
    }
    assert len(names) == 3


def test_rows_in_any_order_give_the_same_snapshot_in_id_order(tmp_path):
    rows = [row | {"example_id": i * 3} for i, row in enumerate(_rows(9))]
    straight = schema.write_snapshot(rows, tmp_path / "a", groups=["age"])
    mixed = schema.write_snapshot([rows[i] for i in (4, 0, 8, 2, 6, 1, 3, 7, 5)], tmp_path / "b", groups=["age"])
    assert straight["snapshot_id"] == mixed["snapshot_id"]
    table = pq.read_table(tmp_path / "b" / mixed["snapshot_id"] / "examples.parquet")
    assert table["example_id"].to_pylist() == [0, 3, 6, 9, 12, 15, 18, 21, 24]
    assert table["text"].to_pylist() == [f"text {i}" for i in range(9)]


@pytest.mark.parametrize("ids", [(1, 1), (-1, 2), (0, 2**53)], ids=["repeated", "negative", "too large"])
def test_impossible_ids_are_refused_and_leave_nothing_behind(tmp_path, ids):
    with pytest.raises(CorpusError):
        schema.write_snapshot([{"example_id": i, "text": "x"} for i in ids], tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_no_rows_is_refused_and_leaves_nothing_behind(tmp_path):
    with pytest.raises(CorpusError, match="no example"):
        schema.write_snapshot([], tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_half_a_character_is_refused_and_leaves_nothing_behind(tmp_path):
    with pytest.raises(schema.NotUnicode):
        schema.write_snapshot([{"text": "fine"}, {"text": "half \ud83d"}], tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_too_many_labels_are_not_labels(tmp_path):
    with pytest.raises(CorpusError, match="2,000 different values"):
        schema.write_snapshot(({"text": "x", "label": str(i)} for i in range(2_001)), tmp_path)


def test_large_texts_make_small_row_groups(tmp_path):
    rows = [{"text": str(i) + "长" * 150_000} for i in range(300)]
    manifest = schema.write_snapshot(rows, tmp_path)
    file = pq.ParquetFile(tmp_path / manifest["snapshot_id"] / "examples.parquet")
    assert file.num_row_groups > 2
    assert file.metadata.num_rows == 300


def test_a_changed_file_is_noticed(tmp_path):
    manifest = schema.write_snapshot(_rows(), tmp_path, groups=["age"])
    folder = tmp_path / manifest["snapshot_id"]
    assert schema.verify_snapshot(folder) == manifest
    with (folder / "examples.parquet").open("ab") as handle:
        handle.write(b"x")
    with pytest.raises(CorpusError, match="not the ones that were frozen"):
        schema.verify_snapshot(folder)


def test_a_manifest_of_a_newer_version_or_a_broken_one_is_refused(tmp_path):
    manifest = schema.write_snapshot(_rows(), tmp_path, groups=["age"])
    path = tmp_path / manifest["snapshot_id"] / "manifest.json"
    path.write_text(json.dumps(manifest | {"schema_version": 99}))
    with pytest.raises(CorpusError, match="newer version"):
        schema.read_manifest(path.parent)
    path.write_text("{")
    with pytest.raises(CorpusError, match="cannot be read"):
        schema.read_manifest(path.parent)


def test_other_tools_read_it(tmp_path):
    from datasets import load_dataset

    manifest = schema.write_snapshot(_rows(), tmp_path / "s", groups=["age"])
    file = tmp_path / "s" / manifest["snapshot_id"] / "examples.parquet"
    loaded = load_dataset("parquet", data_files=str(file), cache_dir=str(tmp_path / "cache"), split="train")
    assert loaded[1]["text"] == "text 1"
    assert loaded[1]["example_id"] == 1
    assert set(loaded.column_names) == set(schema.column_names(["age"]))


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.fixed_dictionaries(
            {"text": st.text(st.characters(exclude_categories=["Cs"]), min_size=1)},
            optional={
                "label": st.sampled_from(["a", "好"]),
                "source": st.text(st.characters(exclude_categories=["Cs"])),
            },
        ),
        min_size=1,
        max_size=20,
    )
)
def test_every_text_comes_back_as_it_went_in(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("s")
    manifest = schema.write_snapshot(rows, folder)
    table = pq.read_table(folder / manifest["snapshot_id"] / "examples.parquet")
    for name in ("text", "label", "source"):
        assert table[name].to_pylist() == [row.get(name) for row in rows]
    assert table["row_hash"].to_pylist() == [schema.row_hash(row) for row in rows]


def test_group_names_are_safe_and_never_alike():
    assert schema.group_names(['Age"; DROP', "age drop", "", "地区 1"]) == ("age_drop", "age_drop_2", "group", "地区_1")
