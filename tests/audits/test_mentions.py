"""Whom texts name and which labels go with it, worked out by hand."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from studio.audits.context import Context
from studio.audits.mention_labels import MENTION_LABELS
from studio.audits.mentions import MENTIONS, spaced
from studio.lexicons import builtin
from studio.statistics import wilson

EN = builtin("en")
TEXTS = ["She met two nuns", "a Muslim man", "nobody is here", "her old school", "the mosque, the Muslims"]


def frame(texts, labels=None):
    return pd.DataFrame({"example_id": np.arange(10, 10 + len(texts)), "text": texts,
                         "label": labels or [None] * len(texts)})  # fmt: skip


def rows(result):
    return result.table.set_index(["axis", "value"])


def test_shares_and_rates_by_hand():
    """17 tokens; women in texts 1 and 4, Muslim in 2 and 5 with 3 mentions, Christian in 1, men in 2."""
    table = rows(MENTIONS.compute(frame(TEXTS), Context(lexicon=EN)))
    women, muslim, old = (table.loc[key] for key in (("gender", "women"), ("religion", "Muslim"), ("age", "old")))
    assert (women.n, women.hits, women.share) == (2, 2, 0.4)
    assert (muslim.n, muslim.hits) == (2, 3)
    assert muslim.rate == pytest.approx(1000 * 3 / 17)
    low, high = wilson(2, 5)
    assert (women.low, women.high) == (pytest.approx(low), pytest.approx(high))
    low, high = wilson(3, 17)
    assert (muslim.rate_low, muslim.rate_high) == (pytest.approx(1000 * low), pytest.approx(1000 * high))
    assert (old.n, old.unsure) == (0, 1)
    assert muslim.terms == "muslim 2, mosque 1"


def test_findings_lead_to_the_texts_and_say_what_was_left_out():
    result = MENTIONS.compute(frame(TEXTS), Context(lexicon=EN))
    found = {finding.key: finding for finding in result.findings}
    assert found["audit_words.named.religion"].example_ids == (10, 11, 14)
    assert found["audit_words.named.religion"].values["most"] == "Muslim"
    assert found["audit_words.named.gender"].estimate == pytest.approx(3 / 5)
    assert found["audit_words.unnamed.disability"].high == pytest.approx(float(wilson(0, 5)[1]))
    unsure = found["audit_words.unsure"]
    assert (unsure.values["hits"], unsure.values["words"], unsure.example_ids) == (1, "old school", (13,))


def test_chinese_is_counted_in_characters():
    zh = builtin("zh")
    table = rows(MENTIONS.compute(frame(["那个女孩子来了", "武汉人口不少"]), Context("zh", lexicon=zh)))
    assert table.loc[("gender", "女性")].rate == pytest.approx(1000 / 13)
    assert table.loc[("nationality_region", "国内各地")].n == 0


def test_copies_widen_the_interval_and_a_struck_hit_is_gone():
    texts = ["a nun"] * 40 + ["a dog"] * 40
    plain = rows(MENTIONS.compute(frame(texts), Context(lexicon=EN))).loc[("religion", "Christian")]
    copies = Context(lexicon=EN, families=np.arange(80) // 4)
    wide = rows(MENTIONS.compute(frame(texts), copies)).loc[("religion", "Christian")]
    assert (wide.low, wide.high) == tuple(pytest.approx(float(x)) for x in wilson(10, 20))
    assert wide.low < plain.low
    struck = Context(lexicon=replace(EN, struck=(("nun", 10), ("nun", 11))))
    assert rows(MENTIONS.compute(frame(texts), struck)).loc[("religion", "Christian")].n == 38


def test_many_examples_are_named_evenly():
    assert spaced(np.arange(10), 4) == (0, 3, 6, 9)


# --- labels -----------------------------------------------------------------------------------------------------------
def labelled(a, b, c, d):
    texts = ["a nun sings"] * (a + b) + ["a bird sings"] * (c + d)
    return frame(texts, ["x"] * a + ["y"] * b + ["x"] * c + ["y"] * d)


def test_odds_ratio_of_a_label_by_hand():
    """Of 50 texts with a nun 40 carry x, of 150 without 60: OR = 40 · 90 / (10 · 60) = 6."""
    result = MENTION_LABELS.compute(labelled(40, 10, 60, 90), Context(lexicon=EN))
    row = result.table.set_index(["value", "label"]).loc[("Christian", "x")]
    assert (row.n, row.group_n, row.label_n, row.total) == (40, 50, 100, 200)
    assert row.odds_ratio == pytest.approx(6.0)
    error = np.sqrt(1 / 40 + 1 / 10 + 1 / 60 + 1 / 90)
    assert row.low == pytest.approx(6 * np.exp(-1.959964 * error), rel=1e-6)
    assert row.p == pytest.approx(stats.chi2_contingency([[40, 10], [60, 90]], correction=False).pvalue)
    assert len(result.table) == 1  # of two labels one side is kept


def test_an_alarm_leads_to_examples_chosen_by_the_mention_alone():
    """A link that named the examples with the label would tell an annotator the hidden labels of the pool."""
    result = MENTION_LABELS.compute(labelled(40, 10, 60, 90), Context(lexicon=EN))
    alarm = result.findings[0]
    assert alarm.alarm and alarm.key == "audit_words.labels.more"
    ids, label = alarm.examples
    assert ids.value == list(range(10, 60))
    assert (label.column, label.value) == ("label", "x")


def test_copies_take_an_alarm_back():
    frame_ = labelled(40, 10, 60, 90)
    context = Context(lexicon=EN, families=np.arange(200) // 10)
    row = MENTION_LABELS.compute(frame_, context).table.set_index(["value", "label"]).loc[("Christian", "x")]
    plain = MENTION_LABELS.compute(frame_, Context(lexicon=EN)).table.set_index(["value", "label"]).loc[
        ("Christian", "x")
    ]  # fmt: skip
    assert row.family_low < plain.low and row.p > plain.p
    # 20 families whole with one label each: the sandwich of the text, by hand: sum over families of (10 z)²
    cells = {"a": 40, "b": 10, "c": 60, "d": 90}
    by_hand = sum((n / 10) * (10 / n) ** 2 for n in cells.values())
    assert np.log(row.odds_ratio / row.family_low) == pytest.approx(1.959964 * np.sqrt(by_hand), rel=1e-6)


def test_groups_named_in_too_few_texts_are_not_tested_and_it_is_said():
    result = MENTION_LABELS.compute(labelled(10, 9, 60, 90), Context(lexicon=EN))
    assert result.notes == ("audit_words.note.few_mentions",)


def test_no_tie_says_how_small_one_could_have_been_seen():
    result = MENTION_LABELS.compute(labelled(300, 300, 300, 300), Context(lexicon=EN))
    finding = result.findings[-1]
    assert finding.key == "audit_words.labels.none"
    assert 1.3 < finding.smallest_effect < 1.6  # 600 and 600 texts, half of each with the label, two tests


def test_a_label_that_always_goes_with_a_name_is_told_without_a_ratio():
    result = MENTION_LABELS.compute(labelled(50, 0, 60, 90), Context(lexicon=EN))
    finding = result.findings[0]
    assert finding.key == "audit_words.labels.always" and finding.values["group_n"] == 50
    assert finding.values["rest_share"] == pytest.approx(0.4)
