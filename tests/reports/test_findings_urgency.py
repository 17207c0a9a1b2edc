"""How findings are ordered and said: values worked out by hand."""

import math
from dataclasses import replace

import pytest

from studio.records import Finding
from studio.reports import findings as said


def finding(estimate, low, high, unit, threshold, alarm=True, **more):
    return Finding("a", more.pop("key", "k"), {}, 1_000, estimate, low, high, unit=unit, threshold=threshold,
                   alarm=alarm, **more)  # fmt: skip


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        # twice the odds, at least 1.5625 = 1.25 squared times: two steps of 1.25
        (finding(2.0, 1.5625, 2.6, "odds_ratio", 1.25), 2.0),
        # half the odds, at most 0.64 = 1.25 ** -2: the same distance on the other side of 1
        (finding(0.5, 0.4, 0.64, "odds_ratio", 1.25), 2.0),
        # an interval around 1 excludes nothing, however large the estimate
        (finding(3.0, 0.9, 10.0, "odds_ratio", 1.25), 0.0),
        # 9 % of near-copies, at least 6 %, where 1 % first matters
        (finding(0.09, 0.06, 0.12, "share", 0.01), 6.0),
        # a chance of 0.92 to be the longer text; 0.71 first matters: (0.92 - 0.5) / 0.21
        (finding(0.95, 0.92, 0.97, "probability", 0.71), 2.0),
        # 0.08 is as far from one half on the other side
        (finding(0.05, 0.03, 0.08, "probability", 0.71), 2.0),
        # a thin topic: at most 1 % where a sixth of an equal share is 4 %
        (finding(0.005, 0.002, 0.01, "share", 0.04), 4.0),
        # explained variance without an interval: the estimate itself
        (finding(0.18, None, None, "eta_squared", 0.06), 3.0),
        # fewer than 10 where 40 are expected: at most a quarter as often, two steps of one half
        (finding(0.25, None, None, "ratio_below", 2.0), 2.0),
        (finding(0.5, 0.4, 0.6, "share", None), 0.0),
    ],
)
def test_urgency_is_the_near_end_in_steps_of_what_first_matters(found, expected):
    assert said.urgency(found) == pytest.approx(expected)


def test_an_absent_group_is_far_out_and_finite():
    """Ratio 0 with an upper end of 0.02: ln 0.02 / ln 0.8."""
    found = finding(0.0, 0.0, 0.02, "ratio", 0.8)
    assert said.urgency(found) == pytest.approx(math.log(0.02) / math.log(0.8))
    assert math.isfinite(said.urgency(finding(0.0, 0.0, 0.0, "ratio", 0.8)))


def test_a_sure_small_effect_comes_before_an_unsure_large_one():
    sure = finding(1.6, 1.5, 1.7, "odds_ratio", 1.25, key="sure")
    large = finding(6.0, 1.3, 28.0, "odds_ratio", 1.25, key="large")
    calm = finding(9.0, 8.0, 10.0, "odds_ratio", 1.25, alarm=False, key="calm")
    assert [found.key for found in said.by_urgency([large, calm, sure])] == ["sure", "large"]


def test_equal_findings_keep_their_order():
    twins = [finding(2.0, 1.5, 2.5, "odds_ratio", 1.25, key=name) for name in "abc"]
    assert [found.key for found in said.by_urgency(twins)] == ["a", "b", "c"]


def test_the_line_of_numbers_leaves_out_what_is_not_there():
    bare = finding(0.18, None, None, "share", 0.1)
    assert said.numbers(bare, lang="en") == ["18.0%, n = 1,000"]
    sure = finding(2.0, 1.5, 2.5, "odds_ratio", 1.25, q=0.0002)
    assert said.numbers(sure, lang="en") == ["Odds ratio 2.00, 95% interval 1.50 to 2.50, n = 1,000", "q < 0.001"]


def test_where_a_cell_is_empty_only_the_near_end_is_a_number():
    """All 39 texts carry the label: 10,931 is half an example's doing, 665 is not."""
    always = finding(10_931.28, 665.41, 179_577.6, "odds_ratio", 1.25, key="audit_words.labels.always")
    assert said.numbers(always, lang="en") == ["Odds ratio at least 665 (95% interval), n = 1,000"]
    never = finding(0.001, 0.0001, 0.42, "odds_ratio", 1.25, key="audit_words.labels.never")
    assert said.numbers(never, lang="en") == ["Odds ratio at most 0.42 (95% interval), n = 1,000"]


@pytest.mark.parametrize(("ratio", "shown"), [
    (0.0541, "0.05"), (8.584, "8.58"), (9.999, "10.00"), (55.154, "55.2"), (1046.49, "1,046"),
])  # fmt: skip
def test_ratios_are_written_with_the_digits_that_say_something(ratio, shown):
    one = finding(ratio, ratio, ratio, "odds_ratio", 1.25)
    assert said.numbers(one, lang="en") == [f"Odds ratio {shown}, 95% interval {shown} to {shown}, n = 1,000"]
    values = {"label": "a", "value": "b", "attribute": "c", "share": 0.5, "rest_share": 0.1, "ratio": ratio}
    told = replace(one, key="audit.association.more", values=values)
    assert f"{shown} times the odds" in said.sentence(told, lang="en")


@pytest.mark.parametrize(("lang", "unit", "line"), [
    ("en", "difference", "Difference 36.9 points, 95% interval 33.3 to 40.5 points, n = 1,000"),
    ("zh", "difference", "相差 36.9 个百分点，95% 区间 33.3 至 40.5 个百分点，n = 1,000"),
    ("en", "change", "Change +36.9 points, 95% interval +33.3 to +40.5 points, n = 1,000"),
])  # fmt: skip
def test_a_difference_of_shares_is_in_points_not_in_percent(lang, unit, line):
    assert said.numbers(finding(0.369, 0.333, 0.405, unit, 0.1), lang=lang) == [line]
