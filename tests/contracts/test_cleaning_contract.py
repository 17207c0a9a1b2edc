"""Every cleaning step keeps the contract: legal record, words, any Unicode, no rows, steady where it says so."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio import words
from studio.corpus import cleaning
from studio.corpus.cleaning.recipe import SUGGESTED
from studio.corpus.cleaning.records import Batch
from studio.errors import CorpusError
from studio.records import Knn

STEPS = cleaning.STEPS
TEXTS = st.text(max_size=60) | st.from_regex(r"[<&@0-9a-z.:/ \n\u4e00-\u4e20-]{0,60}", fullmatch=True)


def batch(texts, labels=None, **more) -> Batch:
    n = len(texts)
    knn = Knn(np.zeros((n, 1), np.int32), np.full((n, 1), 0.5, np.float32)) if n else None
    values = {"ids": np.arange(10, 10 + n), "rows": np.arange(n), "labels": labels or [None] * n, "knn": knn}
    return Batch(texts=list(texts), **values | more)


def name_of(step):
    return step.name


def test_names_are_unique_identifiers_and_groups_known():
    assert len(set(cleaning.NAMES)) == len(STEPS)
    for step in STEPS:
        assert re.fullmatch(r"[a-z][a-z0-9_]*", step.name)
        assert step.kind in ("edit", "drop", "flag") and step.group in cleaning.GROUPS and step.version >= 1
        assert set(step.needs) <= {"labels", "knn"}
    with pytest.raises(CorpusError):
        cleaning.by_name("nope")


@pytest.mark.parametrize("step", STEPS, ids=name_of)
def test_every_word_a_page_needs_is_there(step):
    keys = [step.title, f"clean.help.{step.name}", f"clean.shelf.{step.group}"]
    keys += [f"clean.choice.{choice}" for one in step.parameters if one.kind == "choice" for choice in one.choices]
    assert not [key for key in keys if not words.has(key)]
    for one in step.parameters:
        assert words.has(f"clean.p.{one.name}") or words.has(f"clean.p.{step.name}_{one.name}"), one.name


@pytest.mark.parametrize("step", STEPS, ids=name_of)
def test_defaults_are_inside_the_bounds_and_nonsense_is_refused(step):
    assert step.read({}) == step.defaults()
    with pytest.raises(CorpusError):
        step.read({"no_such_setting": 1})
    for one in step.parameters:
        for wrong in (float("nan"), "x" * 40, None, [], one.high + 1 if one.kind in ("int", "float") else {}):
            with pytest.raises(CorpusError):
                step.read({one.name: wrong})


def reasons_and_texts(step, values, texts):
    outcome = step.apply(batch(texts), values)
    edited = [outcome.editor(text) for text in texts] if outcome.editor else texts
    for position, (reason, detail) in outcome.found.items():
        assert 0 <= position < len(texts) and isinstance(detail, str)
        assert words.has(f"clean.reason.{reason}"), reason
    assert outcome.editor is None or not outcome.found
    return edited, outcome.found


@pytest.mark.parametrize("step", STEPS, ids=name_of)
@settings(max_examples=15, deadline=None)
@given(texts=st.lists(TEXTS, max_size=6))
def test_any_unicode_gives_the_same_answer_twice_and_never_an_exception(step, texts):
    values = step.defaults()
    first, second = (reasons_and_texts(step, values, texts) for _ in range(2))
    assert first == second
    assert all(isinstance(text, str) for text in first[0])
    for text in first[0]:
        text.encode("utf-8", "surrogatepass")


@pytest.mark.parametrize("step", [s for s in STEPS if s.kind == "edit" and s.steady], ids=name_of)
@settings(max_examples=30, deadline=None)
@given(text=TEXTS)
def test_a_steady_edit_changes_nothing_the_second_time(step, text):
    edit = step.apply(batch([text]), step.defaults()).editor
    once = edit(text)
    assert edit(once) == once


@pytest.mark.parametrize("step", STEPS, ids=name_of)
def test_no_row_and_long_rows_pass(step):
    values = step.defaults() | ({"segment": True} if step.name == "words" else {})
    assert reasons_and_texts(step, values, []) == ([], {})
    evil = ["1" * 200_000, "<a " * 60_000, "a@" * 100_000, "1-" * 100_000, "<!--" * 50_000, "\u200d" * 100_000]
    for text in evil if step.name != "words" else evil[:1]:
        reasons_and_texts(step, values, [text])


def test_suggested_lists_hold_advised_steps_only():
    for names in SUGGESTED.values():
        assert all(cleaning.by_name(name).advised for name in names)
