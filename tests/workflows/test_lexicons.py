"""Identity terms of a corpus as decisions: a list of one's own, struck terms and hits, back to the built-in list."""

from __future__ import annotations

import io

import pytest

from studio import lexicons as lists
from studio.corpus.roles import Roles
from studio.errors import AccessError, CorpusError
from studio.records import Actor
from studio.store import audit_log, snapshots
from studio.store import lexicons as rows
from studio.workflows import audits, corpora, lexicons, runs
from studio.workflows.studio import open_studio

ADMIN = Actor("tester", "admin")
TEXTS = ["a nun sings", "the nun left", "an old school", "his mosque", "nothing"] * 3
MINE = [{"term": "nun", "axis": "religion", "group": "Christian"}, {"term": "school", "axis": "age", "group": "young"}]


@pytest.fixture
def studio(settings):
    opened = open_studio(settings)
    yield opened
    opened.close()


@pytest.fixture
def snapshot(studio):
    text = "text,label\n" + "".join(f"{body} {i},{'ab'[i % 2]}\n" for i, body in enumerate(TEXTS))
    file = corpora.spool(studio, ADMIN, name="people.csv", data=io.BytesIO(text.encode()))
    run_id = corpora.start_import(studio, ADMIN, files=[file], roles=Roles("text", "label"), name="people")
    runs.wait(studio, run_id, 60)
    return snapshots.require(studio.store, corpora.outcome(studio, run_id).snapshot.snapshot_id)


def named(studio, snapshot, axis, value):
    result = audits.run_audits(studio, ADMIN, snapshot_id=snapshot.snapshot_id, names=["mentions"]).results["mentions"]
    table = result.table.set_index(["axis", "value"])
    return int(table.loc[(axis, value), "n"]) if (axis, value) in table.index else None


def test_the_built_in_list_is_in_force_until_somebody_decides(studio, snapshot):
    found = lexicons.standing(studio, snapshot)
    assert (found.is_builtin, found.lexicon, found.changed_at) == (True, lists.builtin("en"), None)
    assert named(studio, snapshot, "religion", "Christian") == 6


def test_a_struck_hit_and_a_struck_term_change_the_check_and_come_back(studio, snapshot):
    given = {"snapshot_id": snapshot.snapshot_id, "term": "nun"}
    hits = lexicons.hits(studio, **given)
    assert hits["found"].tolist() == ["nun"] * 6
    assert (hits["before"].iloc[0], hits["after"].iloc[0]) == ("a ", " sings 0")
    first = int(hits["example_id"].iloc[0])
    assert lexicons.strike_hits(studio, ADMIN, **given, example_ids=[first]) == 1
    assert lexicons.hits(studio, **given)["struck"].tolist() == [True] + [False] * 5
    assert named(studio, snapshot, "religion", "Christian") == 5
    lexicons.strike_term(studio, ADMIN, **given)
    assert lexicons.standing(studio, snapshot).struck_terms == {"nun"}
    assert named(studio, snapshot, "religion", "Christian") == 0
    lexicons.strike_term(studio, ADMIN, **given, struck=False)
    lexicons.strike_hits(studio, ADMIN, **given, example_ids=[first], struck=False)
    assert named(studio, snapshot, "religion", "Christian") == 6


def test_a_term_is_found_whichever_apostrophe_the_text_has(studio):
    text = "text\nhe has Asperger’s\nshe has asperger's\nnobody here\n"
    file = corpora.spool(studio, ADMIN, name="signs.csv", data=io.BytesIO(text.encode()))
    run_id = corpora.start_import(studio, ADMIN, files=[file], roles=Roles("text"), name="signs")
    runs.wait(studio, run_id, 60)
    snapshot_id = corpora.outcome(studio, run_id).snapshot.snapshot_id
    found = lexicons.hits(studio, snapshot_id=snapshot_id, term="asperger's")
    assert found["found"].tolist() == ["Asperger’s", "asperger's"]


def test_a_list_of_ones_own_takes_the_place_and_every_decision_stays_on_record(studio, snapshot):
    sid = snapshot.snapshot_id
    lexicons.strike_term(studio, ADMIN, snapshot_id=sid, term="mosque")
    assert lexicons.set_list(studio, ADMIN, snapshot_id=sid, terms=MINE, note="ours", source="a survey") == 2
    found = lexicons.standing(studio, snapshot)
    assert (found.is_builtin, found.struck_terms, found.lexicon.source) == (False, frozenset(), "a survey")
    assert found.lexicon.reviewer == "tester"
    assert named(studio, snapshot, "age", "young") == 3
    assert named(studio, snapshot, "religion", "Muslim") is None
    lexicons.reset(studio, ADMIN, snapshot_id=sid)
    assert lexicons.in_force(studio, snapshot) == lists.builtin("en")
    kinds = [decision.kind for decision in rows.decisions(studio.store, snapshot.corpus_id, "en")]
    assert kinds == ["strike_term", "list", "reset"]
    assert {"lexicon.set", "lexicon.reset", "lexicon.strike_term"} <= set(audit_log.latest(studio.store)["act"])


def test_a_file_is_read_with_checks(studio, snapshot):
    given = {"snapshot_id": snapshot.snapshot_id, "name": "mine.csv"}
    assert lexicons.set_from_file(studio, ADMIN, **given, data=b"term,axis,group\nnun,religion,Christian\n") == 1
    assert lexicons.standing(studio, snapshot).lexicon.source == "mine.csv"
    with pytest.raises(CorpusError, match="no such axis"):
        lexicons.set_from_file(studio, ADMIN, **given, data=b"term,axis,group\nnun,faith,x\n")
    assert len(lexicons.standing(studio, snapshot).lexicon.terms) == 1


def test_what_is_not_there_cannot_be_struck_and_a_viewer_cannot_decide(studio, snapshot):
    sid = snapshot.snapshot_id
    with pytest.raises(CorpusError, match="no such term"):
        lexicons.strike_term(studio, ADMIN, snapshot_id=sid, term="unicorn")
    with pytest.raises(CorpusError, match="no such example"):
        lexicons.strike_hits(studio, ADMIN, snapshot_id=sid, term="nun", example_ids=[99_999])
    for viewer_act in (
        lambda actor: lexicons.reset(studio, actor, snapshot_id=sid),
        lambda actor: lexicons.strike_term(studio, actor, snapshot_id=sid, term="nun"),
        lambda actor: lexicons.set_list(studio, actor, snapshot_id=sid, terms=MINE),
    ):
        with pytest.raises(AccessError):
            viewer_act(Actor("guest", "viewer"))


def test_two_people_who_save_different_axes_both_keep_their_work_and_the_same_axis_is_refused(studio, snapshot):
    made = snapshot.snapshot_id

    def now(axis):
        return [row for row in lists.to_rows(lexicons.standing(studio, snapshot).listed) if row["axis"] == axis]

    began = {axis: now(axis) for axis in ("religion", "gender")}
    for axis in began:  # both pages were opened before either was saved
        lexicons.set_axis(studio, ADMIN, snapshot_id=made, axis=axis, terms=began[axis][1:], began=began[axis])
    assert now("religion") == began["religion"][1:] and now("gender") == began["gender"][1:]
    with pytest.raises(CorpusError, match="meanwhile"):
        lexicons.set_axis(studio, ADMIN, snapshot_id=made, axis="gender", terms=began["gender"], began=began["gender"])
    assert now("gender") == began["gender"][1:]
