"""Need first: hits from two rankings over several corpora, against chance, and frozen as a corpus of their own."""

from __future__ import annotations

import random

import numpy as np
import pytest

from studio.corpus import matching
from studio.errors import CorpusError
from studio.records import Actor
from studio.settings import Settings, Workspace
from studio.store import corpora as corpus_rows
from studio.store import examples, lineage, snapshots, splits
from studio.workflows import explore, find, find_freeze, purge
from studio.workflows.studio import open_studio
from tests.jobs.harness import kill_workers
from tests.workflows.test_purge import bring, wait

ADMIN = Actor("tester", "admin")
THEMES = {
    "card": "payment declined shop terminal refused paying checkout",
    "rate": "exchange euro dollar convert abroad currency conversion",
    "phone": "lost stolen number changed new device handset",
}


def corpus_text(seed: int, n: int = 150) -> str:
    rng = random.Random(seed)
    rows = ["text,label,region"]
    for i in range(n):
        label = list(THEMES)[i % 3]
        rows.append(f"{' '.join(rng.sample(THEMES[label].split(), 4))} {seed}{i},{label},{'NS'[i % 2]}")
    return "\n".join(rows) + "\n"


@pytest.fixture(scope="module")
def studio(tmp_path_factory):
    opened = open_studio(Settings(Workspace(tmp_path_factory.mktemp("find") / "workspace"), device="cpu"))
    yield opened
    opened.close()
    kill_workers(opened.workspace)


@pytest.fixture(scope="module")
def two(studio):
    """Two corpora, the first embedded (lexical), the second not."""
    first, second = bring(studio, corpus_text(1), "First"), bring(studio, corpus_text(2), "Second")
    wait(studio, explore.embed(studio, ADMIN, snapshot_id=first, encoder="lexical", k=10))
    return first, second


NEED = find.Need("currency exchange abroad", ("convert euro to dollar",), ("lost my handset",), budget=30)


def test_both_rankings_find_the_theme_and_say_how(studio, two):
    found = find.search(studio, NEED)
    assert len(found.hits) == 30 and found.n_pool == 300
    assert found.unembedded == ("Second",) and found.encoders == ("lexical@1",)
    truth = [examples.by_ids(studio.store, s, [i], ("label",), reveal=True)["label"].iloc[0]
             for s, i in zip(found.hits["snapshot_id"], found.hits["example_id"], strict=True)]  # fmt: skip
    assert np.mean(np.array(truth) == "rate") > 0.9  # a third of the corpora is about rates
    first, second = (found.hits[found.hits["corpus"] == name] for name in ("First", "Second"))
    assert len(first) and len(second)
    assert (first["rank_meaning"] > 0).any() and (second["rank_meaning"] == 0).all() and second["cosine"].isna().all()
    assert (first["nearest"] == 0).all() and set(found.hits.iloc[0]["terms"]) <= set(matching.query_terms(*NEED_TEXTS))
    assert found.hits["key"].is_unique and found.hits["score"].is_monotonic_decreasing


NEED_TEXTS = (NEED.description, NEED.likes, NEED.unlikes)


def test_the_same_question_gives_the_same_hits(studio, two):
    assert find.search(studio, NEED).hits["key"].tolist() == find.search(studio, NEED).hits["key"].tolist()


def test_words_alone_need_no_vectors_and_meaning_alone_no_words(studio, two):
    words = find.search(studio, find.Need("handset", snapshot_ids=(two[1],), by="words", budget=10))
    assert all("handset" in text for text in words.hits["text"]) and words.encoders == ()
    meaning = find.search(studio, find.Need("exchange euro currency", by="meaning", budget=10))
    assert set(meaning.hits["corpus"]) == {"First"} and meaning.terms == {}
    strict = find.search(studio, find.Need("exchange euro currency", by="meaning", budget=200, least_cosine=0.5))
    assert 0 < len(strict.hits) < 150 and strict.hits["cosine"].min() >= 0.5


def test_hits_are_held_against_chance(studio, two):
    found = find.search(studio, NEED)
    table = find_freeze.compare(studio, found)
    rate = table[(table["attribute"] == "label") & (table["value"] == "rate")].iloc[0]
    assert rate["verdict"] == "more" and rate["share"] > rate["high_share"] > rate["base_share"]
    assert set(table["attribute"]) == {"corpus", "label", "region"}
    corpora = table[table["attribute"] == "corpus"]
    assert corpora["n_hits"].sum() == 30 and corpora["n_all"].sum() == 300
    beside = find.random_beside(studio, found)
    assert len(beside) == 30
    assert beside.equals(find.random_beside(studio, found))


def test_hits_become_a_corpus_that_knows_where_it_is_from(studio, two):
    found = find.search(studio, NEED)
    keys = found.hits["key"].tolist()[1:]  # one was struck off
    run_id = find.new_id()
    assert find_freeze.freeze(studio, ADMIN, need=NEED, keys=keys, name="Rates", run_id=run_id) == run_id
    assert find_freeze.freeze(studio, ADMIN, need=NEED, keys=keys, name="Rates", run_id=run_id) == run_id
    wait(studio, run_id)
    made = snapshots.require(studio.store, find_freeze.outcome(studio, run_id))
    assert (made.n_examples, made.name, made.groups, made.task) == (29, "Rates", ("region",), "classification")
    assert sum(splits.counts(studio.store, made.snapshot_id).values()) == 29
    assert lineage.versions(studio.store, made.corpus_id)[0].method == "find"
    assert made.manifest["lineage"]["query"]["description"] == NEED.description
    assert sum(source["n"] for source in made.manifest["lineage"]["sources"]) == 29
    row = examples.frame(studio.store, made.snapshot_id, ("text", "meta", "label"), limit=1, reveal=True).iloc[0]
    source, number = keys[0].split(":")
    before = examples.by_ids(studio.store, source, [int(number)], ("text", "label"), reveal=True).iloc[0]
    assert (row["text"], row["label"]) == (before["text"], before["label"])
    assert f'"from_example": {number}' in row["meta"] and f'"from_snapshot": "{source}"' in row["meta"]
    assert corpus_rows.get(studio.store, made.corpus_id)["next_example_id"] == 29
    # removing the source row takes the copy along
    target = purge.Target("example", snapshots.require(studio.store, source).corpus_id, (int(number),))
    assert purge.plan(studio, target).n_examples >= 2
    target = purge.Target("example", target.corpus_id, target.example_ids, copies=False)
    assert purge.plan(studio, target).n_examples == 1


@pytest.mark.parametrize(
    ("need", "error"),
    [
        (find.Need(" "), "nothing to look for"),
        (find.Need("x", budget=0), "out of range"),
        (find.Need("x", by="magic"), "no such way"),
        (find.Need("x", likes=("y",) * 201), "too many examples"),
        (find.Need("x", snapshot_ids=("nope",)), "not known"),
    ],
)
def test_bad_needs_are_refused(studio, two, need, error):
    with pytest.raises(CorpusError, match=error):
        find.search(studio, need)


def test_no_hit_is_an_answer_and_cannot_be_frozen(studio, two):
    found = find.search(studio, find.Need("zzzunknownword", by="words"))
    assert found.hits.empty and find_freeze.compare(studio, found).empty
    with pytest.raises(CorpusError, match="no hit"):
        find_freeze.freeze(studio, ADMIN, need=NEED, keys=[], name="None")
    with pytest.raises(CorpusError, match="no hit of a search"):
        find_freeze.freeze(studio, ADMIN, need=NEED, keys=["abc:1 OR 1=1"], name="None")
    with pytest.raises(CorpusError, match="of that name"):
        find_freeze.freeze(studio, ADMIN, need=NEED, keys=[f"{two[0]}:1"], name="first")
