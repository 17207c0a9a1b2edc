"""Label and group against source: reference values, all tables with the same margins, a bootstrap, planted ties."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from studio.audits.association import cramers_v
from studio.audits.confounds import CONFOUNDS, guesses, independence
from studio.audits.context import Context


def frame_of(counts, sources="pqr", labels="xyz"):
    rows = [(labels[y], sources[s]) for y, row in enumerate(counts) for s, n in enumerate(row) for _ in range(n)]
    return pd.DataFrame({"text": "t", "label": [r[0] for r in rows], "source": [r[1] for r in rows]})


def test_v_is_that_of_the_association_audit():
    for counts in ([[10, 20], [30, 40]], [[40, 60, 20], [30, 10, 90], [200, 300, 150]]):
        assert independence(counts)["v"] == pytest.approx(cramers_v(counts)[1])


def test_p_has_the_moments_of_chi_square_over_all_tables_with_these_margins():
    """A sparse table: the gamma tail against 20,000 random tables, where the plain chi-square tail is off."""
    counts = np.array([[5, 1, 0, 0, 2, 1], [1, 3, 1, 0, 0, 0], [0, 1, 2, 1, 0, 1], [0, 0, 1, 2, 0, 1]])
    found = independence(counts)
    assert found["chi2"] == pytest.approx(stats.chi2_contingency(counts, correction=False).statistic)
    draws = stats.random_table(counts.sum(1), counts.sum(0)).rvs(20_000, random_state=0).astype(float)
    expected = np.outer(counts.sum(1), counts.sum(0)) / counts.sum()
    drawn = ((draws - expected) ** 2 / expected).sum((1, 2))
    exact = (drawn >= found["chi2"] - 1e-9).mean()
    assert found["p"] == pytest.approx(exact, abs=0.012)


def test_p_is_that_of_chi_square_where_counts_are_large():
    counts = np.array([[400, 350, 300], [420, 300, 330]])
    assert independence(counts)["p"] == pytest.approx(stats.chi2_contingency(counts, correction=False).pvalue, rel=0.02)


def test_the_interval_of_v_is_that_of_a_bootstrap():
    rng = np.random.default_rng(0)
    shares = np.array([[0.25, 0.1, 0.05], [0.1, 0.2, 0.05], [0.05, 0.05, 0.15]])
    counts = rng.multinomial(900, shares.ravel()).reshape(3, 3)
    found = independence(counts)
    draws = [cramers_v(rng.multinomial(900, counts.ravel() / 900).reshape(3, 3))[1] for _ in range(400)]
    assert (found["low"], found["high"]) == (pytest.approx(np.quantile(draws, 0.025), abs=0.03),
                                             pytest.approx(np.quantile(draws, 0.975), abs=0.03))  # fmt: skip


def test_guesses_by_hand():
    """Of 100: the commonest label 50; knowing the source 40 + 30."""
    assert guesses(np.array([[40, 10], [20, 30]])) == (0.5, 0.7)


def test_a_planted_tie_alarms_and_names_the_strongest_place():
    result = CONFOUNDS.compute(frame_of([[300, 60, 60], [60, 300, 60], [60, 60, 300]]), Context())
    first = result.findings[0]
    assert first.alarm and first.key == "audit_counts.confounds.tied_label_source"
    assert first.values["share"] == pytest.approx(300 / 420) and first.values["known"] == pytest.approx(900 / 1260)
    assert {c.column for c in first.examples} == {"label", "source"}


def test_groups_and_languages_are_looked_at_too_and_missing_sources_count():
    frame = frame_of([[90, 100, 110], [100, 90, 100]]).assign(language=lambda f: np.where(f.label == "x", "en", "zh"))
    frame["group_g"] = np.where(frame.source == "p", "a", "b")
    frame.loc[::5, "source"] = None
    result = CONFOUNDS.compute(frame, Context(groups=("g",)))
    told = {f.key.rsplit(".")[-1] for f in result.findings if f.unit == "cramers_v_interval"}
    assert told == {"tied_group_source", "tied_label_language", "calm_label_source"}
    assert "" in set(result.table.place)


def test_copies_count_once():
    counts = [[30, 20, 25], [20, 30, 25]]
    double = pd.concat([frame_of(counts)] * 2, ignore_index=True)
    alone = CONFOUNDS.compute(frame_of(counts), Context()).findings[-1]
    copied = CONFOUNDS.compute(double, Context(families=np.tile(np.arange(150), 2))).findings[-1]
    assert copied.p == pytest.approx(alone.p, rel=0.02)
    assert copied.estimate == pytest.approx(alone.estimate, abs=0.002)


def test_one_source_or_very_many_say_why_nothing_is_compared():
    frame = frame_of([[20], [30]], sources="p")
    assert CONFOUNDS.compute(frame, Context()).notes == ("audit_counts.note.no_origin",)
    many = frame.assign(source=[f"s{i}" for i in range(50)])
    assert CONFOUNDS.compute(many, Context()).notes == ("audit_counts.note.many_sources",)


def test_untied_corpora_rarely_alarm():
    rng = np.random.default_rng(2)
    alarmed = 0
    for _ in range(60):
        frame = pd.DataFrame({"text": "t", "label": rng.choice(list("abcdefgh"), 150),
                              "source": rng.choice([f"s{i}" for i in range(12)], 150)})  # fmt: skip
        alarmed += any(finding.alarm for finding in CONFOUNDS.compute(frame, Context()).findings)
    assert alarmed <= 5
