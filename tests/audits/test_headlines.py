"""The numbers of the audits: by hand, as the audits say them of the same rows, rare by chance, found where planted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from studio import audits, words
from studio.audits import AUDITS
from studio.audits.association import cramers_v
from studio.audits.confounds import independence
from studio.audits.context import Context, part_of
from studio.audits.headlines import HEADLINES, prepare
from studio.audits.headlines.record import corrected_v, named
from studio.lexicons import builtin
from studio.records import Knn
from studio.selection.placed import place
from tests.contracts.test_audit_contract import CORPORA, full_context

BY_NAME = {headline.audit: headline for headline in HEADLINES}
AUDIT = {audit.name: audit for audit in AUDITS}


def frame_of(n=None, **columns):
    n = n or len(next(iter(columns.values())))
    return pd.DataFrame({"example_id": np.arange(10, 10 + n), "text": ["some words"] * n} | columns)


def numbers(name, frame, rows=None, **facts):
    """The numbers of one audit; all rows unless some are named."""
    of = prepare(BY_NAME[name], AUDIT[name], frame, Context(**facts))
    assert not isinstance(of, str), of
    return of(np.arange(len(frame)) if rows is None else np.asarray(rows))


# --- the catalogue ----------------------------------------------------------------------------------------------------
def test_every_audit_has_its_numbers_and_their_words():
    assert [headline.audit for headline in HEADLINES] == [audit.name for audit in AUDITS]
    for headline in HEADLINES:
        for language in words.LANGUAGES:
            catalogue = words.catalogue(language)
            assert all(f"audit_draws.number.{headline.audit}_{one.name}" in catalogue for one in headline.numbers)
            assert f"audit_draws.reason.{headline.audit}" in catalogue


SOME = ("no example", "one example", "hostile text", "one group", "nothing labelled", "all missing", "Chinese",
        "people", "facts", "several labels", "several, hostile")  # fmt: skip


@pytest.mark.parametrize("headline", HEADLINES, ids=lambda one: one.audit)
def test_awkward_corpora_and_awkward_rows_give_a_number_or_none(headline):
    for name in SOME:
        frame = CORPORA[name]
        for context in (Context(), replace(full_context(len(frame)), scores={"s": np.arange(len(frame)) % 7.0})):
            before = frame.copy(deep=True)
            of = prepare(headline, AUDIT[headline.audit], frame, context)
            pd.testing.assert_frame_equal(frame, before)
            if isinstance(of, str):
                assert of in words.catalogue("en") and of in words.catalogue("zh"), of
                continue
            for rows in (np.arange(len(frame)), np.arange(1), np.arange(0), np.arange(0, len(frame), 3)):
                found = of(rows)
                assert set(found) == {one.name for one in headline.numbers}, name
                assert all(isinstance(value, float) and not np.isinf(value) for value in found.values()), (name, found)
                assert named(headline.numbers, found) == pytest.approx(named(headline.numbers, of(rows)), nan_ok=True)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.lists(st.integers(0, 40), min_size=3, max_size=3), min_size=2, max_size=4))
def test_the_quick_v_is_that_of_the_audits(table):
    counts = np.array(table)
    kept = counts[counts.sum(1) > 0][:, counts.sum(0) > 0]
    if min(kept.shape) < 2 or kept.sum() < 5:
        return
    assert corrected_v(counts) == pytest.approx(cramers_v(counts)[1], abs=1e-9)
    assert corrected_v(counts) == pytest.approx(independence(counts)["v"], abs=1e-9)


# --- by hand ----------------------------------------------------------------------------------------------------------
def test_shares_crossings_and_time_by_hand():
    frame = frame_of(group_g=["a"] * 8 + ["b"] * 2, group_h=["u"] * 5 + ["v"] * 5)
    facts = {"groups": ("g", "h")}
    # 8 and 2 of 10 against half each: 0.3; 5 and 5: 0
    assert numbers("representation", frame, **facts) == {"apart": pytest.approx(0.15)}
    # only a: 1/2 (|1 - 1/2| + |0 - 1/2|) = 0.5, and u and v are 5 to 3: 0.125
    assert numbers("representation", frame, range(8), **facts)["apart"] == pytest.approx((0.5 + 0.125) / 2)
    expected = numbers("representation", frame, range(8), **facts, reference={"g": {"a": 1.0}})
    assert expected["apart"] == pytest.approx(0.125)  # one expected value is no distribution
    # a-u 5, a-v 3, b-v 2 against 4, 4, 1, 1: 1/2 (1 + 1 + 1 + 1) / 10
    assert numbers("intersections", frame, **facts)["moved"] == pytest.approx(0.2)
    times = ["2024-01-05"] * 10 + ["2024-02-05"] * 10
    moving = frame_of(time=times, group_g=["a"] * 2 + ["b"] * 8 + ["a"] * 6 + ["b"] * 4)
    assert numbers("trends", moving, groups=("g",))["change"] == pytest.approx(0.4)  # 2 of 10, then 6 of 10
    assert np.isnan(numbers("trends", moving, range(15), groups=("g",))["change"])  # five in the second month


def test_labels_by_hand():
    labels = ["x"] * 30 + ["y"] * 10 + ["x"] * 10 + ["y"] * 30
    frame = frame_of(label=labels, group_g=["a"] * 40 + ["b"] * 40, source=["s"] * 40 + ["t"] * 40)
    # chi2 / n = 0.25, less 1/79; over 2 - 1/79 - 1
    tie = np.sqrt((0.25 - 1 / 79) / (1 - 1 / 79))
    assert numbers("association", frame, groups=("g",))["tie"] == pytest.approx(tie)
    assert numbers("balance", frame)["even"] == pytest.approx(2.0)
    assert numbers("balance", frame, range(30))["even"] == pytest.approx(1.0)
    # label and source tie as above, group and source are the same: V = 1
    assert numbers("confounds", frame, groups=("g",))["tie"] == pytest.approx((tie + 1) / 2)
    assert np.isnan(numbers("parity", frame, groups=("g",))["difference"])  # 40 is fewer than 50
    twice = pd.concat([frame, frame], ignore_index=True)
    assert numbers("parity", twice, groups=("g",))["difference"] == pytest.approx(0.5)  # 3 in 4 and 1 in 4
    both = frame_of(labels=[f'["{a}","z"]' if i % 2 else f'["{a}"]' for i, a in enumerate(labels)],
                    group_g=["a"] * 40 + ["b"] * 40)  # fmt: skip
    # x and y each by themselves, z in half of either group: V = 0
    assert numbers("association", both, groups=("g",))["tie"] == pytest.approx(2 * tie / 3)


def test_copies_worth_topics_scores_and_neighbours_by_hand():
    frame = frame_of(group_g=["a"] * 10 + ["b"] * 10, label=["x"] * 10 + ["y"] * 10)
    families = np.array([0, 0, 0, *range(1, 18)])
    assert numbers("duplicates", frame, families=families)["repeats"] == pytest.approx(0.1)
    assert numbers("duplicates", frame, [0, 3, 4], families=families)["repeats"] == 0
    assert numbers("dependence", frame, families=families)["worth"] == pytest.approx(20**2 / (9 + 17) / 20)
    clusters = np.array([0] * 5 + [1] * 5 + [-1] * 10)
    assert numbers("topics", frame, clusters=clusters)["even"] == pytest.approx(2.0)
    assert numbers("topics", frame, range(5), clusters=clusters)["even"] == pytest.approx(1.0)
    score = np.arange(20.0)
    assert numbers("scores", frame, groups=("g",), scores={"s": score})["delta"] == pytest.approx(1.0)
    mixed = np.array([1.0, 2.0] * 10)
    assert numbers("scores", frame, groups=("g",), scores={"s": mixed})["delta"] == pytest.approx(0.0)
    # example 0 has five neighbours of the other label; the others have their own
    near = (np.arange(20)[:, None] // 10 * 10 + (np.arange(20)[:, None] + np.arange(1, 6)) % 10).astype(np.int32)
    near[0] = [11, 12, 13, 14, 15]
    knn = Knn(near, np.full(near.shape, 0.1, np.float32))
    assert numbers("noise", frame, knn=knn)["suspects"] == pytest.approx(0.05)
    assert numbers("noise", frame, range(1, 11), knn=knn)["suspects"] == 0


def test_texts_by_hand():
    texts = ["a" * k for k in (1, 5, 9, 3)] * 5 + ["b" * k for k in (12, 14, 30, 16)] * 5
    frame = frame_of(text=texts, label=["x"] * 20 + ["y"] * 20)
    h = stats.kruskal([len(t) for t in texts[:20]], [len(t) for t in texts[20:]]).statistic
    assert numbers("lengths", frame)["apart"] == pytest.approx((h - 1) / (40 - 2))
    lexicon = builtin("en")
    people = frame_of(
        text=["she waits"] * 30 + ["he waits"] * 10 + ["nobody waits"] * 40, label=["x"] * 40 + ["y"] * 40
    )
    found = numbers("mentions", people, lexicon=lexicon)
    p = np.array([0.75, 0.25])
    assert found == {"named": pytest.approx(0.5), "even": pytest.approx(float(np.exp(-(p * np.log(p)).sum())))}
    # 30 with x name women, 10 with x and 40 with y do not; men are named fewer than 20 times
    tie = cramers_v(np.array([[30, 10], [0, 40]]))[1]
    assert numbers("mention_labels", people, lexicon=lexicon)["tie"] == pytest.approx(tie)
    # "she": 30 of 30 are x, of which there are half: (1 - 1/2) / sqrt(1/4 / 30); "nobody" in 40, all y
    assert numbers("shortcuts", people)["z"] == pytest.approx(0.5 / np.sqrt(0.25 / 40))
    assert numbers("shortcuts", people, range(30 + 10 + 15))["z"] == pytest.approx(
        (1 - 40 / 55) / np.sqrt(40 / 55 * 15 / 55 / 30)  # of "nobody" only 15 are left: too few to be tested
    )


# --- as the audits say them -------------------------------------------------------------------------------------------
def crowd(n=900, seed=0):
    """A corpus with something in every audit, no copies."""
    rng = np.random.default_rng(seed)
    people = rng.choice(["she", "he", "woman", "man", "girl", "boy", "her", "him"], n)
    filler = rng.choice([f"word{i}" for i in range(12)], (n, 6))
    liked = np.where(rng.random(n) < 0.6, "lovely", "awful")
    texts = [" ".join([who, *own, like, *own[: rng.integers(0, 5)]])
             for who, own, like in zip(people, filler, liked, strict=True)]  # fmt: skip
    group = np.where(np.isin(people, ["she", "woman", "girl", "her"]), "f", "m")
    label = np.where(rng.random(n) < np.where(group == "f", 0.6, 0.3), "yes", "no")
    frame = frame_of(
        text=texts,
        label=label,
        group_g=group,
        group_h=rng.choice(["u", "v", "w"], n),
        source=rng.choice(["s", "t"], n),
        time=rng.choice(["2024-01-05", "2024-02-05", "2024-03-05"], n),
    )
    context = Context(groups=("g", "h"), lexicon=builtin("en"), clusters=rng.integers(-1, 4, n),
                      scores={"s": rng.random(n) + (group == "f") * 0.2})  # fmt: skip
    return frame, context


@pytest.fixture(scope="module")
def said():
    """Numbers of 600 of 900 rows, and the results of the audits of these 600 as a corpus of their own."""
    frame, context = crowd()
    rows = np.sort(np.random.default_rng(1).choice(900, 600, replace=False))
    part = part_of(frame, context, rows)
    found = {}
    for headline in HEADLINES:
        of = prepare(headline, AUDIT[headline.audit], frame, context)
        if not isinstance(of, str):
            found[headline.audit] = (of(rows), audits.run(AUDIT[headline.audit], *part))
    return found


def findings(result, *parts):
    return [finding for finding in result.findings if any(part in finding.key for part in parts)]


def test_numbers_are_those_of_the_audits_of_the_same_rows(said):
    def own(name):
        return next(iter(said[name][0].values()))

    def result(name):
        return said[name][1]

    summaries = ("association.some", "association.none")
    assert own("association") == pytest.approx(
        np.mean([f.estimate for f in findings(result("association"), *summaries)])
    )
    assert own("parity") == pytest.approx(np.mean([f.estimate for f in findings(result("parity"), ".widest")]))
    assert own("confounds") == pytest.approx(
        np.mean([f.estimate for f in findings(result("confounds"), "calm", "tied")])
    )
    assert own("balance") == pytest.approx(findings(result("balance"), "even")[0].values["effective"])
    factors = findings(result("lengths"), "explains", "little")
    assert own("lengths") == pytest.approx(np.mean([f.estimate for f in factors]))
    trend = findings(result("trends"), "_month")
    assert own("trends") == pytest.approx(np.mean([abs(f.estimate) for f in trend]))
    assert own("topics") == pytest.approx(findings(result("topics"), "sizes")[0].estimate)
    shares = result("representation").table.groupby("attribute")[["share", "expected"]].apply(
        lambda rows: 0.5 * (rows.share - rows.expected).abs().sum())  # fmt: skip
    assert own("representation") == pytest.approx(shares.mean())
    cells = result("intersections").table
    assert own("intersections") == pytest.approx(0.5 * (cells.n - cells.expected).abs().sum() / 600)
    assert own("scores") == pytest.approx(result("scores").table.delta.abs().mean())
    named_by = findings(result("mentions"), "named.gender")
    assert said["mentions"][0]["named"] == pytest.approx(named_by[0].estimate)
    assert own("npmi") == pytest.approx(result("npmi").table.gap.abs().mean())
    assert own("genbit") == pytest.approx(result("genbit").findings[0].estimate)
    if len(result("weat").table):
        assert own("weat") == pytest.approx(result("weat").table.d.abs().mean())
    else:
        assert np.isnan(own("weat"))


# --- chance and planted choices ---------------------------------------------------------------------------------------
QUICK = ("representation", "intersections", "association", "confounds", "duplicates", "balance", "topics", "scores")
DRAWN, TRIED = 340, 25


@pytest.fixture(scope="module")
def counted():
    """The quick numbers as functions of rows, and their values on 365 random draws of 80 of 400 examples."""
    frame, context = crowd(400, seed=3)
    context = replace(context, families=np.arange(400) // 2)
    ofs = [(prepare(BY_NAME[name], AUDIT[name], frame, context), BY_NAME[name]) for name in QUICK]
    rng = np.random.default_rng(4)

    def of(rows):
        return [value for one, headline in ofs for value in named(headline.numbers, one(np.sort(rows)))]

    drawn = np.array([of(rng.choice(400, 80, replace=False)) for _ in range(DRAWN + TRIED)])
    relative = [number.is_relative for _, headline in ofs for number in headline.numbers]
    return frame, of, drawn, relative


def test_random_choices_are_rarely_called_unlike_chance(counted):
    """Holm holds the chance of any flag at 5 %: of 25 random choices 5 or more are flagged in 1 of 140 worlds."""
    _, _, drawn, relative = counted
    flagged = 0
    for at in range(TRIED):
        others = drawn[TRIED:]
        placed = place(drawn[at], list(others.T), relative)
        flagged += any(one.verdict in ("more", "less") for one in placed)
    assert flagged <= 4


@pytest.mark.parametrize(("planted", "wanted"), [("one group", "representation"), ("all copies", "duplicates")])
def test_planted_choices_are_flagged_by_the_right_audit(counted, planted, wanted):
    frame, of, drawn, relative = counted
    women = np.random.default_rng(5).permutation(np.flatnonzero(frame.group_g == "f"))[:80]
    rows = women if planted == "one group" else np.arange(80)
    placed = place(of(rows), list(drawn[:DRAWN].T), relative)
    verdicts = dict(zip(QUICK, (one.verdict for one in placed), strict=True))
    assert verdicts[wanted] == "more"
    assert verdicts["scores" if planted == "all copies" else "duplicates"] not in ("more", "less")
