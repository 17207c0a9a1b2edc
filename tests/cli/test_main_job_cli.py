"""The main job by the command line alone, each step one command with one JSON object, in English and in Chinese."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from studio import cli
from tests.workflows.small_corpus import WORDS

N = 400


@pytest.fixture
def command(workspace, monkeypatch, capsys):
    """Runs one command over the test's workspace; it must be done, and say so in one JSON object."""
    monkeypatch.setenv("STUDIO_DEVICE", "cpu")

    def run(*arguments: str) -> dict:
        capsys.readouterr()
        code = cli.main(["--workspace", str(workspace.root), *arguments, "--json"])
        out = capsys.readouterr().out
        assert code == 0, out
        assert out.count("\n") == 1, "one JSON object and nothing else"
        return json.loads(out)

    return run


def write_english(path: Path) -> Path:
    rng = np.random.default_rng(0)
    every = " ".join(WORDS.values()).split()
    with path.open("w", newline="", encoding="utf-8") as handle:
        rows = csv.writer(handle)
        rows.writerow(["text", "label", "region"])
        for number in range(N):
            label = list(WORDS)[number % len(WORDS)]
            words = [*rng.choice(WORDS[label].split(), 4), *rng.choice(every, 2)]
            rows.writerow([f"{' '.join(rng.permutation(words))} please {number}", label, "NS"[number % 2]])
    return path


@pytest.mark.slow  # 22 s: the whole job with its workers
def test_from_a_file_to_a_model_and_labels_back_from_a_file(command, tmp_path):
    made = command("import", str(write_english(tmp_path / "desk.csv")), "--group", "region")
    assert (made["n_examples"], made["labels"], made["n_rejects"]) == (N, 4, 0)
    vectors = command("embed", "--encoder", "lexical")
    assert (vectors["n"], vectors["k"]) == (N, 30)
    chart = command("map")
    assert chart["n"] == N and 0.5 < chart["trustworthiness"] <= 1
    measured = command("measure")
    assert [item["n"] for item in measured["views"]["diversity"]["measures"]] == [N, N]
    chosen = command("select", "--budget", "60", "--even", "0.5", "--name", "first", "--seed", "3")
    again = command("select", "--budget", "60", "--even", "0.5", "--seed", "3")
    assert chosen["ids"] == again["ids"] and len(set(chosen["ids"])) == 60
    assert command("annotate", "simulate", "--limit", "50")["n_simulated"] == 50
    (queue,) = command("annotate", "list")["queues"]
    assert (queue["n"], queue["open"], queue["label"]) == (60, 10, 50)

    path = Path(command("annotate", "export", "--format", "csv", "--out", str(tmp_path / "queue.csv"))["path"])
    with path.open(newline="", encoding="utf-8-sig") as handle:
        rows = list(csv.DictReader(handle))
    todo = [row["example_id"] for row in rows if not row["label"]]
    assert len(rows) == 60 and len(todo) == 10
    answers = tmp_path / "answers.csv"
    answers.write_text("example_id,label\n" + "".join(f"{one},login\n" for one in todo), encoding="utf-8")
    assert command("annotate", "import", str(answers))["n_new"] == 10
    (queue,) = command("annotate", "list")["queues"]
    assert (queue["open"], queue["label"]) == (0, 60)

    gate = command("train", "--base", "ngrams", "--gate")
    assert gate["is_open"] and gate["n_train"] == 60 and gate["estimate"]["is_estimate"]
    trained = command("train", "--base", "ngrams", "--seed", "1")
    (round_,) = trained["rounds"]
    assert (round_["n_train"], round_["n_validation"]) == (60, N // 10)
    assert round_["validation_accuracy"] > 0.5, "a quarter is chance"
    out = command("export", "--format", "jsonl", "--out", str(tmp_path / "out.jsonl"))
    assert out["n_rows"] == N
    runs = command("runs")["runs"]
    assert {run["kind"] for run in runs} >= {"import", "embed", "map", "measure", "train"}
    assert {run["state"] for run in runs} == {"done"}


def go_through(command, path: Path, *, language: str, chance: float) -> None:
    """Import, map, select, simulated labels and a loop that ends by itself."""
    made = command("import", str(path), "--language", language)
    assert command("embed")["encoder"].startswith("lexical"), "no English model for this corpus"
    assert command("map")["n"] == made["n_examples"]
    command("measure")
    assert len(command("select", "--budget", "100", "--name", "first")["ids"]) == 100
    ended = command("loop", "--simulated", "--seed-labels", "100", "--batch", "100", "--epsilon", "0.5",
                    "--min-validation", "100")  # fmt: skip
    assert (ended["state"], ended["stop_reason"]) == ("stopped", "confident_gain")
    assert ended["rounds"][-1]["low"] > chance


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_the_same_path_in_chinese_without_an_english_model(command, shared_data, tmp_path):
    lines = (shared_data / "csl_zh" / "cls_ctg_train.tsv").read_text(encoding="utf-8").splitlines()[:1500]
    path = tmp_path / "titles.tsv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    largest = max(
        sum(line.endswith(f"\t{name}") for line in lines) for name in {line.split("\t")[-1] for line in lines}
    )
    go_through(command, path, language="zh", chance=largest / len(lines))
