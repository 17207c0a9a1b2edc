"""`lexicon` from the command line: the built-in list, a list for one corpus, and back."""

from __future__ import annotations

import json

import pytest

from studio import lexicons
from studio.cli import main
from studio.settings import Settings
from studio.workflows.studio import open_studio
from tests.workflows import small_corpus


@pytest.fixture
def run(workspace, capsys, monkeypatch):
    monkeypatch.setenv("STUDIO_DEVICE", "cpu")

    def run_(*words: str):
        code = main(["--workspace", str(workspace.root), "lexicon", *words, "--json"])
        return code, json.loads(capsys.readouterr().out)

    return run_


def test_the_built_in_list_is_written_and_can_be_read_back(run, tmp_path):
    place = tmp_path / "zh.csv"
    code, said = run("--language", "zh", "--export", str(place))
    assert code == 0 and said["terms"] == len(lexicons.builtin("zh").terms) == sum(said["axes"].values())
    assert list(said["axes"]) == list(lexicons.AXES)
    again = lexicons.parse(place.read_bytes(), "zh", source=said["source"], reviewer=said["reviewer"])
    assert again == lexicons.builtin("zh")


def test_a_list_is_used_for_one_corpus_and_taken_back(run, workspace, tmp_path):
    opened = open_studio(Settings(workspace, device="cpu"), supervise=False)
    small_corpus.make(opened.store, n=40)
    opened.close()
    mine = tmp_path / "mine.csv"
    mine.write_text("term,axis,group\nnun,religion,Christian\n", encoding="utf-8")
    code, refused = run("--use", str(mine))
    assert code == 1 and "--snapshot" in refused["error"]["fix"]
    code, used = run("--snapshot", "Small", "--use", str(mine))
    assert code == 0, used
    assert (used["terms"], used["source"]) == (1, "mine.csv")
    code, back = run("--snapshot", "Small", "--reset")
    assert (code, back["terms"]) == (0, len(lexicons.builtin("en").terms))
    code, missing = run("--snapshot", "Small", "--use", str(tmp_path / "none.csv"))
    assert code == 1 and "cannot be opened" in missing["error"]["what"]
