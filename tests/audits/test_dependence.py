"""What the corpus is worth: Kish and the intra-class correlation by hand, statsmodels, simulation."""

import numpy as np
import pandas as pd
import pytest
from statsmodels.formula.api import ols
from statsmodels.stats.anova import anova_lm

from studio.audits.context import Context, clusterings, looks_like_author
from studio.audits.dependence import DEPENDENCE, design_effect, intraclass


def test_intraclass_by_hand():
    """Clusters (0, 0, 1) and (1, 1, 0): B = 6 (1/6)² = 1/6 and W = (2/3 + 2/3) / 4 = 1/3 per indicator."""
    rho, low, high = intraclass([0, 0, 1, 1, 1, 0], [0, 0, 0, 1, 1, 1])
    assert rho == pytest.approx(0.0)  # (1/6 - 1/3) / (1/6 + 2 · 1/3) = -0.2, told as 0
    assert low == 0.0 and high > 0.5
    assert intraclass([0, 0, 1, 1], [0, 0, 1, 1]) == (1.0, 1.0, 1.0)
    assert intraclass([0, 0], [0, 1]) == (1.0, 0.0, 1.0)  # one label: nothing to tell


def test_intraclass_of_two_labels_is_that_of_the_analysis_of_variance():
    rng = np.random.default_rng(0)
    clusters = np.repeat(np.arange(60), 8)
    y = (rng.random(480) < np.repeat(rng.beta(1, 1, 60), 8)).astype(int)
    table = anova_lm(ols("y ~ C(f)", pd.DataFrame({"y": y, "f": clusters})).fit())
    ratio = table.loc["C(f)", "F"]
    assert intraclass(y, clusters)[0] == pytest.approx((ratio - 1) / (ratio + 7))


def test_the_interval_covers_the_truth():
    """Beta(1, 1) rates: rho = 1 / (1 + 1 + 1) = 1/3."""
    rng = np.random.default_rng(1)
    covered = 0
    for _ in range(200):
        y = rng.random(400) < np.repeat(rng.beta(1, 1, 50), 8)
        _, low, high = intraclass(y.astype(int), np.repeat(np.arange(50), 8))
        covered += low <= 1 / 3 <= high
    assert covered >= 180


def test_the_design_effect_is_the_variance_that_clusters_make():
    """Shares of 50 authors of 8 examples whose rates differ: their variance over corpora is deff · p (1-p) / n."""
    rng = np.random.default_rng(2)
    shares = [(rng.random(400) < np.repeat(rng.beta(1, 1, 50), 8)).mean() for _ in range(2000)]
    assert np.var(shares) / (0.25 / 400) == pytest.approx(design_effect([8] * 50, 1 / 3), rel=0.1)
    assert design_effect([10] * 20, 0.5) == 5.5


def frame_of(authors, labels):
    return pd.DataFrame({"text": "t", "label": labels, "group_author": authors})


def test_an_author_is_an_attribute_of_many_values_with_few_examples_each():
    assert looks_like_author(np.repeat(np.arange(30), 49))
    assert not looks_like_author(np.repeat(np.arange(30), 50))
    assert not looks_like_author(np.repeat(np.arange(29), 10))
    assert not looks_like_author(np.full(40, -1))


def test_what_authors_who_always_give_one_label_are_worth():
    authors = np.repeat([f"w{i}" for i in range(40)], 10)
    labels = np.repeat(["x", "y"] * 20, 10)
    result = DEPENDENCE.compute(frame_of(authors, labels), Context(groups=("author",)))
    (finding,) = result.findings
    assert finding.key == "audit_counts.dependence.author"
    assert finding.estimate == pytest.approx(40) and finding.values["rho"] == 1.0
    mixed = DEPENDENCE.compute(frame_of(authors, ["x", "y"] * 200), Context(groups=("author",))).findings[0]
    assert (mixed.estimate, mixed.values["rho"]) == (400, 0)
    bare = DEPENDENCE.compute(frame_of(authors, None), Context(groups=("author",))).findings[0]
    assert bare.key.endswith("author_unlabelled") and bare.estimate == pytest.approx(40)


def test_copies_are_worth_what_kish_says():
    frame = pd.DataFrame({"text": "t", "label": ["x", "y"] * 50})
    result = DEPENDENCE.compute(frame, Context(families=np.arange(100) // 4))
    assert result.findings[0].estimate == pytest.approx(100**2 / (25 * 16))


def test_nothing_known_says_so_and_few_sources_are_no_clusters():
    frame = pd.DataFrame({"text": "t", "label": ["x", "y"] * 50, "source": ["p", "q"] * 50})
    assert DEPENDENCE.compute(frame, Context()).findings[0].key == "audit_counts.dependence.none"
    many = frame.assign(source=[f"s{i % 30}" for i in range(100)])
    assert set(clusterings(many, Context())) == {"source"}
    lone = clusterings(many.assign(source=[None] * 10 + [f"s{i % 30}" for i in range(90)]), Context())["source"]
    assert len(np.unique(lone)) == 40  # an example without a source is a cluster by itself
