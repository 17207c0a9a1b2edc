"""Quality rules on hand-made texts, and the words step that only acts when asked."""

from __future__ import annotations

import numpy as np
import pytest

from studio.corpus.cleaning import by_name
from studio.corpus.cleaning.records import Batch
from studio.corpus.cleaning.words import statistics, word_editor, words


def reason(name, text, **values):
    step = by_name(name)
    found = step.apply(Batch(np.arange(1), [text], [None], np.arange(1)), step.read(values)).found
    return found.get(0, (None, None))


GOOD = "I have to say that the service of the shop was good and we will be back with friends. " * 4


@pytest.mark.parametrize(
    ("text", "values", "expected"),
    [
        (GOOD, {}, (None, None)),
        ("too short", {}, ("few_words", "2")),
        ("short but fine with the rule of two words", {"fewest_words": 5}, (None, None)),
        ("xx " * 60, {}, ("word_length", "2")),
        ("# the word of many " * 15, {}, ("symbols", "25")),
        ("- the lines of a shopping list\n" * 12, {}, ("bullets", "100")),
        ("the end of the line is never here ...\n" * 8, {"symbols": 100}, ("ellipses", "100")),
        ("the of 1234 5678 9012 3456 7890 " * 10, {}, ("lettered", "28.57")),
        ("banana orange apple cherry grapes " * 12, {}, ("stop_words", "0")),
        ("我的快递在哪里，请帮我查一下。" * 8, {}, (None, None)),
        ("我的快递呢", {}, ("few_words", "5")),
        ("我的快递呢", {"fewest_words": {"zh": 3}}, (None, None)),
    ],
)
def test_gopher(text, values, expected):
    assert reason("gopher", text, **values) == expected


def test_repetition_by_hand():
    """Four lines, three of them the same: two of four lines repeat (50 %)."""
    text = "a b c d e\nx y z u v\nx y z u v\nx y z u v\n"
    assert reason("repetition", text, from_words=1) == ("repeated_lines", "50")
    # "ab" twice is 8 of 20 letters
    assert reason("repetition", "aa bb cc dd ee ff gg hh aa bb", from_words=1) == ("top_2", "40")
    assert reason("repetition", "aa bb cc dd ee ff gg hh ii jj", from_words=1) == (None, None)
    assert reason("repetition", text) == (None, None)  # too short to judge
    assert reason("repetition", "谢谢" * 60)[0] == "top_2"


def test_c4_and_fineweb():
    assert reason("c4", "Lorem ipsum dolor.")[0] == "placeholder"
    assert reason("c4", "One. Two. {x}")[0] == "curly_bracket"
    assert reason("c4", "One. Two. Please enable JavaScript.")[0] == "javascript"
    assert reason("c4", "本站使用条款。同意。好。")[0] == "policy"
    assert reason("c4", "One. Two.") == ("few_sentences", "2")
    assert reason("c4", "一句。两句！三句？") == (None, None)
    assert reason("fineweb", "one line only") == (None, None)
    assert reason("fineweb", "no end here\nnor here") == ("line_ends", "0")
    assert reason("fineweb", "Short.\nAlso.\nTiny.") == ("short_lines", "100")
    long = "This is a sentence that has more than thirty characters."
    assert (
        reason("fineweb", f"{long}\n{long}\nAnother sentence that is long enough to pass.")[0]
        == "repeated_line_characters"
    )


def test_words_change_nothing_unless_asked():
    step = by_name("words")
    assert step.apply(Batch(np.arange(1), ["我忘了密码"], [None], np.arange(1)), step.defaults()).editor is None
    assert word_editor(segment=True, drop_stops=False)("我忘了密码") == "我 忘 了 密码"
    assert word_editor(segment=False, drop_stops=True)("我忘了密码") == "忘密码"
    assert word_editor(segment=True, drop_stops=False)("leave  English as it is") == "leave  English as it is"


def test_statistics_cut_chinese_for_counting_only():
    assert words("我忘了密码, really!") == ["我", "忘", "了", "密码", "really"]
    found = statistics(["我忘了密码", "the lost card"])
    assert (found["n"], found["characters"], found["words"], found["vocabulary"]) == (2, 18, 7, 7)
    assert found["stop_share"] == pytest.approx(3 / 7)  # 我 了 the
    assert statistics([])["mean_characters"] == 0
