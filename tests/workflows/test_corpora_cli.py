"""`demo`, `import` and `export` on the command line: one JSON object, exit codes, messages that name the mend."""

from __future__ import annotations

import importlib
import json

import pytest

from studio.cli.corpora import read_split
from studio.errors import CorpusError

CSV = "text,label,region,fold\n" + "".join(
    f"message number {i},{'ab'[i % 2]},{'NS'[i % 2]},{('train', 'dev', 'test')[i % 3]}\n" for i in range(30)
)


@pytest.fixture
def command(workspace, monkeypatch, capsys):
    """Runs one command over the test's workspace; gives its exit code and its JSON object."""
    module = importlib.import_module("studio.cli.main")
    monkeypatch.setattr(module, "ROOMS", ("corpora", "exports"))

    def run(*arguments: str) -> tuple[int, dict]:
        code = module.main(["--workspace", str(workspace.root), *arguments, "--json"])
        return code, json.loads(capsys.readouterr().out)

    return run


def test_import_export_and_import_again(command, tmp_path):
    path = tmp_path / "tickets.csv"
    path.write_text(CSV + "ragged\n")
    code, first = command("import", str(path), "--group", "region")
    assert code == 0
    assert (first["name"], first["n_examples"], first["n_rejects"]) == ("tickets", 30, 1)
    assert first["rejects"] == {"too_few_fields": 1}
    assert (first["labels"], first["groups"], first["is_new"]) == (2, ["region"], True)
    assert first["splits"] == {"pool": 21, "validation": 3, "test": 6}
    code, again = command("import", str(path), "--group", "region")
    assert (code, again["is_new"], again["snapshot_id"]) == (0, False, first["snapshot_id"])
    code, out = command("export", "--snapshot", "tickets", "--format", "parquet", "--out", str(tmp_path / "x.parquet"))
    assert (code, out["n_rows"]) == (0, 30)
    assert (tmp_path / "x.parquet").exists()
    assert len(out["sha256"]) == 64
    path.write_text(CSV.replace("number 3,", "number three,"))
    code, version = command("import", str(path), "--group", "region", "--version-of", "tickets")
    assert (code, version["name"], version["corpus_id"]) == (0, "tickets v2", first["corpus_id"])


def test_splits_by_column_and_by_file_names(command, tmp_path):
    (tmp_path / "all.csv").write_text(CSV)
    code, done = command("import", str(tmp_path / "all.csv"), "--text", "text", "--label", "label",
                         "--split", "column:fold", "--train-as", "train")  # fmt: skip
    assert (code, done["splits"]) == (0, {"train": 10, "validation": 10, "test": 10})
    for name in ("train", "dev", "test"):
        (tmp_path / f"{name}.csv").write_text(f"text,label\nfrom {name},a\nalso {name},b\n")
    files = [str(tmp_path / f"{name}.csv") for name in ("train", "dev", "test")]
    code, done = command("import", *files, "--split", "file", "--name", "three")
    assert (code, done["splits"], done["name"]) == (0, {"pool": 2, "validation": 2, "test": 2}, "three")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["{gone}"], "not there"),
        (["{png}"], "PNG image"),
        (["{csv}", "--text", "nope"], "no such column"),
        (["{csv}", "--split", "half"], "split cannot be read"),
        (["{csv}", "--split", "pool=0.5"], "sum to 1"),
        (["{csv}", "--version-of", "nope"], "no corpus of that name"),
    ],
)
def test_what_cannot_be_imported_ends_with_code_1_and_the_mend(command, tmp_path, arguments, says):
    paths = {"gone": tmp_path / "gone.csv", "png": tmp_path / "x.csv", "csv": tmp_path / "ok.csv"}
    paths["png"].write_bytes(b"\x89PNG\r\n\x1a\n....")
    paths["csv"].write_text(CSV)
    code, done = command("import", *(argument.format(**paths) for argument in arguments))
    assert code == 1
    assert says in done["error"]["what"]
    assert done["error"]["fix"]


def test_the_demo_twice_is_one_corpus(command):
    first = command("demo", "--language", "zh", "--size", "300")
    again = command("demo", "--language", "zh", "--size", "300")
    assert first == again
    assert (first[0], first[1]["n_examples"], first[1]["language"]) == (0, 300, "zh")


def test_how_a_split_is_written():
    assert read_split("file") == (True, None, None)
    assert read_split("pool=0.8,test=0.2") == (False, None, {"pool": 0.8, "test": 0.2})
    for text in ("", "column:", "pool", "dev=1"):
        with pytest.raises(CorpusError):
            read_split(text)


def test_the_encoding_can_be_said_and_a_weak_guess_is_asked_for(command, tmp_path):
    path = tmp_path / "cities.csv"
    path.write_bytes("text,city\nJosé schreibt,Málaga\nZoë schreibt,Köln\n".encode("cp1252"))
    code, out = command("import", str(path), "--text", "text")
    assert code == 1
    assert "not certain" in json.dumps(out)
    code, out = command("import", str(path), "--text", "text", "--encoding", "latin1")
    assert (code, out["n_examples"], out["n_rejects"]) == (0, 2, 0)
    code, out = command("import", str(path), "--text", "text", "--encoding", "klingon")
    assert code == 1
    assert "encoding is not known" in json.dumps(out)


def test_kind_and_unit_can_be_said(command, tmp_path):
    path = tmp_path / "poem.csv"
    path.write_text("one, two\nthree, four\n\nfive, six\n")
    code, out = command("import", str(path), "--kind", "text", "--unit", "paragraph")
    assert (code, out["n_examples"]) == (0, 2)


def test_the_hub_is_refused_where_the_network_is_off(command):
    code, out = command("import", "--hub", "owner/name")
    assert code == 1
    assert "not reached from here" in json.dumps(out)
