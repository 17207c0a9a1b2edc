"""Import: loaded + rejected = records, always; ids stay with their rows; real files give known counts."""

from __future__ import annotations

import json

import orjson
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.corpus.importing import Source, import_files, known_ids, split_of_name
from studio.corpus.roles import Roles
from studio.corpus.rows import REASONS, Rows
from studio.errors import CorpusError


def _import(tmp_path, data: bytes | str, roles=None, name="data.csv", **how):
    path = tmp_path / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    rejects = tmp_path / "rejects.jsonl"
    header = how.pop("header", None)
    result = import_files([Source(path, name, header)], roles or Roles("text", "label"), tmp_path / "s",
                          rejects_path=rejects, **how)  # fmt: skip
    table = pq.read_table(tmp_path / "s" / result.snapshot_id / "examples.parquet")
    return result, table, [json.loads(line) for line in rejects.read_text(encoding="utf-8").splitlines()]


def test_every_record_becomes_an_example_or_a_reject_with_its_reason(tmp_path):
    lines = ['{"text": "fine", "label": " a ", "n": 1e5}', '{"text": "  "}', '{"label": "a"}', '{"text": ["x"]}',
             '{"text": "nul \\u0000"}', '{"text": "half \\ud83d"}', '{"text": "' + "x" * 30 + '"}', '{"text": 7}',
             '{"text": "long label", "label": "' + "l" * 201 + '"}', "{broken"]  # fmt: skip
    result, table, rejects = _import(tmp_path, "\n".join(lines), max_text_characters=20)
    assert table["text"].to_pylist() == ["fine", "7"]
    assert table["label"].to_pylist() == ["a", None]
    assert json.loads(table["meta"].to_pylist()[0]) == {"n": 100000.0}
    assert table["meta"].to_pylist()[0] == '{"n":1e5}'
    assert [(reject["line"], reject["reason"]) for reject in rejects] == [
        (2, "blank_text"), (3, "no_text"), (4, "structured_value"), (5, "nul_character"), (6, "lone_surrogate"),
        (7, "text_too_long"), (9, "name_too_long"), (10, "broken_json"),
    ]  # fmt: skip
    assert result.n_records == 10 == result.n_examples + result.n_rejects
    assert all(reject["file"] == "data.csv" and reject["raw"] for reject in rejects)


def test_ids_have_no_gap_where_a_record_was_rejected_late(tmp_path):
    _, table, _ = _import(tmp_path, '{"text": "a"}\n{"text": "\\ud800"}\n{"text": "b"}\n', Roles("text"))
    assert table["example_id"].to_pylist() == [0, 1]


def test_groups_split_source_time_and_the_rest_find_their_columns(tmp_path):
    data = "body,cat,Age band,fold,who,when,extra\nhello,a, 18-29 ,dev,me,2026-01-02,more\nworld,b,,train,,,\n"
    roles = Roles("body", "cat", ("Age band",), "fold", "who", "when")
    result, table, _ = _import(tmp_path, data, roles)
    first = table.slice(0, 1).to_pylist()[0]
    assert {key: value for key, value in first.items() if value is not None and key != "row_hash"} == {
        "example_id": 0, "text": "hello", "label": "a", "split": "dev", "source": "me", "time": "2026-01-02",
        "group_age_band": "18-29", "meta": '{"extra":"more"}',
    }  # fmt: skip
    assert table["group_age_band"].to_pylist()[1] is None
    assert result.manifest["group_columns"] == {"age_band": "Age band"}
    assert result.manifest["imported_splits"] == {"dev": 1, "train": 1}
    assert result.manifest["sources"][0]["n_examples"] == 2


def test_bytes_that_are_not_utf8_cost_their_record_only(tmp_path):
    data = b"text,label\n" + b"good,a\n" * 99 + b"bad \xff,a\n"
    result, _, rejects = _import(tmp_path, data)
    assert (result.n_examples, result.rejects) == (99, {"not_utf8": 1})
    assert rejects == [{"file": "data.csv", "line": 101, "reason": "not_utf8", "raw": "bad \\xff,a"}]


def test_several_files_become_one_corpus_with_their_names_as_source(tmp_path):
    for name in ("train.csv", "dev.csv"):
        (tmp_path / name).write_text(f"text,label\nfrom {name},a\n")
    sources = [Source(tmp_path / name, name) for name in ("train.csv", "dev.csv")]
    result = import_files(sources, Roles("text", "label"), tmp_path / "s", rejects_path=tmp_path / "r",
                          split_by_file=True)  # fmt: skip
    table = pq.read_table(tmp_path / "s" / result.snapshot_id / "examples.parquet")
    assert table["source"].to_pylist() == ["train.csv", "dev.csv"]
    assert table["split"].to_pylist() == ["train", "validation"]


def test_rows_that_did_not_change_keep_their_ids_in_the_next_version(tmp_path):
    first, before, _ = _import(tmp_path, "text,label\na,x\nb,x\nb,x\nc,x\n")
    folder = tmp_path / "s" / first.snapshot_id
    second, after, _ = _import(tmp_path, "text,label\nnew,x\nc,x\nb,x\na,y\n", earlier=[folder],
                               next_example_id=first.next_example_id)  # fmt: skip
    assert dict(zip(before["text"].to_pylist(), before["example_id"].to_pylist(), strict=True))["c"] == 3
    assert list(zip(after["example_id"].to_pylist(), after["text"].to_pylist(), after["label"].to_pylist(),
                    strict=True)) == [(1, "b", "x"), (3, "c", "x"), (4, "new", "x"), (5, "a", "y")]  # fmt: skip
    assert (second.n_known, second.next_example_id) == (2, 6)
    third, again, _ = _import(tmp_path, "text,label\na,x\nb,x\nb,x\n", next_example_id=6,
                              earlier=[folder, tmp_path / "s" / second.snapshot_id])  # fmt: skip
    assert again["example_id"].to_pylist() == [0, 1, 2]  # an id comes back with its row, it is never given to another
    assert third.next_example_id == 6


def test_known_ids_of_doubled_rows_come_in_ascending_order(tmp_path):
    first, _, _ = _import(tmp_path, "text,label\nb,x\nb,x\n")
    assert [list(ids) for ids in known_ids([tmp_path / "s" / first.snapshot_id]).values()] == [[0, 1]]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ("text,label\n,a\n ,b\n", "No record of the file can be used"),
        ("text,label\n", "0 records"),
        ("words,label\nhello,a\n", "no such column"),
    ],
)
def test_a_file_without_a_usable_example_says_why_and_leaves_no_snapshot(tmp_path, data, says):
    with pytest.raises(CorpusError, match=says):
        _import(tmp_path, data)
    assert list((tmp_path / "s").iterdir() if (tmp_path / "s").exists() else []) == []


def test_progress_ends_at_the_total_and_a_stop_leaves_nothing(tmp_path):
    data = "text,label\n" + "hello,a\n" * 12_000
    seen = []
    _import(tmp_path, data, on_progress=lambda *step: seen.append(step))
    assert [done for done, _, _ in seen] == [5001, 10001]
    assert {total for _, total, _ in seen} == {12_002}

    def stop(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _import(tmp_path, data + "more,b\n", on_progress=stop)
    assert not [path for path in (tmp_path / "s").iterdir() if path.name.startswith(".")]


def test_warnings_name_what_will_limit_later_steps(tmp_path):
    assert _import(tmp_path, "text,label\na,x\nb,x\n")[0].warnings == ("few_examples", "one_label")
    assert _import(tmp_path, "text\na\nb\n", Roles("text"))[0].warnings == ("few_examples", "no_labels")
    assert _import(tmp_path, "text,label\na,x\nb,\nc,y\n")[0].warnings == ("few_examples", "partly_labelled")


@pytest.mark.parametrize(("name", "split"), [("cls_ctg_train.tsv", "train"), ("dev.csv", "validation"),
                                             ("训练集.csv", "train"), ("messages.csv", None)])  # fmt: skip
def test_file_names_say_their_split(name, split):
    assert split_of_name(name) == split


_line = st.one_of(
    st.binary(max_size=40),
    st.builds(lambda text, label: orjson.dumps({"text": text, "label": label}),
              st.text(st.characters(exclude_categories=["Cs"]), max_size=10), st.sampled_from(["a", "b", None, 3])),
    st.sampled_from([b'{"text": "\\ud800"}', b'{"text": NaN}', b'{"text": 1e999}', b'["x"]', b'{"text": {"a": 1}}']),
)  # fmt: skip


@settings(max_examples=80, deadline=None)
@given(lines=st.lists(_line, max_size=15))
def test_any_jsonl_adds_up_line_by_line(tmp_path_factory, lines):
    folder = tmp_path_factory.mktemp("f")
    lines = [line.replace(b"\n", b"").replace(b"\r", b"") for line in lines]
    body = [b'{"text": "sure", "label": "a"}'] * (2 * len(lines) + 1) + lines
    n = sum(bool(line.strip()) for line in body)
    try:
        result, table, rejects = _import(folder, b"\n".join(body), name="x.jsonl")
    except CorpusError as error:  # a head full of bytes that are not UTF-8 is refused as a whole
        assert "not certain" in error.what or "binary" in error.what
        return
    assert result.n_records == n == table.num_rows + len(rejects)
    assert {reject["reason"] for reject in rejects} <= set(REASONS)


@settings(max_examples=100, deadline=None)
@given(data=st.one_of(st.binary(max_size=300), st.text('",\n\r\tab;好 ', max_size=200).map(str.encode)))
def test_any_bytes_give_examples_rejects_or_one_clear_error(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("f")
    try:
        result, table, rejects = _import(folder, data, Roles("column_1"), header=False)
    except CorpusError as error:
        assert error.what
        assert error.fix
        return
    assert result.n_records == table.num_rows + len(rejects)
    assert table.num_rows >= 1


# --- real files -------------------------------------------------------------------------------------------------------
def test_banking77_with_its_embedded_newlines(shared_data, tmp_path):
    source = Source(shared_data / "banking77" / "train.csv", "train.csv")
    result = import_files([source], Roles("text", "category"), tmp_path, rejects_path=tmp_path / "r")
    assert (result.n_examples, result.n_rejects, len(result.manifest["labels"])) == (10_003, 0, 77)
    assert result.manifest["labels"]["card_payment_fee_charged"] == 187
    assert result.manifest["labels"]["contactless_not_working"] == 35
    table = pq.read_table(tmp_path / result.snapshot_id / "examples.parquet")
    assert sum("\n" in text for text in table["text"].to_pylist()) == 10
    assert result.manifest["language"] == "en"


def test_a_chinese_tsv_without_a_header(shared_data, tmp_path):
    source = Source(shared_data / "csl_zh" / "cls_ctg_train.tsv", "cls_ctg_train.tsv")
    result = import_files([source], Roles("column_2", "column_3"), tmp_path, rejects_path=tmp_path / "r")
    assert (result.n_examples, result.n_rejects, len(result.manifest["labels"])) == (8_000, 0, 13)
    assert result.manifest["language"] == "zh"


def test_the_malformed_jsonl_loses_its_thirteen_bad_lines(shared_data, tmp_path):
    source = Source(shared_data / "messy" / "derived" / "csl_200_malformed.jsonl", "m.jsonl")
    result = import_files([source], Roles("text", "category"), tmp_path, rejects_path=tmp_path / "r")
    assert result.rejects == {"broken_json": 10, "lone_surrogate": 1, "not_an_object": 1, "nul_character": 1}
    assert (result.n_records, result.n_examples) == (200, 187)


def test_utf8_with_a_mark_and_cr_line_ends(shared_data, tmp_path):
    source = Source(shared_data / "messy" / "derived" / "csl_600_utf8_bom_cr.csv", "m.csv")
    result = import_files([source], Roles("text", "category"), tmp_path, rejects_path=tmp_path / "r")
    assert (result.n_examples, result.n_rejects) == (600, 0)


def test_naughty_strings_come_back_unchanged(shared_data, tmp_path):
    strings = json.loads((shared_data / "messy" / "naughty_strings" / "blns.json").read_text(encoding="utf-8"))
    kept = [text for text in strings if text.strip() and "\0" not in text]
    path = tmp_path / "x.jsonl"
    path.write_text("\n".join(json.dumps({"text": text}) for text in strings), encoding="utf-8")
    result = import_files([Source(path, "x")], Roles("text"), tmp_path / "s", rejects_path=tmp_path / "r")
    table = pq.read_table(tmp_path / "s" / result.snapshot_id / "examples.parquet")
    assert table["text"].to_pylist() == kept
    assert result.n_records == len(strings)


def test_names_lose_outer_spaces_and_texts_do_not():
    row, reason = Rows(Roles("t", "l"), max_text_characters=99).make({"t": " a ", "l": " b ", "x": None})
    assert (row, reason) == ({"text": " a ", "label": "b"}, "")
