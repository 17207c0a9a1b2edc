"""Every audit of the catalogue, on every awkward corpus: no exception, and every sentence can be said."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from studio import audits, words
from studio.audits import AUDITS
from studio.audits.context import Context
from studio.lexicons import builtin
from studio.records import AuditResult, Condition, Knn

CHINESE = ["账单 重复扣费", "密码忘了怎么办", "辛苦帮忙查一下"]
TIMES = ("2024-01-05", "2024-02-05T10:00:00", "1709683200", "2024/04/06", "", "not a time", "2024年6月7日")
LEXICON = builtin("en")
PEOPLE = ["She hates {label} <b>work</b>", "he loves his *job*", "a Muslim and a Christian man [x](y)", "old {n} woman"]
HOSTILE = [
    "",
    "   ",
    "a\x00b",
    "😀😀😀 🎉",
    "密码错误，请帮忙",
    "<b>x</b> {n} %s",
    "e\u0301 \u202e",
    "NaN",
    "plain words here",
]


def ring_knn(n, k=6):
    """Neighbours i+1 .. i+k on a ring, at growing distance."""
    k = min(k, max(n - 1, 0))
    indices = (np.arange(n)[:, None] + np.arange(1, k + 1)[None, :]) % max(n, 1)
    return Knn(indices.astype(np.int32), np.tile(np.linspace(0.1, 0.3, k, dtype=np.float32), (n, 1)))


def full_context(n):
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(n, 4)).astype(np.float32)
    return Context(
        groups=("g", "h"),
        reference={"g": {"a": 0.5, "b": 0.3, "never seen": 0.2}},
        families=np.arange(n) // 2,
        exact=np.arange(n),
        embeddings=vectors,
        knn=ring_knn(n),
        clusters=np.arange(n) % 3 - 1,
        cluster_names={0: "refund {n}", 1: "login"},
        lexicon=LEXICON,
    )


def corpus(n, texts=None, labels=("x", "y", "z"), groups=("a", "b"), others=("u", "v")):
    def cycle(values):
        return [values[i % len(values)] for i in range(n)]

    return pd.DataFrame(
        {
            "example_id": np.arange(100, 100 + n),
            "text": cycle(texts or HOSTILE),
            "label": cycle(labels),
            "group_g": cycle(groups),
            "group_h": cycle(others),
        }
    )


def with_facts(frame, sources=("s1", "{s2}", None), languages=("en", "zh"), times=TIMES):
    """The corpus with source, language and time columns, cycled at different lengths so that they cross."""
    n = len(frame)
    columns = {"source": (sources, 1), "language": (languages, 2), "time": (times, 1)}
    return frame.assign(**{name: [values[i // step % len(values)] for i in range(n)]
                           for name, (values, step) in columns.items()})  # fmt: skip


def several(frame, labels):
    """The corpus with several labels an example, cycled, and no column of one label."""
    return frame.drop(columns="label").assign(labels=[labels[i % len(labels)] for i in range(len(frame))])


CORPORA = {
    "no example": corpus(0),
    "one example": corpus(1),
    "two examples": corpus(2),
    "hostile text": corpus(90),
    "one label": corpus(60, labels=("x",)),
    "one group": corpus(60, groups=("a",), others=("u",)),
    "nothing labelled": corpus(60, labels=(None,)),
    "all missing": corpus(60, texts=[None], labels=(None,), groups=(None,), others=(math.nan,)),
    "missing as NaN": corpus(60, labels=("x", math.nan, "y"), groups=("a", math.nan, None)),
    "Chinese": corpus(120, texts=CHINESE, labels=("账单", "密码"), groups=("女", "男")),
    "hostile names": corpus(200, labels=("{label}", "<i>", "a\x00b"), groups=("{value}", "*b*"), others=("", "[x](y)")),
    "every label once": corpus(40, labels=tuple(f"l{i}" for i in range(40))),
    "people": corpus(400, texts=PEOPLE),
    "all the same": corpus(80, texts=["same text"], labels=("x", "y")),
    "not text": corpus(30, texts=[1, 2.5], labels=(0, 1), groups=(3, 4)),
    "facts": with_facts(corpus(300, groups=("a", "b", None), others=tuple("uvw"))),
    "one fact each": with_facts(corpus(60), sources=("s",), languages=("en",), times=("2024-01-01",)),
    "no fact at all": with_facts(corpus(60), sources=(None,), languages=(math.nan,), times=(None,)),
    "facts of one example": with_facts(corpus(1)),
    "unreadable times": with_facts(corpus(80), times=("3/4/2024", "yesterday", "{time}", "2024-13-45")),
    "several labels": several(corpus(300, texts=PEOPLE), ('["x","y"]', '["y"]', "[]", '["x","z"]', '["z"]', None)),
    "several, as lists": several(with_facts(corpus(240)), (["x", "y"], ("y",), [], ["z", "z", ""], None, ["x"])),
    "several, hostile": several(corpus(200), ('["{label}","<i>"]', '["a\\u0000b"]', "[x](y)", "{}", "null", "  ")),
    "several, one name": several(corpus(120), ('["x"]', "[]")),
    "several, always all": several(corpus(120), ('["x","y"]',)),
    "several, none of them": several(corpus(120), ("[]",)),
    "a source and an author each": with_facts(corpus(90, others=tuple(f"w{i}" for i in range(45))),
                                              sources=tuple(f"s{i}" for i in range(40))),
}  # fmt: skip


def every_result():
    for name, frame in CORPORA.items():
        for bare in (False, True):
            context = Context() if bare else full_context(len(frame))
            for audit in AUDITS:
                yield pytest.param(audit, frame, context, id=f"{audit.name}, {name}{', bare' if bare else ''}")


@pytest.mark.parametrize(("audit", "frame", "context"), list(every_result()))
def test_awkward_corpora_give_findings_or_a_note(audit, frame, context):
    before = frame.copy(deep=True)
    result = audits.run(audit, frame, context)
    pd.testing.assert_frame_equal(frame, before)
    assert isinstance(result, AuditResult)
    assert result.audit == audit.name
    assert isinstance(result.table, pd.DataFrame)
    assert result.findings or result.notes
    for note in result.notes:
        assert note in words.catalogue("en") and note in words.catalogue("zh"), note
    for finding in result.findings:
        check_finding(finding, audit, frame)


def check_finding(finding, audit, frame):
    assert finding.audit == audit.name
    for language in words.LANGUAGES:
        assert finding.key in words.catalogue(language), finding.key
        assert words.t(finding.key, lang=language, **finding.values).strip()
    assert math.isfinite(finding.estimate)
    for value in (finding.low, finding.high, finding.p, finding.q, finding.smallest_effect):
        assert value is None or math.isfinite(value), finding
    if finding.low is not None:
        assert finding.low <= finding.estimate + 1e-9 <= finding.high + 2e-9, finding
    if finding.alarm and audit.name != "topics":
        assert finding.q is not None and finding.q < 0.05 and finding.threshold is not None
    assert set(finding.example_ids) <= set(frame.example_id)
    for value in finding.values.values():
        assert isinstance(value, str | int) or math.isfinite(value), finding.values


@pytest.mark.parametrize("audit", AUDITS, ids=lambda audit: audit.name)
def test_same_corpus_gives_the_same_findings(audit):
    frame, context = CORPORA["hostile text"], full_context(90)
    first, second = audits.run(audit, frame, context), audits.run(audit, frame, context)
    assert first.findings == second.findings
    pd.testing.assert_frame_equal(first.table, second.table)


@pytest.mark.parametrize("audit", [a for a in AUDITS if a.name not in ("noise", "duplicates")], ids=lambda a: a.name)
@pytest.mark.parametrize("name", ["missing as NaN", "several labels"])
def test_the_order_of_the_examples_does_not_matter(audit, name):
    frame, n = CORPORA[name], len(CORPORA[name])
    context, order = full_context(n), np.random.default_rng(3).permutation(n)
    moved = replace(context, families=context.families[order], clusters=context.clusters[order], knn=None)
    first = audits.run(audit, frame, replace(context, knn=None))
    second = audits.run(audit, frame.iloc[order].reset_index(drop=True), moved)
    for one, other in zip(first.findings, second.findings, strict=True):
        assert one.key == other.key
        assert one.estimate == pytest.approx(other.estimate)


@pytest.mark.parametrize("name", ["people", "facts", "hostile names", "missing as NaN", "every label once"])
@pytest.mark.parametrize("audit", AUDITS, ids=lambda audit: audit.name)
def test_lists_of_one_label_each_say_what_one_label_says(audit, name):
    frame, context = CORPORA[name], full_context(len(CORPORA[name]))
    names = [None if label is None or label != label else str(label) for label in frame.label]
    listed = several(frame, [None if label is None else [label] for label in names])
    first, second = audits.run(audit, frame, context), audits.run(audit, listed, context)
    pd.testing.assert_frame_equal(first.table, second.table)
    assert first.notes == second.notes
    for one, other in zip(first.findings, second.findings, strict=True):
        clauses = tuple(Condition("labels", "has", c.value) if c.column == "label" else c for c in one.examples)
        assert replace(one, examples=clauses) == other


def test_names_are_unique_and_titled_in_both_languages():
    assert len({audit.name for audit in AUDITS}) == len(AUDITS)
    for audit in AUDITS:
        assert audit.name.isidentifier()
        for language in words.LANGUAGES:
            assert audit.title in words.catalogue(language)
            assert f"audit.about.{audit.name}" in words.catalogue(language)


def test_every_sentence_of_the_audits_has_the_same_fields_in_both_languages():
    import string

    for key, english in words.catalogue("en").items():
        if key.split(".")[0] in ("audit", "diversity"):
            fields = [{f for _, f, _, _ in string.Formatter().parse(s) if f}
                      for s in (english, words.catalogue("zh")[key])]  # fmt: skip
            assert fields[0] == fields[1], key
