from __future__ import annotations

import math

import numpy as np
import pytest

from studio.measures import compute, ngrams
from studio.measures.fluency import FLUENCY
from studio.measures.rules import RULE_QUALITY, rule_parts
from studio.records import Batch


def batch(texts, language="en") -> Batch:
    return Batch(ids=np.arange(len(texts)), texts=texts, language=language)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("My card was charged twice for the same payment, can you refund me?", "en"),
        ("How do I reset my password? I have tried three times.", "en"),
        ("我的银行卡被重复扣款了，请问什么时候可以退款？", "zh"),
        ("打印机显示 E05 错误，重启后仍然无法打印。", "zh"),
    ],
)
def test_an_ordinary_request_keeps_every_rule(text, language):
    assert compute(RULE_QUALITY, batch([text], language))[0] == 1.0


@pytest.mark.parametrize(
    ("text", "language", "rule"),
    [
        ("ok", "en", "length"),
        ("好的", "zh", "length"),
        ("ref 8839201 4420 9918 2210 44", "en", "digits"),
        ("### *** $$$ help me with this ###", "en", "symbols"),
        ("我的银行卡被重复扣款了，请问怎么办", "en", "letters"),
        ("Where is my parcel, please tell me", "zh", "letters"),
        ("WHERE IS MY PARCEL, TELL ME NOW", "en", "capitals"),
        ("refund now please refund now please refund now please", "en", "repetition"),
        ("pleeeeeeeeeeeeeease help me with it", "en", "repetition"),
        ("退款退款退款退款退款退款退款退款退款退款", "zh", "repetition"),
        ("my card \ufffd\ufffd does not work at the shop", "en", "broken"),
    ],
)
def test_each_rule_sees_its_own_fault(text, language, rule):
    parts = rule_parts(text, language)
    assert parts[rule] < 1.0
    assert all(0.0 <= value <= 1.0 for value in parts.values())


def test_rules_worked_by_hand():
    assert rule_parts("abcde fghi", "en")["length"] == 10 / 20
    # 8 digits of 16 solid characters: (1 - .5) / (1 - .25)
    assert rule_parts("abcdefgh 12345678", "en")["digits"] == pytest.approx(0.5 / 0.75)
    # "x" * 12: a run of 12 has 8 beyond four; the stretch of 10 starting at 1 and 2 repeats the first: 11 of 12
    assert rule_parts("x" * 12, "en")["repetition"] == pytest.approx(1 - 11 / 12)
    assert set(rule_parts(" \n\t", "en").values()) == {0.0}


def test_ngram_model_equals_a_dictionary_of_strings():
    """The packed arrays against Witten-Bell written with dictionaries."""
    known, asked, order = ["abab", "abc", "ba"], ["abd", "c"], 3
    alphabet = ngrams.make_alphabet(known, 5)
    model = ngrams.fit(ngrams.encode(known, alphabet, order)[0], alphabet, order)
    logs, begins = ngrams.log_probs(model, *ngrams.encode(asked, alphabet, order))

    def symbols(text):
        return ["<"] * (order - 1) + [c if c in "abc" else "?" for c in text] + [">"]

    counts: dict[tuple, dict[str, int]] = {}
    for text in known:
        row = symbols(text)
        for i in range(order - 1, len(row)):
            for n in range(order):
                following = counts.setdefault(tuple(row[i - n : i]), {})
                following[row[i]] = following.get(row[i], 0) + 1

    def p(history, c):
        if len(history) == 0:
            lower = 1 / (3 + 2)
        else:
            lower = p(history[1:], c)
        following = counts.get(tuple(history))
        if not following:
            return lower
        kinds, total = len(following), sum(following.values())
        return (following.get(c, 0) + kinds * lower) / (total + kinds)

    expected = []
    for text in asked:
        row = symbols(text)
        expected += [math.log(p(row[i - order + 1 : i], row[i])) for i in range(order - 1, len(row))]
    np.testing.assert_allclose(logs, expected, rtol=1e-12)
    assert begins.tolist() == [0, 4]


def test_ngram_probabilities_sum_to_one():
    known = ["the cat sat", "the hat", "a cat"]
    alphabet = ngrams.make_alphabet(known, 6)
    model = ngrams.fit(ngrams.encode(known, alphabet, 4)[0], alphabet, 4)
    symbols = [*alphabet.symbols.tolist(), ngrams.UNKNOWN, ngrams.END]
    head, _ = ngrams.encode(["the "], alphabet, 4)
    total = 0.0
    for symbol in symbols:
        logs, _ = ngrams.log_probs(model, np.append(head[:-1], symbol), np.array([3]))
        total += math.exp(logs[-1])
    assert total == pytest.approx(1.0, abs=1e-12)


def test_fluency_prefers_language_to_noise():
    texts = [f"please help me with the payment of order {w}" for w in "north south east west home work".split()]
    texts += [f"can you tell me when the {w} arrives" for w in "parcel letter card refund order".split()]
    noise = "zqx vjk qqq xzj wvk"
    values = compute(FLUENCY, batch([*texts, noise]))
    assert values[-1] == np.nanmin(values)
    chinese = [f"请问我的{w}什么时候能到账" for w in ("退款", "工资", "汇款", "奖金", "补贴", "报销")]
    chinese += [f"我的{w}什么时候能发货" for w in ("订单", "包裹", "快递", "手机", "电脑")]
    values = compute(FLUENCY, batch([*chinese, "龘靐齉爩鱻麤"], "zh"))
    assert values[-1] == np.nanmin(values)


def test_fluency_is_undefined_for_blank_and_lonely_texts():
    assert np.isnan(compute(FLUENCY, batch(["only one text"]))).all()
    values = compute(
        FLUENCY, batch(["  ", "a text here", "some other text", "third text", "more text yet", "last one"])
    )
    assert np.isnan(values[0])


def test_a_text_is_not_judged_by_its_own_copies():
    """Copies share a fold, so a text repeated many times is not more fluent than when it stands alone."""
    others = [f"question number {i} about the invoice and the delivery" for i in range(40)]
    odd = "xylophone quartz jumbled vortex"
    alone = compute(FLUENCY, batch([*others, odd]))[-1]
    repeated = compute(FLUENCY, batch([*others, *[odd] * 20]))[-1]
    assert repeated == pytest.approx(alone, rel=0.15)
