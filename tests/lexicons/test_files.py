"""A list as a file: what comes in comes out, and every fault in it is said."""

import pytest

from studio.errors import CorpusError
from studio.lexicons import AXES, builtin, of_rows, parse, to_csv

HEAD = "term,axis,group,match,ambiguous,note\n"


def read(text, language="en"):
    return parse(text.encode(), language, source="s", reviewer="r")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_lists_survive_being_written_and_read(language):
    lists = builtin(language)
    assert parse(to_csv(lists).encode(), language, source=lists.source, reviewer=lists.reviewer) == lists
    assert {term.axis for term in lists.terms} == set(AXES)
    assert all(term.note for term in lists.terms if term.is_ambiguous)


def test_short_files_take_what_is_usual_for_the_language():
    english, chinese = (
        read("term,axis,group\nnun,religion,Christian\n"),
        read("term,axis,group\n尼姑,religion,佛教\n", "zh"),
    )
    assert [term.match for term in (*english.terms, *chinese.terms)] == ["word", "substring"]
    assert not english.terms[0].is_ambiguous


def test_a_cell_that_a_spreadsheet_would_run_is_quoted_and_read_back():
    lists = read(HEAD + "'=1+1,age,old,word,yes,'@note\n")
    assert (lists.terms[0].term, lists.terms[0].note) == ("=1+1", "@note")
    assert to_csv(lists).splitlines()[1] == "'=1+1,age,old,word,yes,'@note"


def test_rows_of_an_editor_may_hold_true_false_and_nothing():
    nothing = dict.fromkeys(("term", "axis", "group", "match", "ambiguous", "note"))
    nun = nothing | {"term": "nun", "axis": "religion", "group": "Christian", "ambiguous": True}
    rows = [nun, nothing | {"note": float("nan")}]
    lists = of_rows(rows, "en", source="s", reviewer="r")
    assert [(term.term, term.is_ambiguous, term.note) for term in lists.terms] == [("nun", True, "")]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (HEAD + "nun,religion,Christian,,,\nNun,religion,Christian,,,\n", "stands twice"),
        (HEAD + "non-binary,gender,x,,,\nnon binary,gender,x,,,\n", "stands twice"),
        (HEAD + "nun,faith,Christian,,,\n", "no such axis"),
        (HEAD + "nun,religion,,,,\n", "needs a group"),
        (HEAD + "nun,religion,Christian,fuzzy,,\n", "no such way to match"),
        (HEAD + "nun,religion,Christian,,perhaps,\n", "is yes or no"),
        (HEAD + f"{'x' * 61},religion,Christian,,,\n", "characters on one line"),
        (HEAD + "--,religion,Christian,,,\n", "characters on one line"),
        (HEAD, "columns term, axis and group"),
        ("word,axis\nnun,religion\n", "columns term, axis and group"),
        ("", "columns term, axis and group"),
        (HEAD + ",religion,Christian,,,\n", "needs 1 to"),
    ],
)
def test_a_fault_is_said_with_what_to_do(text, says):
    with pytest.raises(CorpusError, match=says) as caught:
        read(text)
    assert caught.value.fix


def test_bytes_that_are_not_text_are_refused():
    with pytest.raises(CorpusError, match="not UTF-8"):
        parse("term,axis,group\nnun,religion,é\n".encode("latin-1"), "en", source="", reviewer="")
    with pytest.raises(CorpusError, match="too large"):
        parse(b"x" * (1024 * 1024 + 1), "en", source="", reviewer="")
    with pytest.raises(CorpusError, match="in this language"):
        builtin("fr")
