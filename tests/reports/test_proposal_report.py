"""The file of a proposal: whole in both languages, nothing of it markup or script, readable without anything else."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from studio.reports import recipe, svg
from studio.reports.proposal import (
    ProposalReport,
    benefit_lines,
    group_rows,
    groups_about,
    person,
    to_html,
    verdict,
    why,
)
from studio.reports.said import part, reason, sentence

EVIL = (
    "<script>alert('x')</script><img src=x onerror=alert(1)> **b** [a](javascript:alert(1)) $x$ 🙂 中文 \x00\u202e&amp;"
)
LANGUAGES = ("en", "zh")


def group(column, key, pool, picked, word, small=False):
    return {
        "column": column, "key": key, "pool": pool, "picked": picked, "pool_share": pool / 400, "share": picked / 40,
        "expected": pool / 10, "low": 1, "high": 9, "low_share": 0.025, "high_share": 0.225, "p": 0.01, "q": 0.02,
        "verdict": word, "is_small": small,
    }  # fmt: skip


CONTENT = {
    "version": 1, "recipe": {"version": 1, "strategy": "weighted_sum", "weights": {"quality": 100}, "seed": 3,
                             "odd": EVIL}, "recipe_hash": "r" * 64, "ids_hash": "i" * 64, "snapshot": "s",
    "strategy": "weighted_sum", "seed": 3, "budget": 40, "n": 40, "n_pool": 400, "draws": 199,
    "groups": [group("group_gender", "", 200, 4, "fewer"), group("group_gender", EVIL, 30, 9, "within", True),
               group("cluster", "a", 100, 20, "more")],
    "variety": {name: {"value": 0.5, "mean": 0.4, "low": 0.3, "high": 0.45, "p": 0.01, "draws": 199,
                       "verdict": "higher"} for name in ("distance", "vendi")},
    "proof": None, "verdict": [part("verdict.groups.fewer", percent=80, column="group_gender", key="", picked=4,
                                    expected=20),
                               part("verdict.variety.within"), part("verdict.proof.untested")],
    "map": {"map_id": "m", "grid": [[0, 3], [4, 393]], "points": [[0, 0], [1000, 1000]], "n_points": 40, "n_pool": 400,
            "names": [[500, 500, EVIL]], "trustworthiness": 0.9},
    "examples": {"seed": 5, "near_of": 40, "near_by": "score",
                 "in": [{"id": 7, "place": 1, "score": 0.75, "reason": "top_score"},
                        {"id": 8, "place": 2, "score": None, "reason": None}],
                 "near": [{"id": 9, "place": None, "score": 0.5, "reason": f"cap:group_x:{EVIL}"}]},
    "cost": {"characters": 12_345, "words": 2_345, "n_durations": 40, "pace": {
        "seconds": 6.0, "minutes": 4.0, "low": 3.0, "high": 5.0, "labels": 40, "pauses": 2}},
    "limits": [part("proposal.limit.views", views=["difficulty"]), part("proposal.limit.stale", measures=["fluency"]),
               part("gone.key", x=EVIL)],
    "state": {},
}  # fmt: skip


def report(**changed) -> ProposalReport:
    given = {
        "name": EVIL, "purpose": f"{EVIL}\nsecond line", "known_limits": EVIL, "corpus": EVIL, "snapshot_id": "s",
        "selection_id": "sel", "content_hash": "c" * 64, "content": CONTENT, "state": "approved", "by": EVIL,
        "at": "then", "stale": [part("proposal.stale.version", name=EVIL, n=3)],
        "decisions": [{"kind": "approve", "note": EVIL, "by": EVIL, "when": "then", "stale": [
            part("proposal.stale.splits")]}],
        "comments": [{"example_id": 7, "body": EVIL, "by": EVIL, "when": "then"},
                     {"example_id": None, "body": "x" * 200_000, "by": "b", "when": "then"}],
        "rounds": [{"number": 1, "name": EVIL, "labels": 30, "accuracy": 0.5, "openings": 1}],
        "texts": {7: EVIL, 9: "字" * 200_000}, "previous": EVIL, "has_next": True, "made_at": "now", "made_by": EVIL,
    }  # fmt: skip
    return ProposalReport(**(given | changed))


class Tags(HTMLParser):
    """Which tags and attributes there are, and whether they close."""

    VOID = ("meta", "br")

    def __init__(self) -> None:
        super().__init__()
        self.open, self.seen, self.names = [], set(), set()

    def handle_starttag(self, tag, attrs):
        self.seen.add(tag)
        self.names |= {name for name, _ in attrs}
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.seen.add(tag)
        self.names |= {name for name, _ in attrs}

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.mark.parametrize("lang", LANGUAGES)
def test_hostile_words_are_characters_and_nothing_is_fetched(lang):
    page = to_html(report(), lang=lang)
    tags = Tags()
    tags.feed(page)
    assert tags.open == []
    assert not tags.seen & {"script", "img", "a", "iframe", "link", "object", "form", "b"}
    assert not {name for name in tags.names if name.startswith("on")} | tags.names & {"src", "href", "style"}
    assert "default-src 'none'" in page and "&lt;script&gt;" in page
    assert "\x00" not in page and "\u202e" not in page and "@media print" in page
    assert "http" not in re.sub(r"<style>.*</style>", "", page).replace("http-equiv", "")


@pytest.mark.parametrize("lang", LANGUAGES)
def test_everything_a_reviewer_needs_is_in_it(lang):
    page = to_html(report(), lang=lang)
    for piece in ("12,345", "2,345", "6.0", "199", "sha256 " + "i" * 64, "second line", "0.750", "🙂", "svg"):
        assert piece in page, piece
    assert len(re.findall(r"proposal\.[a-z_]+\.[a-z_]+", page)) == 0
    assert f"{200_000 - 2_000:,}" in page  # of the long example, the beginning and how much is missing
    assert page.count("x" * 1_000) >= 100  # a comment is not cut
    shown = re.search(r'<html lang="(..)">', page).group(1)
    assert shown == lang
    nothing = CONTENT | {"groups": [], "variety": None, "map": None, "limits": [],
                         "examples": {"seed": 5, "in": [], "near": [], "near_of": 0, "near_by": "none"},
                         "cost": CONTENT["cost"] | {"pace": None}}  # fmt: skip
    bare = to_html(report(content=nothing, stale=(), decisions=(), comments=(), rounds=(), texts={}, known_limits=""),
                   lang=lang)  # fmt: skip
    Tags().feed(bare)
    assert "NaN" not in bare and "None" not in bare


def test_the_sentence_and_the_reasons_in_words():
    assert verdict(CONTENT, lang="en") == (
        "Picks 80 % fewer “(no value)” (gender) than chance would, 4 instead of about 20; as varied as a random draw; "
        "not tested yet whether it helps."
    )
    assert why(CONTENT["examples"]["in"][0], lang="en") == "among the best scores · place 1 · score 0.750"
    assert why(CONTENT["examples"]["in"][1], lang="en") == "place 2"
    assert reason("near_duplicate_of:12", lang="en") == "nearly the same as number 12"
    assert reason("no_score:quality", lang="en") == "no score for Quality"
    assert reason("sorcery", lang="zh") == "由其他规则选出"
    assert sentence(part("gone.key", n=3)) == "gone.key {'n': 3}"
    assert person("Ann", False, lang="en") == "Ann (name not checked)" and person("Ann", True) == "Ann"
    proof = {"said": [part("verdict.proof.same", held=9)], "verdict": "same"}
    assert (
        benefit_lines(CONTENT | {"proof": proof}, lang="en")[-1]
        == "no gain over random draws shown on 9 labelled examples"
    )


def test_people_come_before_clusters_and_clusters_outside_the_band_first():
    many = [group("cluster", f"c{n}", n + 1, 1, "within") for n in range(30)] + [group("cluster", "x", 1, 9, "more")]
    found = group_rows({"groups": [*many, group("group_z", "a", 5, 1, "within"), group("group_z", "b", 9, 1, "fewer")]})
    assert list(found) == ["group_z", "cluster"]
    assert [row["key"] for row in found["group_z"][0]] == ["b", "a"]
    rows, more = found["cluster"]
    assert (rows[0]["key"], rows[1]["key"], len(rows), more) == ("x", "c29", 24, 7)


def test_bands_and_density_are_drawn_to_scale():
    drawn = svg.bands([{"label": "<b>", "share": 0.5, "low": 0.25, "high": 0.5, "pool": 0.25, "text": "50%",
                        "kind": "more", "faint": False}], title="t")  # fmt: skip
    room = svg.WIDTH - svg.LABEL_PX - svg.NUMBER_PX - 12
    assert f'<rect class="band" x="{svg.LABEL_PX + room / 2:.1f}"' in drawn and f'width="{room / 2:.1f}"' in drawn
    assert "&lt;b&gt;" in drawn and 'class="warn"' in drawn
    picture = svg.density([[0, 1], [4, 0]], [[0, 0], [10, 10]], [(5, 5, "<i>"), (5, 5, "hidden")], title="t", places=10)
    assert picture.count('class="cell"') == 2 and picture.count('class="pick"') == 2
    # corners: left bottom and right top of the frame with its margin of 10
    assert 'cx="10.0" cy="410.0"' in picture and f'cx="{svg.WIDTH - 10:.1f}" cy="10.0"' in picture
    # shades: 0.12 + 0.55 * sqrt(1 / 4) and 0.12 + 0.55
    assert 'fill-opacity="0.40"' in picture and 'fill-opacity="0.67"' in picture
    assert "&lt;i&gt;" in picture and "hidden" not in picture
    assert svg.density([], [], [], title="t", places=10).startswith("<svg")


def test_a_decision_nobody_checked_is_called_so_below_it():
    for checked, n in ((False, 1), (True, 0)):
        decided = [{"kind": "approve", "note": "", "by": "Ben", "when": "then", "stale": (), "is_checked": checked}]
        page = to_html(report(decisions=decided), lang="en")
        assert page.count("Nobody checked who decided") == n
    assert "Nobody checked who decided" not in to_html(report(decisions=()), lang="en")


def test_a_round_tells_what_its_test_split_showed_and_under_what_it_was_opened():
    rounds = [{"number": 1, "name": "a", "labels": 30, "accuracy": 0.5, "openings": 1, "test": f"Opened. {EVIL}"},
              {"number": 2, "name": "b", "labels": 9, "accuracy": 0.5, "openings": 0, "test": ""}]  # fmt: skip
    page = to_html(report(rounds=rounds), lang="en")
    assert page.count("Opened. ") == 1 and EVIL not in page


def test_a_quota_is_told_as_the_slider_says_it_and_the_column_of_the_alarm_comes_first():
    """The slider at 0.2 was "to the power 0.8" in the proposal; the page opened on a column that nobody had named."""
    told = recipe.lines({"alpha": 0.8, "quotas": {"group_gender": 1.0}, "strategy": "weighted_sum"}, lang="en")
    assert any("evenness 0.2 (0 = as large as its share of the pool" in line for line in told)
    assert any(line.startswith("gender: every group has a quota, shared out with evenness 0 (") for line in told)
    calm, loud = group("group_a", "x", 60, 5, "within"), group("group_z", "y", 60, 5, "fewer")
    pale = {**group("group_b", "z", 20, 5, "more"), "is_small": True}
    assert list(group_rows({"groups": [calm, pale, loud]})) == ["group_z", "group_a", "group_b"]


def test_chance_under_limits_is_not_called_a_free_draw():
    assert "under the same limits" in groups_about({"draws": 0, "is_limited": True}, "en")
    assert "under the same limits" in groups_about({"draws": 199, "is_limited": True}, "en")
    assert "limits" not in groups_about({"draws": 0}, "en")
