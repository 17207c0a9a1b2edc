"""`storage`, `purge` and `find` from the command line: one JSON object, the same two steps, the same refusals."""

from __future__ import annotations

import json

import pytest

from studio.cli import main
from studio.settings import Settings
from studio.store import snapshots
from studio.workflows.studio import open_studio
from tests.jobs.harness import kill_workers
from tests.workflows import small_corpus


@pytest.fixture
def run(workspace, capsys, monkeypatch):
    """Runs a command over the test's workspace; (exit code, its JSON)."""
    monkeypatch.setenv("STUDIO_DEVICE", "cpu")
    opened = open_studio(Settings(workspace, device="cpu"), supervise=False)
    small_corpus.make(opened.store, n=80)
    opened.close()

    def run_(*words: str):
        code = main(["--workspace", str(workspace.root), *words, "--json"])
        return code, json.loads(capsys.readouterr().out)

    yield run_
    kill_workers(workspace)


def test_a_removal_takes_two_commands(run, workspace):
    code, looked = run("purge", "--corpus", "small", "--example", "7", "--example", "9")
    assert (code, looked["n_examples"], looked["confirm"], looked["removed"]) == (0, 2, "2", False)
    code, wrong = run("purge", "--corpus", "small", "--example", "7", "--confirm", "2")
    assert code == 1 and "confirmation" in wrong["error"]["what"]
    code, done = run("purge", "--corpus", "small", "--example", "7", "--example", "9", "--confirm", "2")
    assert code == 0 and done["report"]["n_examples"] == 2 and done["report"]["still_holding"] == []
    opened = open_studio(Settings(workspace, device="cpu"), supervise=False)
    assert [item.n_examples for item in snapshots.list_all(opened.store)] == [78]
    opened.close()


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("purge", "--example", "1"), "must be named"),
        (("purge", "--corpus", "Small"), "Nothing is named"),
        (("purge", "--corpus", "none", "--whole"), "no corpus of that name"),
        (("purge", "--where", "author"), "cannot be read"),
        (("purge", "--go-on"), "No removal"),
        (("storage", "--delete", "snapshot:x", "--confirm", "1"), "not in the workspace"),
        (("find",), "nothing to look for"),
    ],
)
def test_refusals_are_said_in_three_parts(run, words, error):
    code, said = run(*words)
    assert code == 1 and error in said["error"]["what"] and said["error"]["fix"]


def test_examples_are_found_and_frozen(run, tmp_path):
    (tmp_path / "like.jsonl").write_text('{"text": "the invoice shows a wrong amount"}\nwhy this fee on my bill\n')
    code, found = run("find", "--describe", "invoice charge payment", "--like", str(tmp_path / "like.jsonl"),
                      "--budget", "10", "--freeze", "Bills")  # fmt: skip
    assert code == 0 and found["n_hits"] == 10 and found["words_only"] == ["Small"]
    code, listed = run("storage")
    assert code == 0 and listed["kinds"]["snapshot"]["items"] == 2
    assert {"Small", "Bills"} <= {item["title"] for item in listed["items"]}
