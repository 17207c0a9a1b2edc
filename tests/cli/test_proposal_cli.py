"""`proposal` from the command line: propose, list, show, comment, decide, export."""

from __future__ import annotations

import json

import pytest

from studio.cli import main
from studio.records import Actor
from studio.selection.recipe import Recipe
from studio.settings import Settings
from studio.workflows import select
from studio.workflows.studio import open_studio
from tests.workflows.test_select import TARGETS, w


@pytest.fixture
def run(workspace, scored_snapshot, capsys, monkeypatch):
    monkeypatch.setenv("STUDIO_DEVICE", "cpu")
    opened = open_studio(Settings(workspace, device="cpu"), supervise=False)
    select.freeze(opened, Actor("Ann", "analyst"), snapshot_id=scored_snapshot, name="first", targets=TARGETS,
                  selection_id="sel", recipe=Recipe(weights=w(40, 30, 0, 30), budget=30))  # fmt: skip
    opened.close()

    def run_(*words: str):
        code = main(["--workspace", str(workspace.root), "proposal", *words, "--json"])
        return code, json.loads(capsys.readouterr().out)

    return run_


def test_from_proposing_to_the_file(run, tmp_path):
    code, made = run("propose", "sel", "--name", "first", "--purpose", "to learn", "--by", "Ann")
    assert (code, made["state"], made["by"], made["n"]) == (0, "waiting", "Ann", 30), made
    start = made["proposal_id"][:6]
    code, refused = run("decide", start, "approve", "--by", "ann")
    assert code == 1 and "of their own" in refused["error"]["what"]
    assert run("comment", start, "why so many?", "--by", "Ben")[0] == 0
    code, refused = run("decide", start, "reject", "--by", "Ben")
    assert code == 1 and "needs a reason" in refused["error"]["what"]
    code, done = run("decide", start, "changes", "--note", "fewer", "--by", "Ben")
    assert (code, done["state"]) == (0, "changes")
    code, shown = run("show", start, "--lang", "zh")
    assert code == 0 and [d["note"] for d in shown["decisions"]] == ["fewer"]
    assert shown["comments"][0]["body"] == "why so many?" and any("种子" in line for line in shown["recipe"])
    code, listed = run("list")
    assert [(p["state"], p["comments"], p["stale"]) for p in listed["proposals"]] == [("changes", 1, False)]
    out = tmp_path / "p.html"
    code, said = run("export", start, "--out", str(out), "--lang", "en")
    assert code == 0 and said["file"] == str(out) and "<h1>Proposal: first</h1>" in out.read_text(encoding="utf-8")
    code, refused = run("export", start, "--out", str(tmp_path / "no" / "p.html"))
    assert code == 1 and "cannot be written" in refused["error"]["what"]
    code, refused = run("show", "nothing")
    assert code == 1 and "not known" in refused["error"]["what"]
