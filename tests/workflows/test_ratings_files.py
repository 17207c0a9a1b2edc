"""Ratings as a CSV file and back, by the workflow and by the command line."""

from __future__ import annotations

import csv
import io
import json

import pytest

from studio.cli.main import main
from studio.errors import AccessError, SelectionError
from studio.records import Actor
from studio.settings import Settings
from studio.store import snapshots
from studio.workflows import rated_inputs, ratings_files
from studio.workflows.ratings import TWO
from studio.workflows.studio import open_studio
from tests.workflows import small_corpus
from tests.workflows.test_ratings import BEN, CARL, go_on


@pytest.fixture
def snapshot(studio):
    return snapshots.require(studio.store, small_corpus.make(studio.store, n=60))


def counted(studio, snapshot, need="ratings_quality"):
    return rated_inputs.said(studio, snapshot.snapshot_id, need)


def test_a_file_read_back_stores_nothing_new_and_another_workspace_gets_all(studio, snapshot, tmp_path, workspace):
    go_on(studio, snapshot, 4)
    go_on(studio, snapshot, 2, BEN, view="difficulty")
    go_on(studio, snapshot, 3, kind=TWO)
    content = ratings_files.to_csv(studio, snapshot)
    rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))
    assert len(rows) == 9 and tuple(rows[0]) == ratings_files.COLUMNS
    path = tmp_path / "ratings.csv"
    path.write_bytes(content)
    told = ratings_files.from_csv(studio, CARL, snapshot=snapshot, path=path)
    assert (told.n_new, told.n_known, told.refused) == (0, 9, {})
    assert counted(studio, snapshot).n == 4 and counted(studio, snapshot, "pairs_quality").n == 3
    fresh = open_studio(Settings(workspace=type(workspace)(tmp_path / "other"), device="cpu"), supervise=False)
    try:
        other = snapshots.require(fresh.store, small_corpus.make(fresh.store, n=60))
        told = ratings_files.from_csv(fresh, CARL, snapshot=other, path=path)
        assert (told.n_new, told.n_known) == (9, 0)
        for need in ("ratings_quality", "ratings_difficulty", "pairs_quality"):
            a, b = counted(studio, snapshot, need).usable, counted(fresh, other, need).usable
            columns = list(a.columns)
            assert sorted(map(tuple, a.to_numpy().tolist())) == sorted(map(tuple, b[columns].to_numpy().tolist()))
    finally:
        fresh.close()


def test_rows_that_cannot_be_used_are_counted_by_reason(studio, snapshot, tmp_path):
    path = tmp_path / "r.csv"
    path.write_text(
        "view,example_id,value,other_id,outcome,actor\n"
        "quality,3,5,,,=cmd|x\n"  # fine; a name is only a name
        "quality,4,,,,ann\n"  # no value
        "quality,4,9,,,ann\n"
        "quality,99999,3,,,ann\n"
        "nonsense,4,3,,,ann\n"
        "difficulty,4,,5,first,ann\n"
        "quality,4,,5,best,ann\n"
        "quality,4,,4,first,ann\n"
        "quality,4,,5,first,\n",
        encoding="utf-8",
    )
    told = ratings_files.from_csv(studio, CARL, snapshot=snapshot, path=path)
    assert told.n_new == 2 and told.n_known == 0
    assert told.refused == {
        "A rating is a whole number": 2,
        "Some examples are not in this corpus": 1,
        "This view is not rated that way": 2,
        "A comparison has no such outcome": 1,
        "An example cannot be compared with itself": 1,
    }
    assert counted(studio, snapshot, "pairs_quality").people == ("carl",)
    assert b"'=cmd" in ratings_files.to_csv(studio, snapshot)


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n", b"\xff\xfe\x00bad"])
def test_another_file_is_refused(studio, snapshot, tmp_path, content):
    path = tmp_path / "r.csv"
    path.write_bytes(content)
    with pytest.raises(SelectionError, match="cannot be read"):
        ratings_files.from_csv(studio, CARL, snapshot=snapshot, path=path)
    with pytest.raises(AccessError):
        ratings_files.from_csv(studio, Actor("ben", "annotator"), snapshot=snapshot, path=path)


def test_the_command_line_writes_and_reads(studio, snapshot, tmp_path, workspace, capsys):
    go_on(studio, snapshot, 3)
    studio.close()
    path = tmp_path / "out.csv"
    root = ["--workspace", str(workspace.root), "ratings", "--json"]
    assert main([*root, "--export", str(path)]) == 0
    assert json.loads(capsys.readouterr().out)["judgements"] == 3
    assert main([*root, "--import", str(path)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["stored"], told["known"]) == (0, 3)
    assert main([*root, "--learn", "quality"]) == 1, "three are too few"
