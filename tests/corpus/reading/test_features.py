"""Files as `datasets` writes them: label numbers come under their names, translations as one column per language."""

from __future__ import annotations

import json

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from studio.corpus import hub
from studio.corpus import preview as look
from studio.corpus.importing import Source, import_files
from studio.corpus.reading import features

INTENTS = ["card lost", "card late", "top up"]
TAGS = ["O", "B-PER", "I-PER"]


def _import(path, tmp_path):
    seen = look.preview(Source(path, path.name))
    result = import_files([Source(path, path.name)], seen.roles, tmp_path / "s", rejects_path=tmp_path / "r.jsonl")
    rows = pq.read_table(tmp_path / "s" / result.snapshot_id / "examples.parquet").to_pylist()
    assert (result.n_rejects, result.n_records) == (0, len(rows))
    return seen, rows


def _labelled():
    given = [0, 1, 2, -1, 1, 0] * 5  # -1: the hub's way to say that a row has no label
    described = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=INTENTS)})
    texts = [f"message number {i} about something" for i in range(len(given))]
    return datasets.Dataset.from_dict({"text": texts, "label": given}, features=described)


def test_label_numbers_of_parquet_come_under_the_names_the_file_gives(tmp_path):
    _labelled().to_parquet(tmp_path / "x.parquet")
    seen, rows = _import(tmp_path / "x.parquet", tmp_path)
    assert (seen.guess.task, seen.roles.label) == ("classification", "label")
    assert seen.form.named == ("label",) and ("label_names", {"columns": "label"}) in seen.problems
    assert [row["label"] for row in rows[:6]] == ["card lost", "card late", "top up", None, "card late", "card lost"]
    assert look.from_json(look.to_json(seen)).form == seen.form


def test_tag_numbers_are_named_inside_lists(tmp_path):
    described = datasets.Features({
        "tokens": datasets.List(datasets.Value("string")),
        "ner_tags": datasets.List(datasets.ClassLabel(names=TAGS)),
    })  # fmt: skip
    rows = [{"tokens": ["Anna", "Smith", "met", f"no{i}"], "ner_tags": [1, 2, 0, 0]} for i in range(12)]
    datasets.Dataset.from_list(rows, features=described).to_parquet(tmp_path / "x.parquet")
    seen, made = _import(tmp_path / "x.parquet", tmp_path)
    assert (seen.guess.task, seen.roles.scheme) == ("token_classification", "BIO")
    assert json.loads(made[0]["tags"]) == ["B-PER", "I-PER", "O", "O"]
    assert json.loads(made[0]["spans"]) == [{"start": 0, "end": 10, "label": "PER"}]
    lines = tmp_path / "x.jsonl"
    hub.write_rows(datasets.Dataset.from_list(rows, features=described).to_iterable_dataset(), lines, name="a/b",
                   most_bytes=10**6)  # fmt: skip
    assert json.loads(lines.read_text().splitlines()[0])["ner_tags"] == ["B-PER", "I-PER", "O", "O"]


@pytest.mark.parametrize("form", ["parquet", "jsonl"])
def test_a_translation_becomes_source_and_target(tmp_path, form):
    described = datasets.Features({"translation": datasets.Translation(languages=["de", "en", "fr"])})
    rows = [{"translation": {"de": f"Guten Tag {i}", "en": f"Good day {i}", "fr": f"Bonjour {i}"}} for i in range(12)]
    made = datasets.Dataset.from_list(rows, features=described)
    path = tmp_path / f"x.{form}"
    if form == "parquet":
        made.to_parquet(path)
    else:
        hub.write_rows(made.to_iterable_dataset(), path, name="a/b", most_bytes=10**6)
    seen, found = _import(path, tmp_path)
    assert (seen.guess.task, seen.guess.shape) == ("seq2seq", "translation")
    assert seen.names == ("translation.de", "translation.en", "translation.fr")
    assert (found[3]["prompt"], found[3]["completion"]) == ("Guten Tag 3", "Good day 3")
    assert json.loads(found[3]["meta"]) == {"translation.fr": "Bonjour 3"}


def test_records_without_a_translation_among_those_with_one_keep_all_they_have(tmp_path):
    lines = [json.dumps({"translation": {"en": f"Good day {i}", "zh": f"你好 {i}"}}, ensure_ascii=False)
             for i in range(10)]  # fmt: skip
    lines += ['{"translation": "untranslated"}', '{"translation": {"en": "Alone", "deep": {"x": 1}}}']
    path = tmp_path / "x.jsonl"
    path.write_text("\n".join(lines), encoding="utf-8")
    seen = look.preview(Source(path, path.name))
    result = import_files([Source(path, path.name)], seen.roles, tmp_path / "s", rejects_path=tmp_path / "r.jsonl")
    assert (result.n_examples, dict(result.rejects)) == (10, {"no_prompt": 2})
    kept = [json.loads(line) for line in (tmp_path / "r.jsonl").read_text("utf-8").splitlines()]
    assert [item["raw"] for item in kept] == lines[-2:]


@pytest.mark.parametrize(
    "said",
    [b"not json", b"[]", b"{}", b'{"info": null}', b'{"info": {"features": []}}', b"\xff",
     b'{"info": {"features": {"label": {"_type": "ClassLabel", "names": "abc"}}}}',
     b'{"info": {"features": {"label": {"_type": "ClassLabel", "names": [1, 2]}}}}',
     b'{"info": {"features": {"label": {"_type": "List", "feature": {"_type": "List"}}}}}',
     b'{"info": {"features": {"label": ' + b"[" * 3000 + b"]" * 3000 + b"}}}"],
)  # fmt: skip
def test_metadata_that_says_nothing_leaves_the_numbers(said, tmp_path):
    table = pa.table({"text": [f"text {i}" for i in range(20)], "label": [i % 2 for i in range(20)]})
    pq.write_table(table.replace_schema_metadata({b"huggingface": said}), tmp_path / "x.parquet")
    seen, rows = _import(tmp_path / "x.parquet", tmp_path)
    assert seen.form.named == () and {row["label"] for row in rows} == {"0", "1"}


def test_numbers_without_a_name_stay_numbers():
    named = features.namer({"_type": "ClassLabel", "names": ["a", "b"]})
    assert [named(value) for value in (0, 1, 2, -1, -2, None, True, "0")] == ["a", "b", 2, None, -2, None, True, "0"]
