"""What each kind gives: CoNLL, SQuAD, lists in objects, plain text, Excel; values stay as they were written."""

from __future__ import annotations

import datetime
import io
import json

import openpyxl
import pytest

from studio.corpus import formats, readers
from studio.corpus.formats import Choices
from studio.corpus.reading import record
from studio.errors import CorpusError


def _read(tmp_path, data: bytes | str, name: str = "data", **choices):
    path = tmp_path / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    form = formats.detect(path, choices=Choices(**choices), name=name)
    return form, list(readers.records(path, form))


def _values(reads):
    return [dict(read.values) for read in reads if read.values is not None]


def _rejects(reads):
    return [(read.line, read.reason) for read in reads if read.values is None]


# --- CoNLL ------------------------------------------------------------------------------------------------------------
def test_conll_with_comments_document_marks_and_middle_columns(tmp_path):
    data = (
        "-DOCSTART- -X- O O\n\n# id = 7\n# lang = en\nEU NNP B-NP B-ORG\nrejects VBZ B-VP O\n\n"
        "Peter NNP B-NP B-PER\n. . O O\n"
    )
    form, reads = _read(tmp_path, data)
    assert (form.kind, form.columns) == ("conll", ("tokens", "tags", "column_2", "column_3", "id", "lang"))
    assert _values(reads) == [
        {"tokens": ["EU", "rejects"], "tags": ["B-ORG", "O"], "column_2": ["NNP", "VBZ"], "column_3": ["B-NP", "B-VP"],
         "id": "7", "lang": "en"},
        {"tokens": ["Peter", "."], "tags": ["B-PER", "O"], "column_2": ["NNP", "."], "column_3": ["B-NP", "O"]},
    ]  # fmt: skip
    assert [read.line for read in reads] == [3, 8]


def test_chinese_characters_with_tags_and_a_blank_token(tmp_path):
    form, reads = _read(tmp_path, "中\tB-LOC\n国\tI-LOC\n \tO\n人\tO\n\n我\tO\n们\tO\n")
    assert form.kind == "conll"
    assert _values(reads) == [
        {"tokens": ["中", "国", " ", "人"], "tags": ["B-LOC", "I-LOC", "O", "O"]},
        {"tokens": ["我", "们"], "tags": ["O", "O"]},
    ]


def test_a_ragged_line_costs_its_sentence(tmp_path):
    good = "a\tO\nb\tB-X\n\n" * 40
    _, reads = _read(tmp_path, good + "c\tO\nd\n\ne\tO\tO\n\n" + good)
    assert _rejects(reads) == [(121, "too_few_fields"), (124, "too_many_fields")]
    assert len(_values(reads)) == 80


def test_a_hash_token_is_no_comment(tmp_path):
    _, reads = _read(tmp_path, "# O\n# O\n1 B-X\n\n# O\n2 I-X\n")
    assert [values["tokens"] for values in _values(reads)] == [["#", "#", "1"], ["#", "2"]]


def test_a_tsv_with_short_labels_is_no_conll(tmp_path):
    form, _ = _read(tmp_path, "text\tlabel\n" + "a longer text here\tB\nand another one\tO\n" * 20)
    assert form.kind == "tsv"


@pytest.mark.parametrize(("name", "n"), [("wnut17train", 3394), ("emerging.dev", 1009), ("emerging.test", 1287)])
def test_wnut_has_its_sentences(shared_data, name, n):
    path = shared_data / "wnut17" / f"{name}.conll"
    form = formats.detect(path)
    reads = list(readers.records(path, form))
    assert form.kind == "conll"
    assert (len(reads), _rejects(reads)) == (n, [])


# --- SQuAD and objects ------------------------------------------------------------------------------------------------
def test_squad_gives_a_record_per_question(tmp_path):
    data = {"version": "v2.0", "data": [{"title": "T", "paragraphs": [
        {"context": "c1", "qas": [
            {"id": "1", "question": "q1", "answers": [{"text": "c", "answer_start": 0}]},
            {"id": "2", "question": "q2", "answers": [], "is_impossible": True}]},
        {"context": "c2", "qas": "broken"}, 7]}]}  # fmt: skip
    form, reads = _read(tmp_path, json.dumps(data, indent=1))
    assert (form.kind, form.left_out) == ("squad", ("version",))
    first, second = _values(reads)
    assert first == {"id": "1", "title": "T", "context": "c1", "question": "q1", "is_impossible": False,
                     "answers": [{"text": "c", "answer_start": "0"}]}  # fmt: skip
    assert (second["answers"], second["is_impossible"]) == ([], True)
    assert [reason for _, reason in _rejects(reads)] == ["not_an_object", "not_an_object"]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_xquad_has_its_questions(shared_data, language):
    path = shared_data / "xquad" / f"xquad.{language}.json"
    form = formats.detect(path)
    assert (form.kind, len(list(readers.records(path, form)))) == ("squad", 1190)


@pytest.mark.parametrize("indent", [None, 1])
def test_an_object_with_lists_reads_the_first_or_the_chosen_one(tmp_path, indent):
    data = json.dumps({"note": "x", "train": [{"t": "a"}, {"t": "b"}, 5], "test": [{"t": "c"}], "n": [1, 2]},
                      indent=indent)  # fmt: skip
    form, reads = _read(tmp_path, data)
    assert (form.kind, form.part, form.parts) == ("json_object", "train", ("train", "test"))
    assert form.left_out == ("note", "test", "n")
    assert [values["t"] for values in _values(reads)] == ["a", "b"]
    assert [reason for _, reason in _rejects(reads)] == ["not_an_object"]
    _, reads = _read(tmp_path, data, part="test")
    assert _values(reads) == [{"t": "c"}]
    with pytest.raises(CorpusError, match="no such list"):
        _read(tmp_path, data, part="n")


def test_an_array_of_texts_and_arrays_glued_together(tmp_path):
    form, reads = _read(tmp_path, '["a", "", "b"]\n["c", 5] rest')
    assert form.columns == ("text",)
    assert [values["text"] for values in _values(reads)] == ["a", "", "b", "c"]
    assert _rejects(reads) == [(2, "not_an_object"), (2, "broken_json")]


def test_an_array_of_lists_is_a_table_and_one_of_turns_a_conversation(tmp_path):
    data = '[["actor", 0.80, null],\n ["nun", 7], ["nun", -1, "x", [2]], 5, []]'
    form, reads = _read(tmp_path, data)
    assert (form.kind, form.columns) == ("json", ("column_1", "column_2", "column_3", "column_4"))
    assert _values(reads) == [
        {"column_1": "actor", "column_2": "0.80", "column_3": None}, {"column_1": "nun", "column_2": "7"},
        {"column_1": "nun", "column_2": "-1", "column_3": "x", "column_4": ["2"]}, {},
    ]  # fmt: skip
    assert _rejects(reads) == [(2, "not_an_object")]
    turns = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
    form, reads = _read(tmp_path, json.dumps([turns, turns, "no turns"]))
    assert form.columns == ("messages",) and _values(reads) == [{"messages": turns}] * 2
    assert _rejects(reads) == [(1, "not_an_object")]
    assert _rejects(_read(tmp_path, '[{"a": 1}, ["b"], {"a": 2}]')[1]) == [(1, "not_an_object")]


def test_jsonl_under_a_json_name_stays_jsonl(tmp_path):
    form, reads = _read(tmp_path, '{"a": [{"b": 1}]}\n{"a": []}\n', "x.json")
    assert (form.kind, len(reads)) == ("jsonl", 2)


# --- plain text -------------------------------------------------------------------------------------------------------
def test_lines_or_paragraphs(tmp_path):
    data = "第一段的第一行，\n第一段的第二行。\n\n\n第二段。\n还有一行。\n"
    form, reads = _read(tmp_path, data)
    assert (form.kind, form.unit) == ("text", "paragraph")
    assert [(read.line, read.values["text"]) for read in reads] == [
        (1, "第一段的第一行，\n第一段的第二行。"), (5, "第二段。\n还有一行。"),
    ]  # fmt: skip
    _, reads = _read(tmp_path, data, unit="line", kind="text")
    assert [read.line for read in reads] == [1, 2, 5, 6]


def test_a_line_or_paragraph_above_the_limit_is_one_reject(tmp_path, monkeypatch):
    monkeypatch.setattr(record, "LINE_BYTES", 100)
    long = "x" * 250 + "\n"
    _, reads = _read(tmp_path, "short one\n" + long + "short two\n", kind="text", unit="line")
    assert _rejects(reads) == [(2, "line_too_long")]
    _, reads = _read(tmp_path, "a\nb\n\n" + "word\n" * 40 + "\nc\nd\n", kind="text", unit="paragraph")
    assert _rejects(reads) == [(4, "line_too_long")]
    assert [values["text"] for values in _values(reads)] == ["a\nb", "c\nd"]


# --- a person may overrule --------------------------------------------------------------------------------------------
def test_choices_overrule_what_was_found(tmp_path):
    data = "a,b;c\nd,e;f\n"
    assert _read(tmp_path, data, delimiter=";")[0].columns == ("a,b", "c")
    assert _values(_read(tmp_path, data, kind="text")[1])[0] == {"text": "a,b;c"}
    assert _read(tmp_path, "a#b\nc#d\n", delimiter="#", header=True)[1][0].values == {"a": "c", "b": "d"}
    for wrong in ({"delimiter": '"'}, {"delimiter": "ab"}, {"kind": "xml"}, {"encoding": "klingon"}, {"unit": "page"}):
        with pytest.raises(CorpusError):
            _read(tmp_path, data, **wrong)
    with pytest.raises(CorpusError, match="not JSON of that kind"):
        _read(tmp_path, data, kind="json")


# --- Excel ------------------------------------------------------------------------------------------------------------
def _book(fill) -> bytes:
    book, data = openpyxl.Workbook(), io.BytesIO()
    fill(book)
    book.save(data)
    return data.getvalue()


def test_excel_cells_stay_as_people_see_them(tmp_path):
    def fill(book):
        sheet = book.active
        sheet.append(["text", "value"])
        for value in ("007", 7, 7.0, 0.1, 1e5, True, "true", "NA", "1e5", datetime.date(2026, 1, 2),
                      datetime.datetime(2026, 1, 2, 3, 4, 5), datetime.time(3, 4), 0.1 + 0.2, 123456789012345,
                      -5, "=1+1x", None):  # fmt: skip
            sheet.append(["x", value])
        sheet.cell(row=sheet.max_row, column=1).value = "last"
        sheet.append(["padded", 7])
        sheet.cell(row=sheet.max_row, column=2).number_format = "000"

    _, reads = _read(tmp_path, _book(fill))
    found = [values["value"] for values in _values(reads)]
    assert found == ["007", "7", "7", "0.1", "100000", "TRUE", "true", "NA", "1e5", "2026-01-02",
                     "2026-01-02 03:04:05", "03:04:00", "0.3", "123456789012345", "-5", None, None, "007"]  # fmt: skip


def test_excel_sheets_empty_rows_and_wide_rows(tmp_path):
    def fill(book):
        book.active.title = "empty"
        first = book.create_sheet("第一")
        for row in (["text", "label"], ["a", "x"], [None, None], ["b"], ["c", "y", "too much"]):
            first.append(row)
        book.create_sheet("other").append(["k", "v"])

    data = _book(fill)
    form, reads = _read(tmp_path, data, "claims.csv")
    assert (form.kind, form.part, form.parts) == ("excel", "第一", ("第一", "other"))
    assert _values(reads) == [
        {"text": "a", "label": "x", "column_3": None}, {"text": "b", "label": None, "column_3": None},
        {"text": "c", "label": "y", "column_3": "too much"},
    ]  # fmt: skip
    assert [read.line for read in reads] == [2, 4, 5]
    assert _read(tmp_path, data, part="other", header=False)[1][0].values == {"column_1": "k", "column_2": "v"}
    with pytest.raises(CorpusError, match="no such sheet"):
        _read(tmp_path, data, part="nowhere")
    with pytest.raises(CorpusError, match="sheet is empty"):
        _read(tmp_path, data, part="empty")


# --- labels are texts in every kind -----------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl", "json", "excel", "conll"])
def test_labels_are_never_turned_into_something_else(tmp_path, kind):
    labels = ["007", "true", "1e5", "NA", "null", "-0", "1.50", "NaN"]
    rows = [{"text": f"text {i}", "label": label} for i, label in enumerate(labels)]
    if kind == "excel":

        def fill(book):
            book.active.append(["text", "label"])
            for row in rows:
                book.active.append(list(row.values()))

        data = _book(fill)
    elif kind == "conll":
        data = "\n".join(f"token{i}\t{label}" for i, label in enumerate(labels)).encode()
    elif kind in ("csv", "tsv"):
        cut = "," if kind == "csv" else "\t"
        data = (f"text{cut}label\n" + "".join(f"{row['text']}{cut}{row['label']}\n" for row in rows)).encode()
    else:
        data = ("\n".join(map(json.dumps, rows)) if kind == "jsonl" else json.dumps(rows)).encode()
    _, reads = _read(tmp_path, data, kind="conll" if kind == "conll" else None)
    found = _values(reads)
    assert (found[0]["tags"] if kind == "conll" else [values["label"] for values in found]) == labels
