"""`open-test` from the command line: look, refused without an approval, opened for a reason, counted."""

from __future__ import annotations

import json

from studio.cli import main
from studio.settings import Settings
from studio.workflows.studio import open_studio
from tests.workflows import approved_round


def test_open_test_asks_for_an_approval_or_a_reason(workspace, capsys, monkeypatch):
    monkeypatch.setenv("STUDIO_DEVICE", "cpu")
    opened = open_studio(Settings(workspace, device="cpu"), supervise=False)
    approved_round.make(opened)
    opened.close()

    def run(*words: str):
        code = main(["--workspace", str(workspace.root), "open-test", *words, "--json"])
        return code, json.loads(capsys.readouterr().out)

    code, looked = run("r", "--look")
    assert (code, looked["round_id"], looked["state"], looked["openings"]) == (0, "r1", "no_proposal", [])
    code, refused = run("r1")
    assert code == 1 and "once a selection is approved" in refused["error"]["what"]
    code, done = run("r1", "--why", "nobody else works here")
    (one,) = done["openings"]
    assert code == 0 and (one["kind"], one["n_test"], done["openings_of_corpus"]) == ("unapproved", 30, 1)
    assert "WITHOUT an approval" in one["told"] and "nobody else works here" in one["told"]
    code, refused = run("no-such-round")
    assert code == 1 and "No single round" in refused["error"]["what"]
