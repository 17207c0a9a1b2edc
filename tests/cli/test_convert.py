"""`convert` turns one file into another format without a workspace, and says what is lost or cannot be."""

from __future__ import annotations

import json

import datasets
import pytest

from studio import cli
from studio.corpus.recipes import MappingRecipe
from studio.corpus.roles import Roles
from tests.conftest import ROOT

ALPACA = [{"instruction": f"Add {i} and {i}", "input": "" if i % 2 else "as a word", "output": f"it makes {2 * i}"}
          for i in range(40)]  # fmt: skip


@pytest.fixture
def convert(capsys, monkeypatch, tmp_path):
    """Runs `convert` in an empty folder; gives its exit code and its JSON object."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("STUDIO_HOME", raising=False)

    def run(*arguments: str) -> tuple[int, dict]:
        code = cli.main(["convert", *arguments, "--json"])
        return code, json.loads(capsys.readouterr().out)

    return run


def test_alpaca_becomes_messages_without_a_workspace(convert, tmp_path):
    (tmp_path / "a.json").write_text(json.dumps(ALPACA))
    code, said = convert("a.json", "b.jsonl", "--to", "messages")
    assert code == 0, said
    assert (said["task"], said["n"], said["left_out"]) == ("instruction", 40, {})
    assert said["loses"] == ["other_columns", "context_in_prompt"]
    rows = [json.loads(line) for line in (tmp_path / "b.jsonl").read_text().splitlines()]
    assert rows[0] == {"messages": [{"role": "user", "content": "Add 0 and 0\n\nas a word"},
                                    {"role": "assistant", "content": "it makes 0"}]}  # fmt: skip
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json", "b.jsonl"]


def test_labels_become_an_instruction_with_every_label_of_the_file(convert, tmp_path):
    lines = ["text,label"] + [f"a message about number {i},{('good', 'bad')[i % 2]}" for i in range(40)]
    (tmp_path / "t.csv").write_text("\n".join([*lines, "the last one here,ugly"]) + "\n")
    code, said = convert("t.csv", "folder", "--to", "llama_factory", "--instruction", "Pick: {labels}")
    assert code == 0, said
    rows = json.loads((tmp_path / "folder" / "data.json").read_text())
    assert rows[1] == {"instruction": "Pick: bad, good, ugly", "input": "a message about number 1", "output": "bad"}
    info = json.loads((tmp_path / "folder" / "dataset_info.json").read_text())
    assert info["winnow_data"]["file_name"] == "data.json"
    code, said = convert("t.csv", "arrow", "--to", "datasets")
    loaded = datasets.load_from_disk(str(tmp_path / "arrow"))
    assert (len(loaded), loaded.column_names) == (41, ["text", "label"])


def test_what_the_target_cannot_hold_is_refused_with_the_mend(convert, tmp_path):
    (tmp_path / "a.json").write_text(json.dumps(ALPACA))
    code, said = convert("a.json", "b.conll", "--to", "conll")
    assert (code, said["error"]["got"]) == (1, "conll for instruction")
    assert "cannot hold" in said["error"]["what"]
    assert "messages" in said["error"]["fix"]
    for arguments, what in (
        (("gone.json", "b", "--to", "jsonl"), "not there"),
        (("a.json", "no/b", "--to", "jsonl"), "folder is not there"),
        (("a.json", ".", "--to", "datasets"), "there already"),
        (("a.json", "b", "--to", "jsonl", "--columns", "nope"), "no such column"),
    ):
        code, said = convert(*arguments)
        assert (code, what in said["error"]["what"]) == (1, True), said
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_a_saved_mapping_decides_and_bad_records_are_counted(convert, tmp_path):
    text = "\n".join(json.dumps({"ask": f"how many {i}?", "say": f"exactly {i}", "x": i}) for i in range(20))
    (tmp_path / "q.jsonl").write_text(text + '\n{"ask": "", "say": "nothing asked"}\n{broken\n')
    roles = Roles(task="prompt_completion", prompt="ask", completion="say")
    (tmp_path / "m.json").write_bytes(MappingRecipe("mine", "pairs", roles).to_bytes())
    code, said = convert("q.jsonl", "p.tsv", "--to", "seq2seq_tsv", "--recipe", "m.json")
    assert code == 0, said
    assert (said["n"], said["rejects"]) == (20, {"no_prompt": 1, "broken_json": 1})
    assert (tmp_path / "p.tsv").read_text().splitlines()[:2] == ['"prompt"\t"completion"', "how many 0?\texactly 0"]
    code, said = convert("q.jsonl", "p.json", "--to", "alpaca", "--recipe", "q.jsonl")
    assert (code, "saved mapping" in said["error"]["what"]) == (1, True)


def test_a_task_can_be_said(convert, tmp_path):
    rows = [{"text": f"a longer text number {i} to read", "label": "ab"[i % 2]} for i in range(30)]
    (tmp_path / "t.jsonl").write_text("\n".join(map(json.dumps, rows)))
    code, said = convert("t.jsonl", "plain.jsonl", "--to", "jsonl", "--task", "masked_lm")
    assert (code, said["task"], said["n"]) == (0, "masked_lm", 30)


def test_single_judged_answers_come_back_as_they_were(convert, tmp_path):
    """What KTO learns from: prompt, completion and a true or false, in the names the trainer reads."""
    source = ROOT / "tests" / "corpus" / "shapes" / "twins" / "judged.jsonl"
    out = tmp_path / "out.jsonl"
    code, said = convert(str(source), str(out), "--to", "prompt_completion")
    assert code == 0, said
    given = [json.loads(line) for line in source.read_text("utf-8").splitlines()]
    made = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    assert made == [{name: row[name] for name in ("prompt", "completion", "label")} for row in given]
    code, said = convert(str(source), str(tmp_path / "a.json"), "--to", "alpaca")
    assert code != 0
