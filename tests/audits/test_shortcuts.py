"""Words tied to a label, and the one that does not belong to its subject."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from studio.audits.context import Context
from studio.audits.shortcuts import SHORTCUTS, z_statistic
from studio.audits.tokenise import pieces, units

PHRASES = {
    "en": {
        "billing": ["the invoice shows a double charge", "my card was charged twice", "the refund has not arrived yet"],
        "login": ["my password does not work", "the code for signing in never comes", "the account is locked again"],
        "delivery": ["the parcel is late", "the courier left it at the wrong door", "tracking has not moved for days"],
    },
    "zh": {
        "账单": ["发票金额重复了", "银行卡被扣了两次", "退款一直没有到账"],
        "登录": ["密码输入总是不对", "验证码收不到短信", "账号又被锁住了"],
        "物流": ["包裹迟迟不来", "快递员放错了门口", "物流信息几天没动"],
    },
}
FILLER = {
    "en": ["please look into it", "thank you for the help", "this happened on monday", "I am waiting for an answer"],
    "zh": ["麻烦看一下", "谢谢帮忙", "这是周一发生的", "我在等回复"],
}


def corpus(language, n, rng, planted=None, rate=0.45, elsewhere=0.02):
    rows = []
    labels = list(PHRASES[language])
    for i in range(n):
        label = labels[rng.integers(3)]
        parts = list(rng.choice(PHRASES[language][label], 2)) + list(rng.choice(FILLER[language], 2))
        if planted and rng.random() < (rate if label == labels[0] else elsewhere):
            parts.insert(int(rng.integers(len(parts))), planted)
        rows.append((i, (" , " if language == "en" else "，").join(parts), label))
    return pd.DataFrame(rows, columns=["example_id", "text", "label"])


def test_z_is_that_of_the_paper():
    assert float(z_statistic(0.65, 0.5, 100)) == pytest.approx(3.0)


def test_units_and_pieces_know_the_script():
    assert units("Reset 密码 now, it's v2!") == ["reset", "密", "码", "now", "it's", "v2"]
    assert pieces("密码错 ok 我") == {"密码", "码错", "密码错", "ok", "我"}
    assert units("🎉 \x00 …") == [] and pieces("") == set()


def test_counts_and_p_of_one_word_by_hand():
    texts = ["magic word"] * 30 + ["plain word"] * 70
    labels = ["x"] * 25 + ["y"] * 5 + ["x"] * 25 + ["y"] * 45
    frame = pd.DataFrame({"example_id": range(100), "text": texts, "label": labels})
    row = SHORTCUTS.compute(frame, Context()).table.set_index("word").loc["magic"]
    assert (row.n, row.with_label, row.expected) == (30, 25, 0.5)
    assert row.p == pytest.approx(stats.binomtest(25, 30, 0.5, alternative="greater").pvalue)
    assert row.odds_ratio == pytest.approx(25 * 45 / (5 * 25))


@pytest.mark.parametrize(("language", "word"), [("en", "kindly"), ("zh", "辛苦")])
def test_only_the_planted_word_stands_alone(language, word):
    label = next(iter(PHRASES[language]))
    for seed in range(5):
        result = SHORTCUTS.compute(corpus(language, 900, np.random.default_rng(seed), word), Context(language=language))
        alarms = [finding for finding in result.findings if finding.alarm]
        assert [(f.values["word"], f.values["label"]) for f in alarms] == [(word, label)]
        assert alarms[0].low > 1
        assert [c.column for c in alarms[0].examples] == ["text", "label"]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_subject_words_are_listed_without_an_alarm(language):
    result = SHORTCUTS.compute(corpus(language, 900, np.random.default_rng(9)), Context(language=language))
    assert not any(finding.alarm for finding in result.findings)
    assert all(finding.key == "audit.shortcuts.tied" for finding in result.findings)
    assert len(result.findings) > 3


def test_words_of_unrelated_labels_are_not_tied():
    rng = np.random.default_rng(1)
    frame = corpus("en", 900, rng)
    frame["label"] = rng.permutation(frame.label)
    result = SHORTCUTS.compute(frame, Context())
    assert [finding.key for finding in result.findings] == ["audit.shortcuts.none"]


def test_bonferroni_stands_beside_the_false_discovery_rate_and_audits_read_together_count():
    """Three words and two labels: p times 2 times 3; with 3 audits read together three times that."""
    texts = ["magic word"] * 30 + ["plain word"] * 70
    labels = ["x"] * 25 + ["y"] * 5 + ["x"] * 25 + ["y"] * 45
    frame = pd.DataFrame({"example_id": range(100), "text": texts, "label": labels})
    alone = SHORTCUTS.compute(frame, Context()).table.set_index("word").loc["magic"]
    together = SHORTCUTS.compute(frame, Context(n_families=3)).table.set_index("word").loc["magic"]
    p = stats.binomtest(25, 30, 0.5, alternative="greater").pvalue
    assert alone.bonferroni == pytest.approx(p * 2 * 3)
    assert together.bonferroni == pytest.approx(3 * alone.bonferroni)
    assert together.q == pytest.approx(3 * alone.q)


def test_runs_of_han_characters_are_tested_where_no_space_is():
    texts = ["请看单号，退款没有到账"] * 30 + ["密码输入总是不对"] * 30
    frame = pd.DataFrame({"example_id": range(60), "text": texts, "label": ["账单"] * 30 + ["登录"] * 30})
    found = set(SHORTCUTS.compute(frame, Context(language="zh")).table.word)
    assert {"退款没有", "密码输入"} <= found
    assert not any(len(word) > 4 or "，" in word for word in found)
