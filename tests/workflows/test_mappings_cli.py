"""`import` with tasks, role flags and saved mappings; `recipes list` and `show`."""

from __future__ import annotations

import importlib
import json

import pyarrow.parquet as pq
import pytest

from studio.corpus.recipes import MappingRecipe
from studio.corpus.roles import Roles
from studio.workflows import mappings
from studio.workflows.studio import open_studio
from tests.corpus.shapes.test_twins import TABLE, TWINS


@pytest.fixture
def command(workspace, monkeypatch, capsys):
    """Runs one command over the test's workspace; gives its exit code and its JSON object."""
    module = importlib.import_module("studio.cli.main")
    monkeypatch.setattr(module, "ROOMS", ("corpora",))

    def run(*arguments: str) -> tuple[int, dict]:
        code = module.main(["--workspace", str(workspace.root), *arguments, "--json"])
        return code, json.loads(capsys.readouterr().out)

    return run


@pytest.mark.parametrize("name", ["sharegpt.json", "conll.conll", "label_columns.csv", "preference_chat.jsonl"])
def test_import_guesses_the_task_as_the_page_does(command, name):
    shape, task, columns, n_examples = TABLE[name]
    code, done = command("import", str(TWINS / name))
    assert (code, done["task"], done["shape"], done["n_examples"]) == (0, task, shape, n_examples)
    assert 0.9 < done["confidence"] <= 1
    assert {role: done["roles"][role] for role in columns} == {
        role: list(value) if isinstance(value, tuple) else value for role, value in columns.items()
    }


def test_flags_overrule_the_guess(command, workspace, tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_text("".join(json.dumps({"q": f"question {i}", "good": f"yes {i}", "bad": "no", "tags": "a|b"}) + "\n"
                            for i in range(12)))  # fmt: skip
    code, done = command("import", str(path), "--prompt", "q", "--chosen", "good", "--rejected", "bad")
    assert (code, done["task"], done["shape"], done["confidence"]) == (0, "preference", "by_hand", None)
    row = pq.read_table(workspace.examples_file(done["snapshot_id"])).slice(0, 1).to_pylist()[0]
    assert (row["prompt"], row["completion"], row["rejected"]) == ("question 0", "yes 0", "no")
    assert json.loads(row["meta"]) == {"tags": "a|b"}
    code, done = command("import", str(path), "--task", "classification_multi", "--text", "q", "--labels", "tags",
                         "--separator", "|")  # fmt: skip
    assert (code, done["labels"], done["roles"]["separator"]) == (0, 2, "|")
    code, done = command("import", str(path), "--messages", "gone")
    assert (code, done["error"]["what"]) == (1, "The file has no such column")


def test_a_saved_mapping_is_applied_to_the_next_file(command, settings, tmp_path):
    roles = Roles("body", "queue", ("region",))
    recipe = MappingRecipe("Tickets", "single_label", roles, {"method": "random", "shares": {"pool": 1.0}, "seed": 5})
    from studio.records import Actor

    opened = open_studio(settings)
    mappings.save(opened, Actor("tester", "admin"), recipe=recipe)
    opened.close()
    (tmp_path / "a.csv").write_text("body,queue,region\n" + "".join(f"text {i},q{i % 2},N\n" for i in range(20)))
    code, done = command("import", str(tmp_path / "a.csv"), "--recipe", "Tickets")
    assert (code, done["recipe"], done["groups"], done["splits"]) == (0, "Tickets", ["region"], {"pool": 20})
    (tmp_path / "recipe.json").write_bytes(recipe.to_bytes())
    (tmp_path / "b.csv").write_text("body,queue\na text,q\nb text,r\n")
    code, done = command("import", str(tmp_path / "b.csv"), "--recipe", str(tmp_path / "recipe.json"))
    assert (code, done["error"]["got"]) == (1, "region")
    assert "reads columns this file does not have" in done["error"]["what"]
    code, listed = command("recipes", "list")
    assert [row["name"] for row in listed["recipes"]] == ["Tickets"]
    code, shown = command("recipes", "show", "Tickets")
    assert MappingRecipe.from_json(shown) == recipe
    code, done = command("recipes", "show", "nope")
    assert (code, done["error"]["fix"]) == (1, "Saved mappings: Tickets.")


def test_a_label_column_with_too_many_values_becomes_an_ordinary_one(command, tmp_path):
    path = tmp_path / "many.csv"
    path.write_text("text,label\n" + "".join(f"text number {i},id-{i}\n" for i in range(2_100)))
    code, done = command("import", str(path), "--text", "text", "--label", "label")
    assert (code, done["n_examples"], done["labels"]) == (0, 2_100, 0)
    assert "too_many_labels" in done["warnings"]
