"""Real question and tag files out in their own format again: nothing is missing, nothing has moved."""

from __future__ import annotations

import json

import pytest

from studio.corpus.writing.converting import Conversion, convert


def _questions(path) -> list[tuple]:
    return [(topic.get("title", ""), passage["context"], question["id"], question["question"],
             [(answer["text"], answer["answer_start"]) for answer in question["answers"]])
            for topic in json.loads(path.read_text(encoding="utf-8"))["data"]
            for passage in topic["paragraphs"] for question in passage["qas"]]  # fmt: skip


@pytest.mark.parametrize("language", ["en", "zh"])
def test_xquad_comes_back_question_by_question(shared_data, tmp_path, language):
    source = shared_data / "xquad" / f"xquad.{language}.json"
    done = convert(Conversion(str(source), str(tmp_path / "out.json"), "squad"))
    assert (done["n"], done["left_out"]) == (1190, {})
    assert _questions(tmp_path / "out.json") == _questions(source)


def test_wnut17_comes_back_token_by_token(shared_data, tmp_path):
    source = shared_data / "wnut17" / "emerging.dev.conll"
    done = convert(Conversion(str(source), str(tmp_path / "out.conll"), "conll"))
    assert (done["n"], done["left_out"]) == (1009, {})
    read = [path.read_text(encoding="utf-8").split("\n") for path in (source, tmp_path / "out.conll")]
    first, again = ([line.rstrip("\r") for line in lines if line.strip()] for lines in read)
    assert again == first
