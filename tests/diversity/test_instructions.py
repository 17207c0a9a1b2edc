"""What prompts ask for, by rule: read against prompts whose verb and noun a reader names."""

import json
import math

import numpy as np
import pytest

from studio.diversity import by_name, measure
from studio.diversity.instructions import first_prompt, n_turns, top_pairs, verb_and_noun
from tests.diversity.rows_by_hand import rows

ENGLISH = [
    ("Write a short poem about the sea.", ("write", "poem")),
    ("Give three tips for staying healthy.", ("give", "tips")),
    ("Describe the structure of an atom.", ("describe", "structure")),
    ("Create a python function that sorts a list", ("create", "function")),
    ("Can you please summarize the following article?", ("summarize", "article")),
    ("I have a long report. Translate it into French, please.", ("translate", "french")),
    ("Classify the following items as fruit or vegetable.", ("classify", "items")),
    ("What is the capital of France?", ("what", "capital")),
    ("My order was late, I want a refund to my card", None),
    ("Generate a list of ten countries", ("generate", "list")),
    ("EDIT the sentence using formal language", ("edit", "sentence")),
    ("1. Calculate the mean of these numbers", ("calculate", "mean")),
    ("Rewrite this.", ("rewrite", "")),
    ("Good morning to everyone", None),
    ("", None),
]
CHINESE = [
    ("请帮我写一首关于春天的诗", ("写", "诗")),
    ("请翻译下面的句子", ("翻译", "句子")),
    ("解释牛顿第一定律", ("解释", "牛顿")),
    ("总结文章的主要内容", ("总结", "文章")),
]


@pytest.mark.parametrize(("prompt", "wanted"), ENGLISH, ids=range(len(ENGLISH)))
def test_english_prompts(prompt, wanted):
    assert verb_and_noun(prompt) == wanted


@pytest.mark.parametrize(("prompt", "wanted"), CHINESE, ids=range(len(CHINESE)))
def test_chinese_prompts(prompt, wanted):
    assert verb_and_noun(prompt) == wanted


def test_a_prompt_is_its_own_or_what_the_user_says_first():
    chat = json.dumps([{"role": "system", "content": "be kind"}, {"role": "user", "content": "Name a fish"},
                       {"role": "assistant", "content": "Cod"}, {"role": "user", "content": "Another"}])  # fmt: skip
    assert first_prompt(None, chat) == "Name a fish"
    assert first_prompt(" own ", chat) == " own "
    assert n_turns(chat) == 3
    for broken in ("{", "[1, 2]", '"text"', None, "[]"):
        assert first_prompt(None, broken) is None
        assert math.isnan(n_turns(broken))


def test_effective_numbers_of_verbs_and_pairs_by_hand():
    prompts = ["Write a poem", "Write a poem", "Write a story", "Explain a law", None, "Hello there friends"]
    of = rows([""] * 6, prompts=prompts)
    verbs = measure(by_name("verbs"), of)
    assert verbs.value == pytest.approx(math.exp(-0.75 * math.log(0.75) - 0.25 * math.log(0.25)))
    assert verbs.values["found"] == 4 and verbs.values["different"] == 2
    pairs = measure(by_name("pairs"), of)
    assert pairs.value == pytest.approx(math.exp(-0.5 * math.log(0.5) - 0.5 * math.log(0.25)))
    assert top_pairs(of) == [("write poem", 2), ("explain law", 1), ("write story", 1)]
    assert measure(by_name("prompt_length"), of).value == 3.0
    assert measure(by_name("verbs"), rows(["a"], prompts=["Hello there"])).reason == "no_verbs"
    assert measure(by_name("verbs"), rows(["a"])).reason == "no_prompts"


def test_turns_by_hand():
    def chat(n):
        return json.dumps([{"role": ("user", "assistant")[i % 2], "content": "x"} for i in range(n)])

    of = rows([""] * 4, messages=[chat(2), chat(2), chat(6), None])
    found = measure(by_name("turns"), of)
    assert found.value == 2.0 and found.values["n"] == 3
    assert measure(by_name("turns_range"), of).value == pytest.approx(np.quantile([2, 2, 6], 0.9) - 2)
    assert measure(by_name("turns"), rows(["a"])).reason == "no_chats"
