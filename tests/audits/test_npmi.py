"""nPMI against gensim's values and by hand; why it differs from a public tool; words beside groups."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from studio.audits.context import Context
from studio.audits.npmi import NPMI, npmi
from studio.lexicons import builtin

EN = builtin("en")


def test_values_of_gensim():
    """Texts {2, 3, 4} and {3, 5} of 5, from its test of log_ratio_measure, without and with normalising."""
    pmi, normal = npmi(1, 3, 2, 5)
    assert float(pmi) == pytest.approx(-0.182321557, abs=1e-9)
    assert float(normal) == pytest.approx(-0.113282753, abs=1e-9)


@pytest.mark.parametrize(
    ("both", "first", "second", "n", "value"),
    [(10, 10, 10, 100, 1.0), (0, 10, 10, 100, -1.0), (1, 10, 10, 100, 0.0), (0, 0, 10, 100, 0.0), (7, 7, 7, 7, 1.0),
     (20, 40, 30, 100, np.log(0.2 / 0.12) / -np.log(0.2))],
)  # fmt: skip
def test_ends_and_middle_by_hand(both, first, second, n, value):
    assert float(npmi(both, first, second, n)[1]) == pytest.approx(value)


def test_why_it_differs_from_the_data_measurements_tool():
    """That tool divides PMI by -ln( p(word | group) p(word) ), which is not -ln p(word, group).

    Its number is then another one when the two events change places, although PMI does not; ours is not.
    """
    both, word, group, n = 20, 40, 30, 100
    pmi = float(npmi(both, word, group, n)[0])

    def theirs(word, group):
        return pmi / -np.log((both / group) * (word / n))

    assert theirs(word, group) != pytest.approx(theirs(group, word))
    assert float(npmi(both, word, group, n)[1]) == pytest.approx(float(npmi(both, group, word, n)[1]))
    assert float(npmi(both, word, group, n)[1]) != pytest.approx(theirs(word, group))


def corpus(a, b, c, d):
    """Texts about women with and without "market", about men with and without it."""
    texts = (["she went to the market"] * a + ["she went to the garden"] * b + ["he went to the market"] * c
             + ["he went to the garden"] * d)  # fmt: skip
    return pd.DataFrame({"example_id": np.arange(len(texts)), "text": texts})


def test_gap_odds_ratio_and_p_by_hand():
    """60 of 100 texts about women, 20 of 100 about men: n = 200."""
    result = NPMI.compute(corpus(60, 40, 20, 80), Context(lexicon=EN))
    row = result.table.set_index("word").loc["market"]
    group, other = row.value, row.other
    assert {group, other} == {"women", "men"}
    with_women, with_men = (row.with_value, row.with_other) if group == "women" else (row.with_other, row.with_value)
    assert (with_women, with_men, row.n) == (60, 20, 80)
    women = np.log((60 / 200) / ((80 / 200) * (100 / 200))) / -np.log(60 / 200)
    men = np.log((20 / 200) / ((80 / 200) * (100 / 200))) / -np.log(20 / 200)
    sign = 1 if group == "women" else -1
    assert row.gap == pytest.approx(sign * (women - men))
    assert row.odds_ratio**sign == pytest.approx(60 * 80 / (40 * 20))
    assert row.p == pytest.approx(stats.chi2_contingency([[60, 40], [20, 80]], correction=False).pvalue)
    assert row.alarm
    assert result.findings[0].alarm and "market" in str(result.findings[0].values)


def test_texts_that_name_both_say_nothing_of_the_difference():
    both = pd.DataFrame({"example_id": range(900, 960), "text": ["she and he at the market"] * 60})
    apart = NPMI.compute(corpus(60, 40, 20, 80), Context(lexicon=EN)).table.set_index("word").loc["market"]
    mixed = NPMI.compute(pd.concat([corpus(60, 40, 20, 80), both], ignore_index=True), Context(lexicon=EN))
    row = mixed.table.set_index("word").loc["market"]
    assert row.odds_ratio == pytest.approx(apart.odds_ratio)
    assert row.n == 140


def test_copies_count_once():
    """Every text four times over: the interval is that of a quarter of the texts."""
    frame = corpus(60, 40, 20, 80)
    context = Context(lexicon=EN, families=np.arange(200) // 4)
    wide = NPMI.compute(frame, context).table.set_index("word").loc["market"]
    plain = NPMI.compute(frame, Context(lexicon=EN)).table.set_index("word").loc["market"]
    assert np.log(wide.high / wide.odds_ratio) == pytest.approx(2 * np.log(plain.high / plain.odds_ratio))
    assert wide.p == pytest.approx(stats.chi2_contingency([[15, 10], [5, 20]], correction=False).pvalue)


def test_no_difference_is_said_with_what_could_have_been_seen():
    result = NPMI.compute(corpus(50, 50, 50, 50), Context(lexicon=EN))
    finding = result.findings[0]
    assert (finding.key, finding.alarm) == ("audit_words.npmi.none", False)
    assert finding.smallest_effect > 3


def test_one_group_alone_has_nothing_beside_it():
    result = NPMI.compute(corpus(60, 40, 0, 0), Context(lexicon=EN))
    assert result.notes == ("audit_words.note.few_pairs",)


def test_chinese_words_are_runs_of_characters():
    texts = ["女人去了菜市场，很好"] * 60 + ["男人去了大公司，很好"] * 60
    frame = pd.DataFrame({"example_id": range(120), "text": texts})
    result = NPMI.compute(frame, Context("zh", lexicon=builtin("zh")))
    words = result.findings[0].values
    assert {words["words"], words["other_words"]} == {"菜市场", "大公司"}
