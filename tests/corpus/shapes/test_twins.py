"""One small hand-written file per shape: guessed, imported, every role field as worked out by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from studio.corpus import preview as look
from studio.corpus.importing import Source, import_files

TWINS = Path(__file__).with_name("twins")
# file -> shape, task, {role: column}, records, examples
TABLE = {
    "single_label.jsonl": ("single_label", "classification", {"text": "text", "label": "intent"}, 24),
    "single_label_ids.csv": ("single_label", "classification", {"text": "sentence", "label": "label"}, 24),
    "label_list.jsonl": ("label_list", "classification_multi", {"text": "text", "labels": ("labels",)}, 24),
    "label_text.tsv": ("label_text", "classification_multi", {"text": "column_1", "labels": ("column_2",)}, 30),
    "label_columns.csv": ("label_columns", "classification_multi",
                          {"text": "comment_text", "labels": ("toxic", "insult", "threat")}, 24),
    "conll.conll": ("conll", "token_classification", {"tokens": "tokens", "tags": "tags"}, 16),
    "spans.jsonl": ("spans", "token_classification", {"text": "text", "spans": "entities"}, 20),
    "pairs.tsv": ("pairs", "seq2seq", {"prompt": "left", "completion": "right"}, 24),
    "summary.jsonl": ("summary", "seq2seq", {"prompt": "abstract", "completion": "title"}, 20),
    "squad.json": ("squad", "generative_qa", {"prompt": "question", "completion": "answers", "context": "context"}, 12),
    "question_answer.jsonl": ("question_answer", "generative_qa", {"prompt": "question", "completion": "answer"}, 20),
    "alpaca.jsonl": ("alpaca", "instruction",
                     {"prompt": "instruction", "context": "input", "completion": "output"}, 20),
    "self_instruct.jsonl": ("self_instruct", "instruction", {"prompt": "instruction", "instances": "instances"}, 15),
    "prompt_completion.jsonl": ("prompt_completion", "prompt_completion",
                                {"prompt": "prompt", "completion": "completion"}, 20),
    "openai.jsonl": ("openai", "chat", {"messages": "messages"}, 14),
    "sharegpt.json": ("sharegpt", "chat", {"messages": "conversations"}, 14),
    "llama_factory.jsonl": ("llama_factory", "chat", {"prompt": "instruction", "context": "input",
                                                      "completion": "output", "history": "history",
                                                      "system": "system"}, 14),
    "preference.jsonl": ("preference", "preference", {"prompt": "prompt", "chosen": "chosen",
                                                      "rejected": "rejected"}, 20),
    "preference_chat.jsonl": ("preference_chat", "preference", {"chosen": "chosen", "rejected": "rejected"}, 12),
    "judged.jsonl": ("judged", "preference", {"prompt": "prompt", "chosen": "completion", "label": "label"}, 20),
    "judged_chat.jsonl": ("judged", "preference", {"prompt": "prompt", "chosen": "completion", "label": "label"}, 12),
    "translation.jsonl": ("translation", "seq2seq",
                          {"prompt": "translation.en", "completion": "translation.zh"}, 16),
    "unlabelled.jsonl": ("unlabelled", "classification", {"text": "text"}, 20),
    "plain_text.jsonl": ("plain_text", "masked_lm", {"text": "text"}, 5),
}  # fmt: skip
# file -> the role fields of its first example that are filled
FIRST = {
    "single_label.jsonl": {"label": "account"},
    "single_label_ids.csv": {"label": "0"},
    "label_list.jsonl": {"labels": ["billing"]},
    "label_text.tsv": {"labels": ["1"]},
    "label_columns.csv": {"labels": ["insult", "threat"], "text": "How do I reset my password number 0"},
    "conll.conll": {"text": "Anna Smith lives in New York .",
                    "tags": ["B-PER", "I-PER", "O", "O", "B-LOC", "I-LOC", "O"],
                    "spans": [{"start": 0, "end": 10, "label": "PER"}, {"start": 20, "end": 28, "label": "LOC"}]},
    "spans.jsonl": {"text": "0 Anna met Bob in Paris",
                    "spans": [{"start": 2, "end": 6, "label": "PER"}, {"start": 18, "end": 23, "label": "LOC"}]},
    "pairs.tsv": {"prompt": "How do I reset my password, number 0?", "completion": "如何重置我的登录密码，第0号？",
                  "text": "How do I reset my password, number 0?\n\n如何重置我的登录密码，第0号？"},
    "squad.json": {"prompt": "How do I reset my password?", "completion": "Open",
                   "text": "How do I reset my password?\n\nOpen\n\n"
                           "Open Settings, then Security, then Reset password. Note 0."},
    "alpaca.jsonl": {"prompt": "Answer the customer.", "context": "How do I reset my password? (0)",
                     "text": "Answer the customer.\n\nHow do I reset my password? (0)\n\n"
                             "Open Settings, then Security, then Reset password."},
    "self_instruct.jsonl": {"prompt": "How do I reset my password (0)", "context": None},
    "openai.jsonl": {"messages": [{"role": "system", "content": "Be brief."},
                                  {"role": "user", "content": "How do I reset my password 0"},
                                  {"role": "assistant",
                                   "content": "Open Settings, then Security, then Reset password."}],
                     "text": "How do I reset my password 0\n\nOpen Settings, then Security, then Reset password."},
    "sharegpt.json": {"text": "如何重置我的登录密码 0\n\n好的，马上为您处理。"},
    "llama_factory.jsonl": {"messages": [{"role": "system", "content": "Be kind."},
                                         {"role": "user", "content": "Hello"},
                                         {"role": "assistant", "content": "Hi there"},
                                         {"role": "user", "content": "How do I reset my password 0"},
                                         {"role": "assistant",
                                          "content": "Open Settings, then Security, then Reset password."}]},
    "preference.jsonl": {"completion": "Open Settings, then Security, then Reset password.", "rejected": "No idea."},
    "judged.jsonl": {"prompt": "How do I reset my password 0?", "label": "false", "rejected": None,
                     "completion": "Open Settings, then Security, then Reset password.",
                     "text": "How do I reset my password 0?\n\nOpen Settings, then Security, then Reset password."},
    "judged_chat.jsonl": {"prompt": [{"role": "user", "content": "How do I reset my password 0?"}], "label": "true",
                          "rejected": None},
    "translation.jsonl": {"prompt": "How do I reset my password, number 0?", "completion": "如何重置我的密码，第0号？",
                          "meta": '{"id":"0","translation.de":"Frage 0"}'},
    "preference_chat.jsonl": {"prompt": [{"role": "user", "content": "How do I reset my password 0"}],
                              "rejected": [{"role": "assistant", "content": "No."}]},
}  # fmt: skip
STRUCTURED = {"labels", "tags", "tokens", "spans", "messages"}


@pytest.mark.parametrize("name", TABLE)
def test_a_shape_is_guessed_and_imported(name, tmp_path):
    shape, task, columns, n_examples = TABLE[name]
    path = TWINS / name
    assert path.stat().st_size <= 5 * 1024
    seen = look.preview(Source(path, name))
    assert (seen.guess.shape, seen.guess.task) == (shape, task)
    said = {role: value for role in columns if (value := getattr(seen.roles, role))}
    assert said == columns
    result = import_files([Source(path, name)], seen.roles, tmp_path / "s", rejects_path=tmp_path / "r.jsonl")
    assert (result.n_examples, result.n_rejects) == (n_examples, 0)
    assert result.manifest["task"] == task
    row = pq.read_table(tmp_path / "s" / result.snapshot_id / "examples.parquet").slice(0, 1).to_pylist()[0]
    assert row["text"].strip()
    for field, wanted in FIRST.get(name, {}).items():
        is_json = field in STRUCTURED or (isinstance(wanted, list) and seen.roles.form == "conversational")
        value = json.loads(row[field]) if is_json and row[field] is not None else row[field]
        assert value == wanted, field


def test_every_twin_is_in_the_table():
    assert {path.name for path in TWINS.iterdir()} == set(TABLE)
