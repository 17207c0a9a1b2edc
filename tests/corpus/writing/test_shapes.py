"""The records of each format, worked out by hand."""

from __future__ import annotations

import json

import pytest

from studio.corpus.writing import Options, Unwritable, by_name, files, shapes
from studio.corpus.writing.template import Instruction, default_words, instruction
from studio.errors import CorpusError

SYSTEM = {"role": "system", "content": "S"}
TURNS = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"},
         {"role": "user", "content": "c"}, {"role": "assistant", "content": "d"}]  # fmt: skip
CHAT = Options("chat")


def test_a_conversation_as_alpaca_learns_the_last_answer():
    made = shapes.alpaca({"messages": [SYSTEM, *TURNS, {"role": "user", "content": "open"}]}, CHAT)
    assert made == {"instruction": "c", "input": "", "output": "d", "system": "S", "history": [["a", "b"]]}
    for messages, reason in (
        (TURNS[:1], "no_assistant_turn"),
        (TURNS[1:], "turns_out_of_order"),
        ([], "no_messages"),
        ([{"role": "user", "content": [{"type": "image"}]}], "not_plain_text"),
    ):
        with pytest.raises(Unwritable) as caught:
            shapes.alpaca({"messages": messages}, CHAT)
        assert caught.value.reason == reason


def test_sharegpt_renames_the_speakers():
    tool = {"role": "tool", "content": "42"}
    made = shapes.sharegpt({"messages": [SYSTEM, *TURNS[:2], tool]}, CHAT)
    assert [turn["from"] for turn in made["conversations"]] == ["system", "human", "gpt", "observation"]


def test_labels_become_an_answer_inside_an_instruction():
    asked = Options("classification", Instruction("Pick {labels}.", ("x", "y")), ("example_id", "output"))
    row = {"example_id": 7, "text": "the {labels} text", "label": "y", "output": "mine"}
    assert shapes.alpaca(row, asked) == {
        "instruction": "Pick x, y.", "input": "the {labels} text", "output": "y", "example_id": 7,
    }  # fmt: skip
    inside = Options("classification", Instruction("Is “{text}” one of {labels}?", ("x", "y"), "zh"))
    assert shapes.prompt_completion(row, inside) == {
        "prompt": "Is “the {labels} text” one of x、y?", "completion": "y",
    }  # fmt: skip
    several = Options("classification_multi", Instruction("Which?", language="zh"))
    assert shapes.prompt_completion({"text": "t", "labels": ["a", "b"]}, several)["completion"] == "a、b"
    assert shapes.prompt_completion({"text": "t", "labels": []}, several)["completion"] == "无"
    for words in ("", " ", "{label}", "x" * 5_000):
        with pytest.raises(CorpusError):
            instruction(words, (), "en")
    for language in ("en", "zh"):
        assert "{labels}" in default_words(language) and "{labels}" in default_words(language, several=True)


def test_a_passage_stands_before_its_question_and_an_input_after_its_instruction():
    row = {"prompt": "Q?", "context": "Passage.", "completion": "A"}
    assert shapes.prompt_completion(row, Options("generative_qa"))["prompt"] == "Passage.\n\nQ?"
    assert shapes.prompt_completion(row, Options("instruction"))["prompt"] == "Q?\n\nPassage."
    assert shapes.alpaca(row, Options("generative_qa")) == {"instruction": "Q?", "input": "Passage.", "output": "A"}


def test_answers_of_a_passage_stand_where_they_say():
    qa = Options("generative_qa")
    row = {"example_id": 3, "prompt": "who?", "context": "中文 cat, cat", "completion": "cat"}
    kept = [{"text": "cat", "answer_start": 8}]
    assert shapes.squad(row | {"answers": kept, "id": "q1"}, qa)["answers"] == kept
    lists = {"text": ["cat", "dog"], "answer_start": [3, 0]}  # the second does not stand there
    assert shapes.squad(row | {"answers": lists}, qa)["answers"] == [{"text": "cat", "answer_start": 3}]
    assert shapes.squad(row | {"completion": "中文", "answers": kept}, qa)["answers"] == [
        {"text": "中文", "answer_start": 0}
    ]  # fmt: skip
    assert shapes.squad(row | {"completion": None}, qa)["is_impossible"] is True
    for change, reason in (
        ({}, "answer_twice"),
        ({"completion": "dog"}, "answer_not_in_context"),
        ({"context": None}, "no_context"),
    ):
        with pytest.raises(Unwritable) as caught:
            shapes.squad(row | change, qa)
        assert caught.value.reason == reason


def test_tags_follow_spans_a_person_changed():
    row = {"text": "New York is far", "tokens": ["New", "York", "is", "far"], "tags": None,
           "spans": [{"start": 0, "end": 8, "label": "LOC"}, {"start": 12, "end": 15, "label": "ADJ"}]}  # fmt: skip
    assert shapes.conll(row, Options("token_classification"))["tags"] == ["B-LOC", "I-LOC", "O", "B-ADJ"]
    for change, reason in (
        ({"tokens": ["New York"], "tags": ["O"]}, "token_with_space"),
        ({"tags": ["O"]}, "odd_tags"),
        ({"spans": None}, "no_label"),
        ({"spans": [{"start": 0, "end": 3, "label": "A"}, {"start": 1, "end": 2, "label": "B"}]}, "odd_tags"),
    ):
        with pytest.raises(Unwritable) as caught:
            shapes.conll(row | change, Options("token_classification"))
        assert caught.value.reason == reason


def test_a_pair_of_answers_plain_and_as_conversations():
    pair = Options("preference")
    assert shapes.prompt_completion({"prompt": "p", "completion": "c", "rejected": "r"}, pair) == {
        "prompt": "p", "chosen": "c", "rejected": "r",
    }  # fmt: skip
    talk = {"prompt": TURNS[:1], "completion": TURNS[1:2], "rejected": TURNS[3:]}
    assert shapes.prompt_completion(talk, pair) == {"prompt": TURNS[:1], "chosen": TURNS[1:2], "rejected": TURNS[3:]}
    assert shapes.alpaca(talk, pair) == {"instruction": "a", "input": "", "chosen": "b", "rejected": "d"}


def test_questions_that_follow_each_other_share_their_passage(tmp_path):
    rows = [{"example_id": i, "title": t, "context": c, "prompt": f"{i}?", "completion": ""}
            for i, (t, c) in enumerate([("A", "x"), ("A", "x"), ("A", "y"), ("B", "y"), ("A", "x")])]  # fmt: skip
    files.write_data(rows, tmp_path, by_name("squad"), Options("generative_qa"))
    data = json.loads((tmp_path / "data.json").read_text())["data"]
    found = [(topic["title"], [(p["context"], [q["id"] for q in p["qas"]]) for p in topic["paragraphs"]])
             for topic in data]  # fmt: skip
    assert found == [("A", [("x", ["0", "1"]), ("y", ["2"])]), ("B", [("y", ["3"])]), ("A", [("x", ["4"])])]
