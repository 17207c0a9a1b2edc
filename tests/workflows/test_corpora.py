"""A corpus into the workspace through real workers, and out again."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from studio.corpus.roles import Roles
from studio.errors import AccessError, CorpusError
from studio.jobs import rundir
from studio.records import Actor
from studio.settings import Settings, Workspace
from studio.store import corpora as corpus_rows
from studio.store import examples, references, snapshots, splits
from studio.workflows import corpora, runs
from studio.workflows.corpora_files import clean_name, resolve
from studio.workflows.studio import open_studio

ADMIN = Actor("tester", "admin")
CSV = "text,label,region,fold\n" + "".join(
    f"message number {i},{'ab'[i % 2]},{'NS'[i % 2]},{('train', 'dev', 'test')[i % 3]}\n" for i in range(60)
)


@pytest.fixture(scope="module")
def studio(tmp_path_factory):
    """One studio for the module, with its supervisor."""
    opened = open_studio(Settings(Workspace(tmp_path_factory.mktemp("w") / "workspace")))
    yield opened
    opened.close()


def _give(studio, text: str | bytes, name: str = "data.csv") -> corpora.GivenFile:
    data = io.BytesIO(text.encode() if isinstance(text, str) else text)
    return corpora.spool(studio, ADMIN, name=name, data=data)


def _import(studio, text: str | bytes, roles=None, **how):
    run_id = corpora.start_import(studio, ADMIN, files=[_give(studio, text, how.pop("file", "data.csv"))],
                                  roles=roles or Roles("text", "label"), **how)  # fmt: skip
    status = runs.wait(studio, run_id, 60)
    assert status.state == "done", runs.detail(studio, run_id).failure
    return corpora.outcome(studio, run_id)


# --- import -----------------------------------------------------------------------------------------------------------
def test_a_file_becomes_a_snapshot_with_splits_and_rejects(studio):
    text = CSV + "ragged\n" + " ,a,N,train\n"
    done = _import(studio, text, Roles("text", "label", ("region",)), name="Mine")
    assert (done.n_records, done.n_examples, done.n_rejects) == (62, 60, 2)
    assert done.rejects == {"blank_text": 1, "too_few_fields": 1}
    assert [reject["raw"] for reject in done.first_rejects] == ["ragged", " ,a,N,train"]
    assert len(done.rejects_path.read_text().splitlines()) == 2
    snapshot = done.snapshot
    assert done.is_new
    assert (snapshot.name, snapshot.language, snapshot.groups, snapshot.created_by) == (
        "Mine", "en", ("region",), "tester",
    )  # fmt: skip
    assert splits.counts(studio.store, snapshot.snapshot_id) == {"pool": 42, "validation": 6, "test": 12}
    assert splits.decision(studio.store, snapshot.snapshot_id)["method"] == "random"
    assert examples.count(studio.store, snapshot.snapshot_id) == 60
    assert corpus_rows.get(studio.store, snapshot.corpus_id)["next_example_id"] == 60
    assert not list(studio.workspace.uploads.iterdir())  # the spooled copy is gone


def test_the_same_content_again_is_the_same_snapshot_and_is_said(studio):
    first = _import(studio, CSV, name="Twice")
    again = _import(studio, CSV, name="Twice", file="renamed.csv")
    assert first.is_new
    assert not again.is_new
    assert again.snapshot == first.snapshot
    assert again.n_examples == 60
    assert len(snapshots.of_corpus(studio.store, first.snapshot.corpus_id)) == 1


def test_a_double_click_is_one_run(studio):
    file, run_id = _give(studio, CSV + "one more,a,N,dev\n"), "11111111-2222-3333-4444-555555555555"
    ids = {corpora.start_import(studio, ADMIN, files=[file], roles=Roles("text", "label"), run_id=run_id)
           for _ in range(2)}  # fmt: skip
    assert ids == {run_id}
    assert runs.wait(studio, run_id, 60).state == "done"


def test_a_new_version_keeps_ids_and_splits(studio):
    first = _import(studio, CSV + "version text,a,N,dev\n", name="Versions")
    before = splits.frame(studio.store, first.snapshot.snapshot_id).set_index("example_id")["split"].to_dict()
    lines = (CSV + "version text,a,N,dev\n").splitlines()
    changed = "\n".join([lines[0], "a new text,b,S,dev", *reversed(lines[11:])]) + "\n"
    second = _import(studio, changed, corpus_id=first.snapshot.corpus_id)
    assert second.snapshot.name == "Versions v2"
    frame = examples.frame(studio.store, second.snapshot.snapshot_id, ("example_id", "text", "split_now"))
    assert frame["example_id"].tolist() == [*range(10, 61), 61]
    assert frame["text"].tolist()[-1] == "a new text"
    kept = frame[frame["example_id"] < 61]
    assert kept["split_now"].tolist() == [before[example_id] for example_id in kept["example_id"]]
    assert corpus_rows.get(studio.store, first.snapshot.corpus_id)["next_example_id"] == 62
    assert corpus_rows.list_all(studio.store).set_index("name").loc["Versions", "n_snapshots"] == 2


def test_an_imported_split_is_followed(studio):
    plan = corpora.SplitPlan("imported", train_as="train")
    done = _import(studio, CSV + "split text,a,N,\n", Roles("text", "label", split="fold"), split=plan)
    assert splits.counts(studio.store, done.snapshot.snapshot_id) == {"train": 21, "validation": 20, "test": 20}
    assert splits.decision(studio.store, done.snapshot.snapshot_id)["shares"]["train_as"] == "train"


def test_a_split_column_that_names_no_split_fails_with_the_mend(studio):
    run_id = corpora.start_import(studio, ADMIN, files=[_give(studio, CSV)], split=corpora.SplitPlan("imported"),
                                  roles=Roles("text", "label", split="region"))  # fmt: skip
    assert runs.wait(studio, run_id, 60).state == "failed"
    failure = runs.detail(studio, run_id).failure
    assert failure["reason"] == "data_error"
    assert failure["what"] == "The split column names no split"
    assert failure["fix"]
    assert list(studio.workspace.uploads.iterdir())  # the file is still there for another try


def test_a_decision_can_be_made_again(studio):
    done = _import(studio, CSV + "decide again,a,N,dev\n")
    plan = corpora.SplitPlan("random", {"pool": 0.5, "train": 0.5}, seed=3)
    counts = corpora.decide_splits(studio, ADMIN, snapshot_id=done.snapshot.snapshot_id, split=plan)
    assert counts == {"pool": 31, "train": 30}


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ({"files": []}, "No file"),
        ({"language": "xx"}, "language"),
        ({"split": corpora.SplitPlan("imported")}, "needs a split column"),
        ({"split": corpora.SplitPlan("random", {"pool": 0.5})}, "sum to 1"),
        ({"split": corpora.SplitPlan("by hand")}, "no such way"),
        ({"files": [corpora.GivenFile("studio.duckdb", "x.csv", 3)]}, "not in the workspace"),
        ({"files": [corpora.GivenFile("uploads/../studio.duckdb", "x.csv", 3)]}, "not in the workspace"),
        ({"corpus_id": "nope"}, "not known"),
    ],
)
def test_what_cannot_be_imported_is_refused_before_a_run_starts(studio, how, says):
    n_runs = len(rundir.list_runs(studio.workspace.runs))
    values = {"files": [_give(studio, CSV)], "roles": Roles("text", "label"), **how}
    with pytest.raises(CorpusError, match=says) as caught:
        corpora.start_import(studio, ADMIN, **values)
    assert caught.value.fix
    assert len(rundir.list_runs(studio.workspace.runs)) == n_runs


def test_finishing_twice_changes_nothing(studio):
    done = _import(studio, CSV + "finish twice,a,N,dev\n")
    run_id = studio.store.one("SELECT run_id FROM snapshot WHERE snapshot_id = ?", [done.snapshot.snapshot_id])[0]
    run_dir = studio.workspace.run_dir(run_id)
    corpora.finish_import(studio, run_dir, rundir.read_spec(run_dir))
    assert len(snapshots.of_corpus(studio.store, done.snapshot.corpus_id)) == 1
    assert studio.store.one("SELECT count(*) FROM split_decision WHERE snapshot_id = ?",
                            [done.snapshot.snapshot_id]) == (1,)  # fmt: skip


def test_a_viewer_may_not_import(studio):
    with pytest.raises(AccessError):
        corpora.open_demo(studio, Actor("guest", "viewer"), language="en")


# --- files ------------------------------------------------------------------------------------------------------------
def test_client_names_are_text_never_paths(studio):
    for name in ("../../x.csv", "C:\\x.csv", "a\0.csv", "CON", "x" * 300, "\u202ecsv.exe", ""):
        given = _give(studio, CSV, name)
        assert (studio.workspace.root / given.path).parent == studio.workspace.uploads
        assert given.name == clean_name(name)
        assert len(given.name) <= 120
        assert not set(given.name) & set("\0/\\\u202e")
        (studio.workspace.root / given.path).unlink()


def test_too_large_a_file_is_refused_and_not_kept(studio):
    before = list(studio.workspace.uploads.iterdir())
    with pytest.raises(CorpusError, match="too large"):
        corpora.spool(studio, ADMIN, name="x", data=io.BytesIO(b"x" * 2000), limit=1000)
    with pytest.raises(CorpusError, match="not there"):
        corpora.spool(studio, ADMIN, name="x", data=Path("/nowhere/x.csv"))
    assert list(studio.workspace.uploads.iterdir()) == before


def test_the_inbox_lists_plain_files_and_imports_them_in_place(studio):
    inbox = studio.workspace.inbox
    (inbox / "big.csv").write_text(CSV + "from the inbox,a,N,dev\n")
    (inbox / ".hidden").write_text("x")
    os.symlink("/etc/passwd", inbox / "link.csv")
    (inbox / "folder").mkdir()
    assert [file.name for file in corpora.inbox(studio)] == ["big.csv"]
    run_id = corpora.start_import(studio, ADMIN, files=corpora.inbox(studio), roles=Roles("text", "label"))
    assert runs.wait(studio, run_id, 60).state == "done"
    assert (inbox / "big.csv").exists()
    with pytest.raises(CorpusError, match="not in the workspace"):
        resolve(studio.workspace, "inbox/link.csv")


def test_a_preview_of_each_kind(studio, tmp_path):
    assert corpora.preview(studio, ADMIN, file=_give(studio, CSV)).roles.split == "fold"
    pq.write_table(pa.table({"text": ["a b", "c d"]}), tmp_path / "x")
    given = corpora.spool(studio, ADMIN, name="x.parquet", data=tmp_path / "x")
    assert corpora.preview(studio, ADMIN, file=given).names == ("text",)
    broken = _give(studio, (tmp_path / "x").read_bytes()[:-40], "broken.parquet")
    with pytest.raises(CorpusError, match="damaged"):
        corpora.preview(studio, ADMIN, file=broken)


# --- demo -------------------------------------------------------------------------------------------------------------
def test_the_demo_is_made_once_with_its_reference_shares(studio):
    first = corpora.open_demo(studio, ADMIN, language="en", n=400)
    assert corpora.open_demo(studio, ADMIN, language="en", n=400) == first
    assert runs.wait(studio, first, 60).state == "done"
    assert corpora.open_demo(studio, ADMIN, language="en", n=400) == first
    snapshot = corpora.outcome(studio, first).snapshot
    assert (snapshot.n_examples, snapshot.language, len(snapshot.label_names)) == (400, "en", 12)
    assert snapshot.groups == ("gender", "age_band", "region", "channel")
    truth = json.loads((studio.workspace.run_dir(first) / "result" / "demo.truth.json").read_text())
    shares = references.shares(studio.store, snapshot.snapshot_id)
    assert shares == {name: truth["reference"][name] for name in snapshot.groups}
    frame = examples.frame(studio.store, snapshot.snapshot_id, ("meta", "time", "source"), limit=1)
    assert json.loads(frame["meta"][0]) == {"row": "en-00000"}
    with pytest.raises(CorpusError, match="no demo"):
        corpora.open_demo(studio, ADMIN, language="fr")


def test_a_reference_is_edited_and_checked(studio):
    done = _import(studio, CSV + "reference,a,N,dev\n", Roles("text", "label", ("region",)))
    snapshot_id = done.snapshot.snapshot_id
    corpora.set_reference(studio, ADMIN, snapshot_id=snapshot_id, group="region", shares={"N": 0.4, "S": 0.6})
    assert references.shares(studio.store, snapshot_id) == {"region": {"N": 0.4, "S": 0.6}}
    with pytest.raises(CorpusError, match="no such group"):
        corpora.set_reference(studio, ADMIN, snapshot_id=snapshot_id, group="nope", shares={"N": 1.0})


# --- export -----------------------------------------------------------------------------------------------------------
def test_exports_hold_what_they_say(studio, tmp_path):
    done = _import(studio, CSV + "=danger,a,N,dev\n", Roles("text", "label", ("region",)), name="Out")
    snapshot_id = done.snapshot.snapshot_id
    whole = corpora.export(studio, ADMIN, snapshot_id=snapshot_id)
    rows = [json.loads(line) for line in whole.path.read_text().splitlines()]
    assert len(rows) == whole.n_rows == 61
    assert rows[3] | {"split": ""} == {
        "example_id": 3, "text": "message number 3", "label": "b", "split": "", "region": "S", "fold": "train",
    }  # fmt: skip
    labelled = corpora.export(studio, ADMIN, snapshot_id=snapshot_id, what="labelled", fmt="parquet")
    table = pq.read_table(labelled.path)
    assert set(table["split"].to_pylist()) == {"validation", "test"}
    assert set(table["origin"].to_pylist()) == {"corpus"}
    assert labelled.n_rows == 18
    sheet = corpora.export(studio, ADMIN, snapshot_id=snapshot_id, fmt="csv", path=tmp_path / "x.csv",
                           for_spreadsheets=True)  # fmt: skip
    assert "'=danger" in sheet.path.read_text(encoding="utf-8-sig")
    with studio.store.write() as cursor:
        cursor.execute("INSERT INTO selection_example VALUES ('s', 0, 7, 0.9, 'top'), ('s', 1, 2, 0.8, 'top')")
        cursor.execute(
            "INSERT INTO selection VALUES "
            "('s', 'c', ?, 'n', 'st', 'main', 2, 2, 0, '{}', 'h', 'h', NULL, NULL, now(), 'me')",
            [snapshot_id],
        )
    chosen = corpora.export(studio, ADMIN, snapshot_id=snapshot_id, what="selection:s")
    rows = [json.loads(line) for line in chosen.path.read_text().splitlines()]
    assert [(row["example_id"], row["rank"]) for row in rows] == [(7, 0), (2, 1)]
    for what in ("nope", "selection:other"):
        with pytest.raises(CorpusError):
            corpora.export(studio, ADMIN, snapshot_id=snapshot_id, what=what)


def test_an_exported_snapshot_comes_back_equal(studio):
    roles = Roles("text", "label", ("region",), split="fold")
    done = _import(studio, CSV + '"a ""quoted"",\n text",b,S,dev\n', roles, name="Round")
    frame = examples.frame(studio.store, done.snapshot.snapshot_id, ("text", "label", "group_region"), reveal=True)
    for fmt in ("jsonl", "csv", "parquet"):
        out = corpora.export(studio, ADMIN, snapshot_id=done.snapshot.snapshot_id, fmt=fmt)
        back = _import(studio, out.path.read_bytes(), Roles("text", "label", ("region",)), file=f"back.{fmt}")
        again = examples.frame(studio.store, back.snapshot.snapshot_id, ("text", "label", "group_region"), reveal=True)
        assert again.equals(frame)
