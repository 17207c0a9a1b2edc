"""GenBit: windows and weights on sentences of its test corpus, the formula by hand, chance on corpora without a tie."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from studio.audits.context import Context
from studio.audits.genbit import GENBIT, gender_ids, log_ratios, near_pairs, tool_score
from studio.audits.reading import read
from studio.lexicons import builtin

EN = builtin("en")


def near(texts):
    reading = read(texts, EN, np.arange(len(texts)))
    women, men = gender_ids(reading)
    pairs = near_pairs(reading, women, men, np.arange(len(texts)))
    total = {"women": {}, "men": {}}
    for word, weight, is_woman in zip(pairs.words, pairs.weights, pairs.women, strict=True):
        side = total["women" if is_woman else "men"]
        side[reading.words[word]] = side.get(reading.words[word], 0.0) + weight
    return total, pairs


def test_windows_and_weights_are_those_of_the_published_counts():
    """Two sentences of the tool's own test corpus with "her" and the two with "his".

    Its table of counts gives "writing" 1.9 near women: twice 0.95. Words of grammar are out before the window is laid,
    so that "discuss" is next to the pronoun too.
    """
    sentence = "The educator was meeting with {} to discuss {} writing skills."
    texts = [sentence.format(who, whose) for who in ("a student", "someone") for whose in ("her", "his")]
    total, pairs = near(texts)
    for side in ("women", "men"):
        assert total[side]["writing"] == pytest.approx(1.9)
        assert total[side]["discuss"] == pytest.approx(1.9)
        assert total[side]["skills"] == pytest.approx(2 * 0.95**2)
        assert total[side]["student"] == pytest.approx(0.95**2)
        assert total[side]["educator"] == pytest.approx(0.95**4 + 0.95**3)
    assert (pairs.n_women, pairs.n_men) == (2, 2)


def test_a_window_ends_after_five_tokens_and_at_the_end_of_a_text():
    total, _ = near(["alpha beta gamma delta epsilon zeta she", "omega"])
    assert set(total["women"]) == {"beta", "gamma", "delta", "epsilon", "zeta"}
    assert total["women"]["beta"] == pytest.approx(0.95**5)


def test_both_formulas_by_hand():
    """Counts + 1: men 4, 2, 2; women 1, 2, 5; sums 8 and 8, all words counted (cutoff at the 80th percentile: 6.2)."""
    men, women, seen = np.array([3.0, 1.0, 1.0]), np.array([0.0, 1.0, 4.0]), np.array([True, True, True])
    ratios, counted = log_ratios(men, women, seen)
    assert counted.tolist() == [False, False, True]
    assert ratios == pytest.approx([np.log((2 / 8) / (5 / 8))])
    # the tool divides by occurrences of the gender plus the number of words: 10 + 3 and 20 + 3
    assert tool_score(men, women, seen, 10, 20) == pytest.approx(abs(np.log((2 / 13) / (5 / 23))))


def test_the_published_score_of_the_tool_from_its_published_counts():
    """The tool's own expected value on its 1,080 test sentences, after its lemmatiser.

    Its table holds the smoothed counts of the 73 words above the cutoff (tests/test_data_files/expected of
    responsible-ai-toolbox-genbit at 5da0a46, MIT licence). From its probabilities: 369 words in all, 592 words for men
    and 244 for women. Of the 296 others 4 stand near nobody; whatever the rest has, it lies below the cutoff.
    """
    women, men = np.loadtxt(Path(__file__).with_name("genbit_published.csv"), delimiter=",", skiprows=1).T
    rest = np.append(np.full(292, 0.25), np.zeros(4))
    found = tool_score(np.append(men - 1, rest), np.append(women - 1, rest), np.ones(369, bool), 592, 244)
    assert found == pytest.approx(0.44533762551261086, abs=1e-12)


def test_words_that_are_gendered_are_not_counted():
    ratios, counted = log_ratios(np.array([3.0, 9.0]), np.array([1.0, 9.0]), np.array([True, False]))
    assert counted.tolist() == [True, False]
    assert ratios == pytest.approx([0.0])  # the only word has the whole of both sums


# --- whole corpora ----------------------------------------------------------------------------------------------------
VOCABULARY = [f"word{chr(97 + i // 26)}{chr(97 + i % 26)}" for i in range(120)]


def corpus(n, rng, planted=0.0):
    """Sentences of random words about he or she; with `planted`, each gender gets words of its own that often."""
    texts = []
    for _ in range(n):
        woman = rng.random() < 0.4
        words = list(rng.choice(VOCABULARY, 6))
        if rng.random() < planted:
            words[2:4] = ["nursing", "ward"] if woman else ["engine", "wrench"]
        texts.append(" ".join([*words[:3], "she" if woman else "he", *words[3:]]))
    return pd.DataFrame({"example_id": range(n), "text": texts})


@pytest.mark.parametrize("seed", range(3))
def test_planted_words_alarm_and_stand_at_the_ends_of_the_table(seed):
    frame = corpus(600, np.random.default_rng(seed), planted=0.5)
    result = GENBIT.compute(frame, Context(lexicon=EN, n_families=15))
    finding = result.findings[0]
    assert finding.alarm and finding.estimate > finding.values["chance"]
    assert set(result.table.word.head(2)) == {"engine", "wrench"}
    assert set(result.table.word.tail(2)) == {"nursing", "ward"}
    assert {finding.values["men_words"].split(", ")[0], finding.values["women_words"].split(", ")[0]} <= {
        "engine", "wrench", "nursing", "ward"}  # fmt: skip


def test_corpora_without_a_tie_stay_near_chance():
    """40 clean corpora: at 0.05 about 2 fall below; 7 or more would come up once in 500 such tests."""
    low = 0
    for seed in range(40):
        result = GENBIT.compute(corpus(420, np.random.default_rng(100 + seed)), Context(lexicon=EN, seed=seed))
        low += result.findings[0].p < 0.05
        assert not result.findings[0].alarm or result.findings[0].p < 0.05
    assert low <= 6


def test_few_documents_and_few_gendered_words_are_said():
    few = GENBIT.compute(corpus(200, np.random.default_rng(1), planted=0.5), Context(lexicon=EN))
    assert few.notes == ("audit_words.note.few_documents",)
    assert not few.findings[0].alarm
    none = GENBIT.compute(corpus(30, np.random.default_rng(1)), Context(lexicon=EN))
    assert none.notes == ("audit_words.note.few_gendered",) and not none.findings


def test_chinese_has_a_score_and_no_published_line():
    rng = np.random.default_rng(3)
    texts = [f"今天{'妈妈' if rng.random() < 0.5 else '爸爸'}去{c}市场买菜" for c in rng.choice(list("东南西北"), 500)]
    result = GENBIT.compute(pd.DataFrame({"example_id": range(500), "text": texts}),
                            Context("zh", lexicon=builtin("zh")))  # fmt: skip
    finding = result.findings[0]
    assert finding.key == "audit_words.genbit.chinese" and not finding.alarm and finding.threshold is None
    assert {len(word) for word in result.table.word} == {2}
    assert "市场" in set(result.table.word) and "去东" not in set(result.table.word)  # 去 is a word of grammar


def test_characters_that_make_no_pair_often_enough_are_no_words_of_the_score():
    """300 characters that occur once each name nobody and stand near nobody: only the number of documents moves."""
    texts = ["今天妈妈在市场买菜"] * 250 + ["今天爸爸在公司开会"] * 250
    rare = "".join(chr(code) for code in range(0x5300, 0x5300 + 300))
    values = []
    for given in (texts, [*texts, rare]):
        frame = pd.DataFrame({"example_id": range(len(given)), "text": given})
        found = GENBIT.compute(frame, Context("zh", lexicon=builtin("zh"))).findings[0]
        values.append((found.estimate, found.values["tool"]))
    assert values[0][0] > 1 and values[1] == pytest.approx(values[0], rel=1e-12)
