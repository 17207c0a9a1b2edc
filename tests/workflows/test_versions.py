"""Dataset card and differences of versions as acts, and the command line over them."""

from __future__ import annotations

import csv
import io
import json

import numpy as np
import pytest
import yaml

from studio.cli.main import main
from studio.corpus.schema import write_snapshot
from studio.errors import AccessError, CorpusError
from studio.records import Actor
from studio.settings import Settings
from studio.store import corpora, diffs, snapshots, splits
from studio.workflows import version_diff, versions
from studio.workflows.studio import open_studio

ANALYST = Actor("lee", "analyst")
HOSTILE = "=cmd|' /C calc'!A0 <script>alert(1)</script> [x](http://evil) | ---"


@pytest.fixture
def studio(workspace):
    opened = open_studio(Settings(workspace=workspace), supervise=False)
    yield opened
    opened.close()


def make(store, *, n: int = 200) -> tuple[str, str]:
    """Version 1 of 200 rows; version 2 lacks 60 of the 100 rows of group b and has one text changed."""
    rows = [{"example_id": i, "text": f"message {i} here", "label": HOSTILE if i % 3 else "ok", "group_g": "ab"[i % 2]}
            for i in range(n)]  # fmt: skip
    source = {
        "name": "<b>file</b>|.csv",
        "kind": "csv",
        "bytes": 10,
        "sha256": "f" * 64,
        "n_records": n,
        "n_examples": n,
    }
    first = write_snapshot(rows, store.workspace.snapshots, groups=("g",), sources=[source],
                           lineage={"method": "import", "files": [source], "language_guessed": True})  # fmt: skip
    kept = [row for row in rows if row["group_g"] == "a" or row["example_id"] >= 120]
    kept[0] = kept[0] | {"text": "message **0** here\n<b>now</b>"}
    steps = [{"name": "nothing_known", "params": {"least": 3}, "n_dropped": 60, "n_changed": 1}]
    second = write_snapshot(kept, store.workspace.snapshots, groups=("g",),
                            lineage={"method": "clean", "parent": first["snapshot_id"], "steps": steps})  # fmt: skip
    corpora.add(store, corpus_id="c", name="C", language="en", task="classification", by="t")
    snapshots.add(store, first, corpus_id="c", name="C `x`", by="t")
    snapshots.add(store, second, corpus_id="c", name="C v2", by="t", parent_id=first["snapshot_id"])
    for manifest, given in ((first, rows), (second, kept)):
        ids = np.array([row["example_id"] for row in given])
        names = np.full(len(ids), "train", dtype=object)
        splits.decide(store, manifest["snapshot_id"], ids=ids, names=names, method="random", seed=0, shares={}, by="t")
    return first["snapshot_id"], second["snapshot_id"]


def test_the_card_is_a_valid_hub_card_and_nothing_of_the_corpus_is_markup(studio):
    first, second = make(studio.store)
    written = {
        "description": "# Hi\nWritten by *us* <img src=x>",
        "limits": "Not for profiling.",
        "personal_data": "None.",
    }
    versions.save_card(studio, ANALYST, snapshot_id=first, licence="cc-by-4.0", **written)
    for lang in ("en", "zh"):
        text = versions.card_text(studio, second, lang=lang, front={"configs": [{"config_name": "default"}]})
        _, matter, body = text.split("---\n", 2)
        front = yaml.safe_load(matter)
        assert front["license"] == "cc-by-4.0" and front["language"] == ["en"] and front["size_categories"] == ["n<1K"]
        assert front["task_categories"] == ["text-classification"] and front["configs"][0]["config_name"] == "default"
        assert "<script>" not in body and "<img" not in body and "[x](http" not in body and "<b>file" not in body
        assert "f" * 64 in body  # the files of the version it was made from
        assert "Not for profiling." in body and "### Hi" in body
        table = [line for line in body.splitlines() if "script" in line]
        assert len(table) >= 1 and all(
            line.replace("\\|", "").count("|") == 4 for line in table if line.startswith("|")
        )
    assert "guessed" in versions.card_text(studio, second, lang="en")
    assert "60 left out, 1 changed" in versions.card_text(studio, second, lang="en")
    assert "剔除 60 条" in versions.card_text(studio, second, lang="zh")


def test_a_licence_in_own_words_and_a_name_that_is_no_yaml(studio):
    first, _ = make(studio.store)
    versions.save_card(studio, ANALYST, snapshot_id=first, licence="Ours: ask *Kim* first")
    front = yaml.safe_load(versions.card_text(studio, first).split("---\n")[1])
    assert front["license"] == "other" and front["license_name"] == "ours-ask-kim-first"
    assert front["pretty_name"] == "C `x`"


def test_cards_are_kept_inherited_and_checked(studio):
    first, second = make(studio.store)
    assert versions.save_card(studio, ANALYST, snapshot_id=first, description="one")
    assert not versions.save_card(studio, ANALYST, snapshot_id=first, description="one")
    assert versions.save_card(studio, ANALYST, snapshot_id=first, description="two")
    assert [one["body"]["description"] for one in versions.card_versions(studio, first)] == ["two", "one"]
    fields, origin = versions.card_fields(studio, second)
    assert fields.description == "two" and origin == first
    assert versions.save_card(studio, ANALYST, snapshot_id=second, description="two")
    assert versions.card_fields(studio, second)[1] is None
    with pytest.raises(CorpusError, match="too long"):
        versions.save_card(studio, ANALYST, snapshot_id=first, description="x" * 20_001)
    with pytest.raises(AccessError):
        versions.save_card(studio, Actor("x", "viewer"), snapshot_id=first)
    with pytest.raises(CorpusError):
        versions.card_text(studio, "nothing")


def test_a_group_that_loses_more_is_named_with_its_counts(studio):
    first, second = make(studio.store)
    found = version_diff.diff(studio, first, second)
    assert (found.facts["dropped"], found.facts["text"], found.facts["added"]) == (60, 1, 0)
    ((column, shift),) = found.alarms
    assert (column, shift.value, shift.before, shift.kept, shift.after) == ("group_g", "b", 100, 40, 40)
    assert shift.effect.share == 0.6 and shift.effect.others == 0.0 and shift.effect.q < 1e-6
    same = version_diff.diff(studio, first, first)
    assert not same.alarms and sum(same.facts[kind] for kind in ("added", "dropped", "text")) == 0


def test_the_rows_come_as_files_that_no_spreadsheet_runs(studio):
    found = version_diff.diff(studio, *make(studio.store))
    rows = list(
        csv.DictReader(io.StringIO(version_diff.rows_file(studio, found, "dropped", "csv").decode("utf-8-sig")))
    )
    assert len(rows) == 60 and rows[0]["reason"] == "absent" and rows[0]["label"].startswith("'=cmd")
    lines = version_diff.rows_file(studio, found, "text", "jsonl").decode().splitlines()
    assert [json.loads(line)["after_text"] for line in lines] == ["message **0** here\n<b>now</b>"]
    with pytest.raises(CorpusError):
        version_diff.rows_file(studio, found, "text", "exe")
    assert not list(studio.workspace.cache.glob("diff-*"))


def test_the_command_line_says_the_same(studio, workspace, tmp_path, capsys):
    first, second = make(studio.store)
    studio.close()

    def run(*argv: str, code: int = 0) -> dict:
        assert main(["--workspace", str(workspace.root), *argv, "--json"]) == code
        return json.loads(capsys.readouterr().out)

    assert [v["method"] for v in run("versions")["versions"]] == ["import", "clean"]
    out = tmp_path / "rows.csv"
    found = run("diff", "--snapshot", second, "--rows", "dropped", "--out", str(out))
    assert found["n_dropped"] == 60 and found["squeezed"][0]["value"] == "b" and out.read_bytes().count(b"\r\n") == 61
    assert "error" in run("diff", "--snapshot", first, code=1)
    assert "license: mit" in run("card", "--snapshot", first, "--licence", "mit")["card"]
    plan = ["split", "--snapshot", first, "--method", "stratified", "--by", "label", "--seed", "4"]
    assert run(*plan, "--dry-run")["after"]["pool"] == 140
    assert run("split", "--snapshot", first)["decisions"][0]["method"] == "random"
    made = run(*plan)["decision_id"]
    assert run("split", "--snapshot", first)["decisions"][0]["decision_id"] == made
    assert run("leakage", "--snapshot", first)["examples_across"] >= 0
    assert run("split", "--snapshot", first, "--mend")["moved"] >= 0
    assert run("split", "--snapshot", first, "--restore", made)["after"]["pool"] == 140
    assert "error" in run("split", "--snapshot", first, "--method", "time", code=1)


def test_an_own_export_imported_again_is_no_difference(store):
    """Its columns example_id and split came back as further attributes, so that every row looked changed."""
    plain = [{"example_id": i, "text": f"text {i}", "label": "a", "meta": '{"from":"shop"}'} for i in range(4)]
    back = [row | {"meta": f'{{"example_id":"{row["example_id"]}","from":"shop","split":"test"}}'} for row in plain]
    back[3] |= {"meta": '{"example_id":"3","from":"street","split":"test"}'}
    own = [row | {"meta": f'{{"example_id":"k{row["example_id"]}","from":"shop"}}'} for row in plain]
    corpora.add(store, corpus_id="c", name="C", language="en", task="classification", by="t")
    made = [write_snapshot(rows, store.workspace.snapshots) for rows in (plain, back, own)]
    for manifest in made:
        snapshots.add(store, manifest, corpus_id="c", name="C", by="t")
    first, again, foreign = (str(manifest["snapshot_id"]) for manifest in made)
    assert diffs.facts(store, first, again)["attributes"] == 1  # the one whose own column differs
    assert diffs.rows(store, first, again, "attributes")["example_id"].tolist() == [3]
    assert diffs.facts(store, first, foreign)["attributes"] == 4  # a corpus's own column of that name counts
