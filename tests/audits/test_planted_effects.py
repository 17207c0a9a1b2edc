"""The demo corpora plant flaws with a truth file: each audit must find its own, and find nothing when there is none."""

from functools import cache

import numpy as np
import pytest
from sklearn.metrics import f1_score

from studio import audits, demo
from studio.audits.context import Context
from studio.corpus.dedup import find_duplicates

GROUPS = ("gender", "age_band", "region", "channel")
COUNT_AUDITS = ("representation", "trends", "intersections", "association", "parity", "confounds", "duplicates",
                "dependence", "balance", "lengths", "shortcuts")  # fmt: skip
LEFT_OUT = ("wrong_labels", "thin_topic")  # need vectors: tests/audits/test_vector_effects.py
N = 3000


@cache
def looked_at(language, seed, is_planted):
    """The truth, the near-duplicates and the results of every count audit of one corpus."""
    corpus = demo.make(language, seed=seed, n=N, effects=demo.ALL_EFFECTS if is_planted else ())
    frame = corpus.frame.rename(columns={name: f"group_{name}" for name in GROUPS})
    frame["example_id"] = np.arange(len(frame))
    copies = find_duplicates(frame["text"].tolist(), np.random.default_rng(0))
    context = Context(language, GROUPS, corpus.truth["reference"], copies.families, copies.exact,
                      n_families=audits.N_FAMILIES)  # fmt: skip
    chosen = [audit for audit in audits.AUDITS if audit.name in COUNT_AUDITS]
    return corpus, copies, {audit.name: audits.run(audit, frame, context) for audit in chosen}


def is_found(effect, corpus, copies, results):
    """True when the interval of the planted effect excludes what no effect would give."""
    planted = corpus.truth["effects"][effect]["parameters"]
    if effect == "underrepresented_group":
        table = results["representation"].table.set_index(["attribute", "value"])
        return table.loc[(planted["attribute"], planted["group"]), "ratio_high"] < 1
    if effect == "label_group_odds":
        table = results["association"].table.set_index(["label", "value"])
        row = table.loc[(planted["label"], planted["group"])]
        return row["low"] > 1 and row["family_low"] > 1
    if effect == "spurious_token":
        table = results["shortcuts"].table.set_index(["word", "label"])
        row = table.loc[(planted["token"], planted["label"])]
        return row["low"] > 1 and bool(row["alarm"])
    if effect == "near_duplicates":
        at = {row: i for i, row in enumerate(corpus.frame["row"])}
        truth = np.zeros(N, dtype=bool)
        truth[[at[row] for pair in corpus.truth["effects"][effect]["pairs"] for row in pair]] = True
        found = np.bincount(copies.families, minlength=N)[copies.families] > 1
        finding = results["duplicates"].findings[0]
        return finding.low > 0.01 and f1_score(truth, found, average="macro") >= 0.95
    table = results["lengths"].table.query("factor == 'label'").set_index("value")
    return table.loc[planted["label"], "low"] > 0.5 and bool(table.loc[planted["label"], "alarm"])


def count_found(language, seeds):
    effects = [effect for effect in demo.ALL_EFFECTS if effect not in LEFT_OUT]
    return {effect: sum(is_found(effect, *looked_at(language, seed, True)) for seed in seeds) for effect in effects}


def count_alarmed(language, seeds):
    return sum(
        any(finding.alarm for result in looked_at(language, seed, False)[2].values() for finding in result.findings)
        for seed in seeds
    )


@pytest.mark.parametrize("language", ["en", "zh"])
def test_planted_effects_are_found(language):
    """One corpus of each language here; twenty in the slow suite."""
    assert all(found == 1 for found in count_found(language, range(1)).values())


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_clean_corpus_is_left_in_peace(language):
    assert count_alarmed(language, range(1)) == 0


@pytest.mark.slow
@pytest.mark.parametrize("language", ["en", "zh"])
def test_planted_effects_are_found_in_eighteen_of_twenty_corpora(language):
    found = count_found(language, range(20))
    assert all(count >= 18 for count in found.values()), found


@pytest.mark.slow
@pytest.mark.parametrize("language", ["en", "zh"])
def test_at_most_three_of_twenty_clean_corpora_alarm(language):
    assert count_alarmed(language, range(20)) <= 3
