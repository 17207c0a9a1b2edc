"""Messy files: hand-written twins of the public ones, and those themselves where they lie on this machine."""

from __future__ import annotations

import json

import pyarrow.parquet as pq
import pytest

from studio.corpus import formats, readers
from studio.corpus.importing import Choices, Source, import_files
from studio.corpus.roles import Roles

ROWS = [("0", "太平天国私人便章考", "历史学"), ("1", "空间工作记忆负载影响真实场景搜索绩效的眼动研究", "教育学"),
        ("2", "网络结构优化设计模型及遗传算法", "工学"), ("3", '他说"你好", 然后走了', "文学")]  # fmt: skip
TABLE = "id,text,category\n" + "".join('{},"{}",{}\n'.format(a, b.replace('"', '""'), c) for a, b, c in ROWS * 5)
BROKEN = [
    '{"id": 0, "text": "好的一行", "category": "x"}', '{"id": 1, "text": "断了的一行", "category": ',
    '{"id": 2, "text": "没有引号", category: "x"}', "[1, 2, 3]", '{"id": 4, "text": "half \\ud800 here"}',
    '{"id": 5, "text": "nul \\u0000 byte"}', '{"id": 6, "text": "' + "长" * 200 + '"}', "",
    '{"id": 7, "text": "最后一行"}',
]  # fmt: skip


def _import(path, folder, roles, **how):
    result = import_files([Source(path, path.name, choices=how.pop("choices", Choices()))], roles, folder / "s",
                          rejects_path=folder / "r", **how)  # fmt: skip
    table = pq.read_table(folder / "s" / result.snapshot_id / "examples.parquet")
    return result, table, [json.loads(line) for line in (folder / "r").read_text(encoding="utf-8").splitlines()]


def test_the_twin_in_four_encodings_gives_one_snapshot(tmp_path):
    names = set()
    for number, data in enumerate((
        TABLE.encode("gb18030"), TABLE.encode("utf-16"), TABLE.encode("utf-16-le"),
        TABLE.replace("\n", "\r").encode("utf-8-sig"),
    )):  # fmt: skip
        path = tmp_path / f"{number}.csv"
        path.write_bytes(data)
        (tmp_path / str(number)).mkdir()
        result, table, rejects = _import(path, tmp_path / str(number), Roles("text", "category"))
        assert (table["text"].to_pylist(), rejects) == ([text for _, text, _ in ROWS * 5], [])
        names.add(result.snapshot_id)
    assert len(names) == 1


def test_the_real_file_in_four_encodings_gives_one_snapshot(shared_data, tmp_path):
    names = set()
    for name in ("gb18030", "utf16_bom", "utf16le_nobom", "utf8_bom_cr"):
        path = shared_data / "messy" / "derived" / f"csl_600_{name}.csv"
        (tmp_path / name).mkdir()
        result, _, _ = _import(path, tmp_path / name, Roles("text", "category"))
        assert (result.n_examples, result.n_rejects) == (600, 0)
        names.add(result.snapshot_id)
    assert len(names) == 1


def test_the_broken_twin_gives_exactly_its_rejects(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_text("\n".join(BROKEN), encoding="utf-8")
    result, table, rejects = _import(path, tmp_path, Roles("text"), max_text_characters=100)
    assert [(reject["line"], reject["reason"]) for reject in rejects] == [
        (2, "broken_json"), (3, "broken_json"), (4, "not_an_object"), (5, "lone_surrogate"), (6, "nul_character"),
        (7, "text_too_long"),
    ]  # fmt: skip
    assert table["text"].to_pylist() == ["好的一行", "最后一行"]
    assert result.n_records == 8


def test_the_real_broken_file_gives_exactly_its_rejects(shared_data, tmp_path):
    path = shared_data / "messy" / "derived" / "csl_200_malformed.jsonl"
    result, table, rejects = _import(path, tmp_path, Roles("text", "category"))
    assert result.rejects == {"broken_json": 10, "not_an_object": 1, "lone_surrogate": 1, "nul_character": 1}
    assert (result.n_records, result.n_examples) == (200, 187)
    assert max(map(len, table["text"].to_pylist())) == 200_000  # exactly the limit, so it stays
    assert [reject["line"] for reject in rejects if reject["reason"] != "broken_json"] == [151, 161, 171]


NAUGHTY = [
    "undefined", "1E+02", "0x0", "-1.00", "NaN", ",./;'[]\\-=", "\x01\x02\x03\x7f", "\u0085\u00a0\u2028", "Ω≈ç√",
    "田中さんにあげて下さい", "\u202etest\u202c", "Ṱ̺̺̕o͞ ̷i̲̬͇̪͙n̝̗͕v̟̜̘̦͟o̶̙̰̠kè͚̮", "<script>alert(0)</script>",
    "=1+1", "👾 🙇 💁", " \u200b\ufeff",
    "'; DROP TABLE users", "../../../etc/passwd", "\t tabs \t", "\x1b[31mred",
]  # fmt: skip


def _round_trip(tmp_path, texts):
    path = tmp_path / "x.json"
    path.write_text(json.dumps(texts), encoding="utf-8")
    result, table, rejects = _import(path, tmp_path, Roles("text"))
    assert result.n_records == len(texts)
    kept = [text for text in texts if text and not text.isspace() and "\0" not in text]
    assert table["text"].to_pylist() == kept
    assert {reject["reason"] for reject in rejects} <= {"blank_text", "nul_character"}
    return result


def test_naughty_strings_survive_to_the_letter_and_are_counted(tmp_path):
    result = _round_trip(tmp_path, NAUGHTY)
    assert result.manifest["notes"] == {"odd_bidi": 1, "odd_control": 2, "odd_invisible": 1}
    assert {"note_odd_bidi", "note_odd_control", "note_odd_invisible"} <= set(result.warnings)


def test_the_big_list_of_naughty_strings_survives(shared_data, tmp_path):
    folder = shared_data / "messy" / "naughty_strings"
    _round_trip(tmp_path, json.loads((folder / "blns.json").read_text(encoding="utf-8")))
    form = formats.detect(folder / "blns.txt", choices=Choices(kind="text", unit="line"))
    found = [read.values["text"] for read in readers.records(folder / "blns.txt", form)]
    raw = (folder / "blns.txt").read_bytes().decode("utf-8")
    lines = raw.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    assert found == [line for line in lines if line.strip()]


@pytest.mark.parametrize("name", ["special/latin1.csv", "special/bom.csv", "special/doublequote.csv", "table.csv.gz",
                                  "table.ndjson", "table.tsv", "special/skip-blank-at-the-end.csv"])  # fmt: skip
def test_files_of_another_project_are_read_or_questioned(shared_data, name):
    path = shared_data / "messy" / "tabulator" / name
    form = formats.detect(path)
    reads = list(readers.records(path, form))
    assert reads
    assert form.guess.is_sure or name == "special/latin1.csv"
