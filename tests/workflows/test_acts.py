"""Every act checks the role first and leaves one audit-log row: done, failed or refused."""

from __future__ import annotations

import json
import pkgutil
from importlib import import_module
from types import SimpleNamespace

import pytest

import studio.workflows as workflows
from studio.errors import AccessError, SelectionError
from studio.records import Actor
from studio.store import audit_log
from studio.workflows.acts import act


@act("test.keep", "analyst")
def keep(studio, actor, *, name, ids=(), fail=False):
    """An act for these tests."""
    if fail:
        raise SelectionError("It cannot be kept", got=name, fix="Use another name.")
    return f"kept {name}"


@pytest.fixture
def studio(store):
    return SimpleNamespace(store=store)


def _log(store):
    rows = audit_log.latest(store)
    return [(row.act, row.outcome, row.actor, json.loads(row.detail)) for row in rows.itertuples()]


def test_a_done_act_is_logged_with_its_arguments_and_result(studio):
    assert keep(studio, Actor("ana", "analyst"), name="first", ids=list(range(50))) == "kept first"
    detail = {"name": "first", "ids": [*range(10), "…"], "result": "kept first"}
    assert _log(studio.store) == [("test.keep", "done", "ana", detail)]


def test_a_failed_act_is_logged_with_its_error(studio):
    with pytest.raises(SelectionError):
        keep(studio, Actor("ana", "analyst"), name="second", fail=True)
    (entry,) = _log(studio.store)
    assert entry[1] == "failed"
    assert "It cannot be kept" in entry[3]["error"]


def test_a_refused_act_does_nothing_and_is_logged(studio):
    with pytest.raises(AccessError):
        keep(studio, Actor("vic", "viewer"), name="third")
    assert _log(studio.store)[0][1] == "refused"


def test_corpus_text_never_reaches_the_log_at_length(studio):
    keep(studio, Actor("ana", "analyst"), name="x" * 5000)
    assert len(_log(studio.store)[0][3]["name"]) == 120


def test_every_public_workflow_that_takes_an_actor_is_an_act():
    bare = []
    for module in pkgutil.iter_modules(workflows.__path__, "studio.workflows."):
        loaded = import_module(module.name)
        for name, value in vars(loaded).items():
            if name.startswith("_") or not callable(value) or getattr(value, "__module__", "") != loaded.__name__:
                continue
            parameters = getattr(getattr(value, "__code__", None), "co_varnames", ())[:2]
            if tuple(parameters) == ("studio", "actor") and not hasattr(value, "act_name"):
                bare.append(f"{module.name}.{name}")
    assert bare == []
