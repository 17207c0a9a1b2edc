"""The report on a corpus: one file, both languages, nothing fetched, nothing of the corpus taken for HTML."""

import re
from html.parser import HTMLParser

import numpy as np
import pytest

from studio.records import Condition, Finding
from studio.reports.advice import advice, told_once
from studio.reports.corpus import CorpusReport, Picture, Shares, to_html, verdict

EVIL = '<img src=x onerror="alert(1)">&amp;\'{n}'


def odds(label, estimate, low, high):
    values = {"attribute": "region", "value": EVIL, "label": label, "ratio": estimate, "low": low, "high": high,
              "n": 90, "group_n": 400, "share": 0.22, "rest_share": 0.12, "total": 4_000}  # fmt: skip
    return Finding("association", "audit.association.more", values, 4_000, estimate, low, high, unit="odds_ratio",
                   q=1e-6, threshold=1.25, alarm=True, examples=(Condition("group_region", "eq", EVIL),))  # fmt: skip


def copies(rate, low, high):
    values = {"repeats": 240, "n": 4_000, "rate": rate, "low": low, "high": high, "families": 110, "worth": 3_700.0}
    return Finding("duplicates", "audit.duplicates.near", values, 4_000, rate, low, high, unit="share", q=1e-9,
                   threshold=0.01, alarm=True)  # fmt: skip


def calm():
    values = {"attribute": "gender", "tests": 24, "alarms": 0, "v": 0.0, "n": 4_000, "smallest": 1.9}
    return Finding("association", "audit.association.none", values, 4_000, 0.0, unit="cramers_v")


def report(**more):
    rows = [
        {"label": EVIL, "share": 0.1, "low": 0.09, "high": 0.11, "text": "10.0 % · 400", "expected": 0.2},
        {"label": "北方", "share": 0.005, "low": 0.003, "high": 0.008, "text": "0.5 % · 20", "faint": True},
    ]
    x = np.linspace(0, 1, 50)
    given = {
        "name": EVIL, "snapshot_id": "ab12", "language": "en", "n": 4_000, "n_labelled": 3_900, "label_mode": "all",
        "made_at": "2026-11-25", "made_by": EVIL, "computed_at": "2026-11-25 10:00",
        "alarms": [odds("a", 6.0, 1.3, 28.0), copies(0.06, 0.05, 0.07), odds("b", 1.6, 1.5, 1.7)], "calm": [calm()],
        "titles": {"association": "audit.title.association", "duplicates": "audit.title.duplicates"},
        "notes": {"duplicates": ["audit.note.needs_label"]}, "groups": [Shares("region", rows, 3)],
        "labels": Shares("labels", rows), "lengths": ([5, 9, 1], [0.0, 100.0, 200.0, 300.0]),
        "variety": [("Vendi", "12.3", EVIL)], "n_audits": 8, "seed": 7,
        "picture": Picture(x, x, ["#123456"] * 50, [(0.5, 0.5, EVIL)], 4_000, 0.93),
    }  # fmt: skip
    return CorpusReport(**(given | more))


class Tags(HTMLParser):
    """Every tag with its attributes, and that every element is closed in order."""

    VOID = frozenset({"meta", "circle", "rect", "line", "path"})

    def __init__(self):
        super().__init__()
        self.seen, self.open = [], []

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, (tag, self.open)
        self.open.pop()


def test_no_name_turns_the_text_around_or_ends_it():
    rows = [{"label": "a\u202eb\x00c", "share": 0.1, "low": 0.1, "high": 0.1, "text": "1"}]
    page = to_html(report(name="x\u2066y\x00z", groups=[Shares("g\u202e", rows)]), lang="en")
    assert not set(page) & set("\u202e\u2066\x00") and "a b c" in page


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_page_needs_nothing_else_and_takes_nothing_of_the_corpus_for_html(lang):
    text = to_html(report(), lang=lang)
    tags = Tags()
    tags.feed(text)
    assert not tags.open
    names = {tag for tag, _ in tags.seen}
    assert not names & {"script", "img", "link", "iframe", "object", "a"}
    assert not any(name.startswith("on") or name in ("src", "href") for _, attrs in tags.seen for name in attrs)
    assert "url(" not in text and "http" not in text.replace("http-equiv", "")
    assert "&lt;img src=x onerror=&quot;alert(1)&quot;&gt;&amp;amp;" in text
    assert "@media print" in text and f'<html lang="{lang}">' in text


def test_findings_come_by_the_near_end_of_their_interval():
    """Copies: 0.05 / 0.01 = 5 steps; odds 1.5: ln 1.5 / ln 1.25 = 1.8; odds 1.3: 1.2, though 6.0 is the largest."""
    text = to_html(report(), lang="en")
    order = [text.index("nearly repeat another one"), text.index("“b” is commoner"), text.index("“a” is commoner")]
    assert order == sorted(order)


def test_each_finding_says_what_to_do_and_where():
    text = to_html(report(), lang="en")
    assert "Prepare: drop near-copies" in text
    assert "Prepare: split so that training, validation and test keep the same mix of labels and region." in text
    assert "整理" in to_html(report(), lang="zh")


def test_the_same_advice_is_said_once_and_pointed_to():
    """Odds of two labels in one region ask for the same split; copies between them do not."""
    text = to_html(report(), lang="en")
    assert text.count("keep the same mix of labels and region") == 1 and "Prepare: as for no. 2." in text
    every = [odds("a", 6.0, 1.3, 28.0), copies(0.06, 0.05, 0.07), odds("b", 1.6, 1.5, 1.7), copies(0.5, 0.4, 0.6)]
    assert [before for _, before in told_once(every, lang="zh")] == [None, None, 1, 2]
    assert told_once([]) == []


def test_what_was_not_found_is_said_with_what_would_have_been_seen():
    text = to_html(report(), lang="en")
    below = text[text.index("What was checked and did not stand out") :]
    assert "With these counts an odds ratio below 1.9 would be missed." in below
    assert "This check needs labels." in below


@pytest.mark.parametrize(("n", "first"), [(0, "Nothing stands out in 8"), (1, "One thing"), (3, "3 things stand out")])
def test_the_verdict_comes_first_and_counts(n, first):
    of = report(alarms=[copies(0.06, 0.05, 0.07)] * n)
    assert verdict(of, lang="en").startswith(first)
    text = to_html(of, lang="en")
    assert text.index(verdict(of, lang="en")) < text.index("<h2>")


def test_a_bare_corpus_gives_a_short_whole_page():
    text = to_html(report(alarms=[], calm=[], notes={}, groups=[], labels=None, lengths=None, variety=[],
                          picture=None), lang="en")  # fmt: skip
    assert "<svg" not in text and "How to read this" in text
    assert re.search(r"<h2>[^<]*</h2>", text)


def test_a_finding_without_an_act_of_its_own_opens_its_check():
    other = Finding("trends", "audit.trends.rising", {}, 10, 0.1, alarm=True)
    found = advice(other)
    assert (found.page, dict(found.params)) == ("explore", {"view": "inside", "audit": "trends"})
