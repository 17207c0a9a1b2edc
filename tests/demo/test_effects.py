"""Each planted effect stands in the frame as the truth file says, and is absent when switched off."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest
from scipy.stats import chi2_contingency, chisquare, kruskal, rankdata

from studio.demo import ALL_EFFECTS, make
from studio.demo.duplicates import NEAR, jaccard, shingles

LANGUAGES = ["en", "zh"]
SEEDS = range(40, 43)
MANY = 3000  # enough for shares and ratios where several seeds are made
GROUPS = ("gender", "age_band", "region", "channel", "source")


@cache
def made(language, effects=ALL_EFFECTS, seed=7, n=4000):
    return make(language, effects=effects, seed=seed, n=n)


def effect_of(corpus, name):
    return corpus.truth["effects"][name]


def table(frame, label, attribute, group):
    """Counts a, b, c, d of group and label, other and label, group and not label, other and not label."""
    labelled, member = (frame["label"] == label).to_numpy(), (frame[attribute] == group).to_numpy()
    return [int((m & k).sum()) for k in (labelled, ~labelled) for m in (member, ~member)]


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_effect_can_be_switched_on_alone(language):
    for name in ALL_EFFECTS:
        corpus = made(language, (name,), 11, 1200)
        assert list(corpus.truth["effects"]) == [name]
        assert effect_of(corpus, name)["rows"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_switching_an_effect_on_leaves_other_texts_alone(language):
    clean, planted = made(language, (), 11, 1200), made(language, ("label_group_odds", "wrong_labels"), 11, 1200)
    assert clean.frame["text"].tolist() == planted.frame["text"].tolist()
    assert clean.frame["region"].tolist() == planted.frame["region"].tolist()


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_underrepresented_group_is_rare_and_the_truth_counts_it(language):
    corpus = made(language)
    about = effect_of(corpus, "underrepresented_group")
    attribute, group = about["parameters"]["attribute"], about["parameters"]["group"]
    mask = corpus.frame[attribute] == group
    assert about["rows"] == corpus.frame.loc[mask, "row"].tolist()
    assert about["observed"]["examples"] == mask.sum()
    assert 0.02 < mask.mean() < 0.04 < corpus.truth["reference"][attribute][group] / 2
    assert sum(about["implied"]["expected_shares"].values()) == pytest.approx(1)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_odds_ratio_is_two_in_expectation(language):
    ratios = []
    for seed in SEEDS:
        corpus = make(language, effects=("label_group_odds", "wrong_labels"), seed=seed, n=MANY)
        values = effect_of(corpus, "label_group_odds")["parameters"]
        a, b, c, d = table(corpus.frame, values["label"], values["attribute"], values["group"])
        assert effect_of(corpus, "label_group_odds")["observed"]["table"] == [[a, b], [c, d]]
        spread = math.sqrt(1 / a + 1 / b + 1 / c + 1 / d)
        assert math.log(a * d / (b * c)) > 1.96 * spread, "the interval holds 1"
        ratios.append((math.log(a * d / (b * c)), spread))
    # The mean log odds ratio of all seeds lies within 3 standard errors of ln 2.
    mean = np.mean([ratio for ratio, _ in ratios])
    error = math.sqrt(sum(spread**2 for _, spread in ratios)) / len(ratios)
    assert abs(mean - math.log(2)) < 3 * error


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_odds_ratio_leaves_the_groups_overall_share(language):
    about = effect_of(made(language), "label_group_odds")
    values, tables = about["parameters"], about["implied"]["expected_shares"]
    reference = made(language).truth["reference"][values["attribute"]]
    for group, share in reference.items():
        assert np.mean([tables[label][group] for label in tables]) == pytest.approx(share)
    implied = {(one["label"], one["group"]): one["odds_ratio"] for one in about["implied"]["odds_ratios"]}
    assert (values["label"], values["group"]) not in implied
    assert all(ratio < 1 for (label, group), ratio in implied.items() if label == values["label"])


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_spurious_token_follows_one_label(language):
    corpus = made(language)
    about = effect_of(corpus, "spurious_token")
    values = about["parameters"]
    has = corpus.frame["text"].str.casefold().str.contains(values["token"], regex=False)
    inside = corpus.frame["label"] == values["label"]
    assert corpus.frame.loc[has, "row"].tolist() == about["rows"]
    assert abs(has[inside].mean() - values["rate_in_label"]) < 0.08
    assert abs(has[~inside].mean() - values["rate_elsewhere"]) < 0.01
    assert not made(language, ()).frame["text"].str.casefold().str.contains(values["token"], regex=False).any()


@pytest.mark.parametrize("language", LANGUAGES)
def test_near_duplicates_are_four_percent_similar_and_from_the_same_requester(language):
    corpus = made(language)
    about = effect_of(corpus, "near_duplicates")
    frame = corpus.frame.set_index("row")
    assert len(about["pairs"]) == len(about["rows"]) == round(0.04 * len(frame))
    sources = {source for _, source in about["pairs"]}
    assert not sources & set(about["rows"])
    for copy, source in about["pairs"]:
        first, second = frame.loc[source], frame.loc[copy]
        assert first["text"] != second["text"]
        alike = jaccard(shingles(first["text"], language), shingles(second["text"], language))
        assert NEAR < about["parameters"]["least_jaccard"] <= alike < 1
        assert list(first[["label", "gender", "age_band", "region"]]) == list(
            second[["label", "gender", "age_band", "region"]]
        )
        assert first["time"] <= second["time"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_wrong_labels_are_three_percent_and_named(language):
    corpus = made(language)
    about = effect_of(corpus, "wrong_labels")
    true = dict(zip(corpus.truth["rows"]["row"], corpus.truth["rows"]["true_label"], strict=True))
    wrong = [row for row, label in zip(corpus.frame["row"], corpus.frame["label"], strict=True) if true[row] != label]
    assert wrong == about["rows"]
    assert [true[row] for row in wrong] == about["true_labels"]
    assert len(wrong) == round(0.03 * len(corpus.frame))
    kinds = dict(zip(corpus.truth["rows"]["row"], corpus.truth["rows"]["kind"], strict=True))
    assert {kinds[row] for row in wrong} == {"clear"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_thin_topic_has_a_dozen_examples_and_many_without_the_effect(language):
    corpus, clean = made(language), made(language, ())
    about = effect_of(corpus, "thin_topic")
    values = about["parameters"]
    assert len(about["rows"]) == values["examples"]
    frame = corpus.frame.set_index("row")
    assert set(frame.loc[about["rows"], "label"]) == {values["label"]}
    topics = np.array(clean.truth["rows"]["topic"])
    assert (topics == values["topic"]).sum() > 5 * values["examples"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_one_label_is_longer_only_when_planted(language):
    values = effect_of(made(language), "length_label_confound")["parameters"]
    for corpus, is_longer in ((made(language), True), (made(language, ()), False)):
        lengths = corpus.frame["text"].str.len()
        inside = corpus.frame["label"] == values["label"]
        ratio = lengths[inside].median() / lengths[~inside].median()
        assert ratio > 1.35 if is_longer else 0.9 < ratio < 1.1


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_clean_corpus_shows_nothing_beyond_chance(language):
    """Independence, representation, label balance and length, Bonferroni over all of them in every seed."""
    smallest = []
    for seed in SEEDS:
        corpus = make(language, effects=(), seed=seed, n=MANY)
        frame, reference = corpus.frame, corpus.truth["reference"]
        assert corpus.truth["effects"] == {}
        assert corpus.truth["rows"]["true_label"] == frame["label"].tolist()
        lengths = frame["text"].str.len()
        p = [chisquare(frame["label"].value_counts()).pvalue]
        p.append(kruskal(*[lengths[frame["label"] == label] for label in corpus.truth["labels"]]).pvalue)
        for name in GROUPS:
            counts = frame.groupby(["label", name]).size().unstack(fill_value=0).to_numpy()
            p.append(chi2_contingency(counts).pvalue)
            observed = [int((frame[name] == group).sum()) for group in reference[name]]
            p.append(chisquare(observed, [share * len(frame) for share in reference[name].values()]).pvalue)
            ranks = rankdata(lengths)
            means = [ranks[(frame[name] == group).to_numpy()].mean() for group in reference[name]]
            assert max(means) - min(means) < 0.12 * len(frame), f"{name} changes the length of texts"
        smallest.append(min(p) * len(p))
    assert sorted(smallest)[1] > 0.05, "more than one clean corpus alarms"
