"""One score looked at: which there are, its numbers, its ties, its groups, its examples."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from studio.measures import by_name
from studio.selection.unit_scores import unit_scores
from studio.store import examples, scores, snapshots
from studio.workflows import select_measures, select_scores
from tests.workflows.test_select import TARGETS


def put(studio, made, name, raw, context) -> None:
    one = by_name(name)
    scores.put(
        studio.store,
        made,
        one,
        context_hash=select_scores.context_hash(context),
        context=context,
        ids=examples.ids(studio.store, made),
        raw=raw,
        unit=unit_scores(raw, one.prefer),
        run_id=None,
    )


@pytest.fixture
def scored(studio, scored_snapshot):
    return studio, snapshots.require(studio.store, scored_snapshot)


def test_all_score_sets_are_listed_those_in_use_first_under_plain_names(scored):
    studio, snapshot = scored
    made = snapshot.snapshot_id
    old = [item for item in scores.sets(studio.store, made) if item.measure == "fluency"][0]
    put(studio, made, "fluency", np.linspace(-3, -1, 200), {"language": "other"})
    listed = select_measures.listed(studio, made, select_scores.state(studio, made, TARGETS))
    keys = [one.key for one in listed]
    assert keys[0] == "three_nearest_targets" and "fluency" in keys
    assert [one.in_use for one in listed] == ["@" not in key for key in keys]
    (older,) = [one for one in listed if "@" in one.key]
    assert older.item.measure == "fluency" and older.item.context_hash != old.context_hash


def test_the_numbers_of_a_score_are_those_stored(scored):
    studio, snapshot = scored
    state = select_scores.state(studio, snapshot.snapshot_id, TARGETS)
    chosen = next(one for one in select_measures.listed(studio, snapshot.snapshot_id, state) if one.key == "fluency")
    look = select_measures.look(studio, snapshot, chosen.item)
    ids, raw, unit = scores.values(studio.store, snapshot.snapshot_id, chosen.item)
    assert look.spread.n == int(np.isfinite(raw).sum()) and look.spread.n_undefined == int(np.isnan(raw).sum())
    assert look.spread.median == pytest.approx(float(np.nanmedian(raw)))
    assert unit[np.searchsorted(ids, look.best[0])] == np.nanmax(unit)
    assert unit[np.searchsorted(ids, look.worst[0])] == np.nanmin(unit)
    shown = {*look.best, *look.middle, *look.worst}
    assert len(shown) == 15 and {i: raw[np.searchsorted(ids, i)] for i in shown} == look.values
    texts = select_measures.texts(studio, snapshot.snapshot_id, look.best)
    assert tuple(texts["example_id"]) == look.best and texts["text"].notna().all()


def test_ties_with_the_others_and_with_the_length_are_spearmans(scored):
    studio, snapshot = scored
    state = select_scores.state(studio, snapshot.snapshot_id, TARGETS)
    both = select_measures.together(studio, snapshot, state)
    assert not both.is_sample and both.n_rows == 200
    sets = {item.measure: item for item in state.sets}
    names = ("fluency", "neighbour_distance")
    one = {name: scores.values(studio.store, snapshot.snapshot_id, sets[name])[2] for name in names}
    wanted = stats.spearmanr(one["fluency"], one["neighbour_distance"], nan_policy="omit").statistic
    key = ("neighbour_distance", "fluency")
    assert both.ties[key].rho == pytest.approx(wanted, abs=1e-6)
    lengths = examples.frame(studio.store, snapshot.snapshot_id, ["text"])["text"].str.len().to_numpy(float)
    wanted = stats.spearmanr(one["fluency"], lengths, nan_policy="omit").statistic
    assert both.with_length("fluency").rho == pytest.approx(wanted, abs=1e-6)
    assert {name for name, _ in both.of("fluency")} == set(sets) - {"fluency"}


def test_a_large_corpus_is_sampled_and_says_so(scored, monkeypatch):
    studio, snapshot = scored
    monkeypatch.setattr(select_measures, "MOST_COMPARED", 50)
    state = select_scores.state(studio, snapshot.snapshot_id, TARGETS)
    both = select_measures.together(studio, snapshot, state)
    assert both.is_sample and (both.n_rows, both.n_all) == (50, 200)
    assert max(one.n for one in both.ties.values()) == 50


def test_a_score_that_prefers_a_group_is_a_finding_and_a_fair_one_is_none(scored):
    studio, snapshot = scored
    made, name = snapshot.snapshot_id, snapshot.groups[0]
    groups = examples.frame(studio.store, made, [f"group_{name}"])[f"group_{name}"]
    rng = np.random.default_rng(0)
    favoured = groups.value_counts().index[0]
    put(studio, made, "fluency", rng.normal(size=200) + 2.0 * (groups == favoured).to_numpy(), {"language": "en"})
    put(studio, made, "rule_quality", rng.random(200), {"language": "en"})
    state = select_scores.state(studio, made, TARGETS)
    sets = {item.measure: item for item in state.sets}
    loud = select_measures.look(studio, snapshot, sets["fluency"]).groups
    alarms = [(finding.key, finding.values["value"]) for finding in loud.findings if finding.alarm]
    assert alarms and {key for key, _ in alarms} <= {"audit_scores.higher", "audit_scores.lower"}
    calm = select_measures.look(studio, snapshot, sets["rule_quality"]).groups
    assert not [finding for finding in calm.findings if finding.alarm]


def test_undefined_everywhere_and_all_the_same(scored):
    studio, snapshot = scored
    made = snapshot.snapshot_id
    put(studio, made, "fluency", np.full(200, np.nan), {"language": "en"})
    put(studio, made, "rule_quality", np.full(200, 0.5), {"language": "en"})
    state = select_scores.state(studio, made, TARGETS)
    sets = {item.measure: item for item in state.sets}
    none = select_measures.look(studio, snapshot, sets["fluency"])
    assert (none.spread.n, none.spread.n_undefined, none.best) == (0, 200, ())
    same = select_measures.look(studio, snapshot, sets["rule_quality"])
    assert same.spread.points.tolist() == [0.5] and len(same.best) == 5
    both = select_measures.together(studio, snapshot, state)
    assert np.isnan(both.with_length("rule_quality").rho) and both.with_length("fluency").n == 0
