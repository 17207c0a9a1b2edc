"""Stored findings: the newest states stay, a result is parsed once, and what is gone from the database is forgotten."""

import pandas as pd
import pytest

from studio.records import AuditResult
from studio.store import findings


@pytest.fixture
def parsed(monkeypatch):
    """Every text that is parsed, in order."""
    texts, read = [], findings.from_json
    monkeypatch.setattr(findings, "from_json", lambda text: texts.append(text) or read(text))
    return texts


def result(name="balance", n=1):
    return AuditResult(name, (), pd.DataFrame({"n": [n]}))


def put(store, state, n=1, *, snapshot="s", name="balance", version=1, keep=None):
    findings.put(store, snapshot, version, state, result(name, n), keep=keep)


def test_the_newest_states_of_one_audit_stay(store):
    put(store, "other", name="noise")
    put(store, "elsewhere", snapshot="s2")
    put(store, "a", version=0)
    for state in "abcab":
        put(store, state, keep=2)
    assert findings.states(store, "s", "balance", 1, 9) == ["b", "a"]
    assert store.rows("SELECT count(*) FROM finding WHERE version = 0") == [(0,)]
    assert findings.get(store, "s", "noise", 1, "other") and findings.get(store, "s2", "balance", 1, "elsewhere")


def test_nothing_named_leaves_nothing(store):
    put(store, "a")
    put(store, "a", name="noise")
    findings.keep_only(store, "s", 1, ("balance",), ())
    assert store.rows("SELECT audit FROM finding") == [("noise",)]


def test_a_result_is_parsed_once_and_again_when_it_was_written_again(store, parsed):
    put(store, "a", 1)
    put(store, "b", 2)
    wanted = [("balance", "a"), ("balance", "b"), ("balance", "c")]
    for _ in range(3):
        found = findings.get_many(store, "s", 1, wanted)
        assert {place[1]: kept[0].table["n"].tolist() for place, kept in found.items()} == {"a": [1], "b": [2]}
    assert len(parsed) == 2
    put(store, "a", 5)
    assert findings.get(store, "s", "balance", 1, "a")[0].table["n"].tolist() == [5]
    assert len(parsed) == 3


def test_what_one_page_writes_into_a_table_no_other_sees(store):
    put(store, "a", 1)
    table = findings.get(store, "s", "balance", 1, "a")[0].table
    table.loc[0, "n"] = 99
    table["more"] = 0
    again = findings.get(store, "s", "balance", 1, "a")[0].table
    assert again.to_dict("list") == {"n": [1]}


def test_a_result_that_was_removed_is_forgotten_at_the_next_look(store, parsed):
    """A text is removed and all findings with it: they must not stay in memory either."""
    put(store, "a")
    assert findings.get(store, "s", "balance", 1, "a")
    with store.write() as cursor:
        cursor.execute("DELETE FROM finding")
    assert findings.get(store, "s", "noise", 1, "x") is None
    path = str(store.workspace.database)
    assert [key for key in findings._REMEMBERED._kept if key[0] == path] == []
    assert findings.get(store, "s", "balance", 1, "a") is None


def test_what_is_remembered_is_bounded(store, monkeypatch, parsed):
    text = findings.to_json(result())
    monkeypatch.setattr(findings, "REMEMBERED", 2 * len(text))
    for state in "abc":
        put(store, state)
        findings.get(store, "s", "balance", 1, state)
    assert len(parsed) == 3
    findings.get(store, "s", "balance", 1, "c")
    assert len(parsed) == 3
    findings.get(store, "s", "balance", 1, "a")  # the least used one went
    assert len(parsed) == 4
