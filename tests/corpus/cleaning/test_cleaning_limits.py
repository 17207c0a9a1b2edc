"""Length, language and repeated lines on hand-made cases."""

from __future__ import annotations

import numpy as np
import pytest

from studio.corpus.cleaning import by_name
from studio.corpus.cleaning.limits import by_script, other_language
from studio.corpus.cleaning.records import Batch
from studio.corpus.cleaning.script import language_of


def find(name, texts, **values):
    step = by_name(name)
    n = len(texts)
    return step.apply(Batch(np.arange(n), texts, [None] * n, np.arange(n)), step.read(values))


def test_length_is_judged_by_the_language_of_the_text():
    texts = ["help", "where is my card", "退款", "退", "x" * 30]
    found = find("length", texts, shortest={"en": 5, "zh": 2}, longest={"en": 29, "zh": 10}).found
    assert found == {0: ("too_short", "4"), 3: ("too_short", "1"), 4: ("too_long", "30")}
    found = find("length", texts, fewest_units={"en": 3, "zh": 2}, shortest=0).found
    assert found == {0: ("few_units", "1"), 3: ("few_units", "1"), 4: ("few_units", "1")}


def test_scripts():
    assert [language_of(t) for t in ("reset", "重置 my password right now please", "我的iPhone坏了")] == [
        "en",
        "en",
        "zh",
    ]
    assert [by_script(t) for t in ("你好", "荷物はどこですか", "주문을 아직", "hello ツ nice one", "")] == [
        "zh",
        "ja",
        "ko",
        None,
        None,
    ]


@pytest.mark.parametrize(
    ("text", "wanted", "code"),
    [
        ("Je n'ai toujours pas reçu mon colis, pouvez-vous vérifier ?", ("en",), "fr"),
        ("Ich habe mein Passwort vergessen und komme nicht mehr hinein.", ("en", "zh"), "de"),
        ("Где моя посылка?", ("en",), "ru"),
        ("你好", ("en",), "zh"),
        ("注文がまだ届いていません", ("zh",), "ja"),
        ("My card has not arrived yet, can you check?", ("zh",), "en"),
        ("My card has not arrived yet, can you check?", ("en",), ""),
        ("怎么退款", ("zh",), ""),
        ("Wo ist es?", ("en",), ""),  # ten letters are too few to judge
        ("12345 !!!", ("en",), ""),
        ("", ("en",), ""),
    ],
)
def test_other_language(text, wanted, code):
    assert other_language(text, wanted, letters=20, confidence=0.9) == code


def test_repeated_lines_go_and_a_text_of_nothing_else_stays():
    footer = "Sent from my phone, sorry for typos"
    texts = [f"Question {i}\n{footer}" for i in range(12)] + [footer, f"{footer}\n{footer}", "one line"]
    edit = find("boilerplate", texts, share=10, examples=5).editor
    assert edit("Question 3\n" + footer) == "Question 3"
    assert edit(footer) == footer and edit(f"{footer}\n{footer}") == f"{footer}\n{footer}"
    assert find("boilerplate", ["a", "b"]).notes == ("clean.note.no_lines",)


def test_wrongly_left_out_texts_are_rare_in_real_corpora(shared_data):
    lines = (shared_data / "tatoeba_cmn_eng" / "cmn.txt").read_text(encoding="utf-8").splitlines()[::20]
    pairs = [line.split("\t")[:2] for line in lines]
    english = [other_language(one, ("en",), letters=20, confidence=0.9) for one, _ in pairs]
    chinese = [other_language(other, ("zh",), letters=20, confidence=0.9) for _, other in pairs]
    assert sum(map(bool, english)) <= 0.002 * len(pairs)
    assert sum(map(bool, chinese)) <= 0.002 * len(pairs)
