"""Diversity acts: small ones at once, runs, kept by state, two sets of one and of two snapshots, purge-safe inputs."""

import json
import sys
import time
from dataclasses import replace

import numpy as np
import pytest

from studio.cli.main import main
from studio.corpus.schema import write_snapshot
from studio.diversity import DIVERSITY
from studio.errors import AccessError, CorpusError, MeasureError
from studio.records import Actor
from studio.store import corpora, slices, snapshots, vectors
from studio.workflows import diversity as acts
from studio.workflows import diversity_sides as sides
from studio.workflows import runs
from tests.workflows import small_corpus

ACTOR = Actor("tester", "admin")


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("diversity")


@pytest.fixture(scope="module")
def opened(home):
    from studio import settings
    from studio.workflows.studio import open_studio

    studio = open_studio(settings.from_environment(workspace=home))
    yield studio
    studio.close()


@pytest.fixture(scope="module")
def snapshot_id(opened):
    return small_corpus.make(opened.store, n=300)


def embed(opened, snapshot_id, *, seed=0, encoder="static", dim=16):
    """Vectors of four kinds, by label, as an embedding run would leave them."""
    n = snapshots.require(opened.store, snapshot_id).n_examples
    rng = np.random.default_rng(seed)
    matrix = np.eye(4, dim)[np.arange(n) % 4] + rng.normal(scale=0.2, size=(n, dim))
    matrix = (matrix / np.linalg.norm(matrix, axis=1, keepdims=True)).astype(np.float32)
    place = opened.workspace.vectors_dir(snapshot_id, f"{encoder}@1")
    place.mkdir(parents=True, exist_ok=True)
    np.save(place / "vectors.npy", matrix)
    meta = {"encoder": encoder, "version": 1, "dim": dim, "n": n, "k": 0, "unknown_share": 0.0,
            "content_hash": f"{snapshot_id}-{seed}"}  # fmt: skip
    vectors.put(opened.store, snapshot_id, meta, path=str(place.relative_to(opened.workspace.root)), run_id=None)


def other_snapshot(opened, *, n=200, start=1, texts="weather report"):
    """A second corpus with texts of its own."""
    rows = [{"example_id": start + i, "text": f"{texts} {i} of the day {i % 7}", "language": "en"} for i in range(n)]
    manifest = write_snapshot(rows, opened.workspace.snapshots, language="en")
    made = str(manifest["snapshot_id"])
    corpora.add(opened.store, corpus_id=f"c{made}", name="Weather", language="en", task="masked_lm", by="tester")
    snapshots.add(opened.store, manifest, corpus_id=f"c{made}", name="Weather", by="tester")
    return made


def done(opened, run_id):
    status = runs.wait(opened, run_id, 120)
    assert status.state == "done", (status.reason, status.message)


def compared(opened, a, b, **more):
    done(opened, acts.compare(opened, ACTOR, a=a, b=b, **more))
    return acts.compared(opened, a=a, b=b, **more)


# --- a whole snapshot -------------------------------------------------------------------------------------------------
def test_a_small_snapshot_is_measured_at_once_and_kept(opened, snapshot_id):
    assert acts.kept(opened, snapshot_id=snapshot_id) is None
    table = acts.measure(opened, ACTOR, snapshot_id=snapshot_id).set_index("name")
    assert set(table.index) == {one.name for one in DIVERSITY if "reference" not in one.needs}
    assert table.loc["vendi", "reason"] == "no_vectors" and np.isnan(table.loc["vendi", "value"])
    assert table.loc["repeats", "value"] == 0.0 and table.loc["near_copies", "reason"] == ""
    assert table.loc["length", "value"] == 8.0  # three words of the label, three of any, please and a number
    kept = acts.kept(opened, snapshot_id=snapshot_id).set_index("name")
    assert kept["value"].equals(table["value"]) and kept["values"].equals(table["values"])


def test_a_run_gives_what_is_measured_at_once(opened, snapshot_id):
    at_once = acts.measure(opened, ACTOR, snapshot_id=snapshot_id)
    embed(opened, snapshot_id)
    assert acts.kept(opened, snapshot_id=snapshot_id) is None  # vectors are part of the state
    done(opened, acts.start(opened, ACTOR, snapshot_id=snapshot_id))
    by_run = acts.kept(opened, snapshot_id=snapshot_id).set_index("name")
    assert by_run.loc["vendi", "value"] > 3.5 and by_run.loc["vendi", "values"] == {"cap": 16}
    same = at_once.set_index("name")["value"].dropna()
    assert by_run.loc[same.index, "value"].to_numpy() == pytest.approx(same.to_numpy())
    assert not (opened.workspace.cache / "diversity").exists() or not any(
        (opened.workspace.cache / "diversity").iterdir()
    )


# --- two sets of one snapshot -----------------------------------------------------------------------------------------
def test_a_narrow_slice_lies_outside_the_draws_and_the_answer_is_kept(opened, snapshot_id):
    embed(opened, snapshot_id)
    ids = [i for i in range(1, 301) if (i - 1) % 4 == 0][:40]  # one label of four
    name = slices.add_slice(opened.store, snapshot_id, name="Billing", definition={}, example_ids=ids, by="tester")
    a, b = f"snapshot:{snapshot_id}", f"slice:{name}"
    assert acts.compared(opened, a=a, b=b) is None
    found = compared(opened, a, b)
    assert (found.judged, found.size_a, found.size_b, found.size_pool, found.draws) == ("b", 300, 40, 300, 99)
    row = found.table.set_index("name").loc["vendi"]
    assert row.b < row.low < row.middle < row.a and row.higher == 99 and len(row.draws) == 99
    assert acts.is_outside(row.to_dict(), "b")
    said = acts.sentence({**row.to_dict(), "name": "vendi"}, "b", "en")
    assert said == "B is less varied than 99 of 99 random draws of its size."
    assert "99 次" in acts.sentence({**row.to_dict(), "name": "vendi"}, "b", "zh")
    turned = compared(opened, b, a)
    assert turned.judged == "a" and turned.table.set_index("name").loc["vendi"].higher == 99
    other_seed = compared(opened, a, b, seed=5)
    assert other_seed.table["draws"].tolist() != found.table["draws"].tolist()
    assert acts.compared(opened, a=a, b=b).table["draws"].tolist() == found.table["draws"].tolist()


def test_a_selection_can_be_judged(opened, snapshot_id):
    small_corpus.freeze(opened.store, snapshot_id, range(1, 61), selection_id="sel1", name="Sixty")
    assert "selection:sel1" in {side.key for side in sides.listed(opened, snapshots.require(opened.store, snapshot_id))}
    found = compared(opened, f"snapshot:{snapshot_id}", "selection:sel1")
    topics = found.table.set_index("name").loc["vendi"]
    assert found.size_b == 60 and topics.low <= topics.b  # every label in turn is at least as varied as chance


# --- two snapshots ----------------------------------------------------------------------------------------------------
def test_two_corpora_share_a_pool_and_vectors_only_of_one_encoder(opened, snapshot_id):
    embed(opened, snapshot_id)
    second = other_snapshot(opened)
    keys = f"snapshot:{snapshot_id}", f"snapshot:{second}"
    found = compared(opened, *keys).table.set_index("name")
    assert found.loc["vendi", "reason_b"] == "no_vectors"
    assert found.loc["words_apart", "b"] > 0.6 and found.loc["words_apart", "lower"] == 99  # hardly a word in common
    assert found.loc["distinct_1", "b"] == pytest.approx(205 / 1_400)  # 200 numbers and five words, seven a text
    embed(opened, second, seed=1)
    both = compared(opened, *keys)
    assert both.size_pool == 500 and both.judged == "b"
    assert np.isfinite(both.table.set_index("name").loc["coverage", "b"])
    embed(opened, second, seed=2, encoder="lexical")  # fitted on each corpus: no common space
    found = compared(opened, *keys, seed=3).table.set_index("name")
    assert found.loc["vendi", "reason_b"] == "other_space"


def test_a_version_whose_rows_are_all_in_the_other_adds_nothing_to_the_pool(opened, snapshot_id):
    whole = sides._rows(opened, snapshot_id)
    part = sides.Side(f"snapshot:{snapshot_id}", "snapshot", "x", 300, snapshot_id)
    pair = sides.pair(opened, part, replace(part, key="selection:sel1", kind="selection", n=60), 0)
    assert pair.n_pool == len(whole) == 300 and pair.judged == "b"
    assert pair.given["in_b"].sum() == 60 and pair.given["in_a"].all() and not pair.absent


def test_a_large_pool_is_sampled_and_keeps_as_much_of_each_side_as_is_worked_on(opened, snapshot_id, monkeypatch):
    monkeypatch.setattr(sides, "POOL", 100)
    monkeypatch.setattr(sides, "MOST", 20)
    found = [sides.pair(opened, sides.require(opened, f"snapshot:{snapshot_id}"),
                        sides.require(opened, "selection:sel1"), 7) for _ in range(2)]  # fmt: skip
    given = found[0].given
    assert given["drawn"].sum() == 100 and given["in_a"].sum() == given["in_b"].sum() == 20
    assert found[0].n_pool == 300 and found[0].judged == "b"
    assert given.equals(found[1].given)


# --- bad input --------------------------------------------------------------------------------------------------------
def test_bad_keys_and_equal_sides_are_refused(opened, snapshot_id):
    own = f"snapshot:{snapshot_id}"
    for key in ("snapshot:nothing", "selection:x", "slice:x", "", "horoscope:1"):
        with pytest.raises(CorpusError, match="not known"):
            acts.compare(opened, ACTOR, a=own, b=key)
    with pytest.raises(MeasureError, match="same examples"):
        acts.compare(opened, ACTOR, a=own, b=own)
    with pytest.raises(MeasureError, match="out of range"):
        acts.compare(opened, ACTOR, a=own, b="selection:sel1", draws=5)


def test_a_stopped_comparison_leaves_nothing_and_can_be_asked_for_again(opened, snapshot_id, tmp_path, monkeypatch):
    monkeypatch.setenv("STUDIO_TEST_BARRIERS", str(tmp_path))
    (tmp_path / "diversity_draw.hold").touch()
    given = {"a": f"snapshot:{snapshot_id}", "b": "selection:sel1", "seed": 11, "draws": 99}
    run_id = acts.compare(opened, ACTOR, **given)
    assert acts.compare(opened, ACTOR, **given) == run_id  # the one at work
    assert acts.at_work(opened, **given).run_id == run_id
    for _ in range(600):
        if (tmp_path / "diversity_draw.reached").exists():
            break
        time.sleep(0.05)
    runs.cancel(opened, ACTOR, run_id=run_id)
    (tmp_path / "diversity_draw.hold").unlink()
    assert runs.wait(opened, run_id, 60).state == "cancelled"
    assert acts.compared(opened, **given) is None and acts.at_work(opened, **given) is None
    assert acts.last_ended(opened, snapshot_id=snapshot_id, what="compare").run_id == run_id


# --- command line -----------------------------------------------------------------------------------------------------
def test_the_command_prints_one_json_object(opened, snapshot_id, home, capsys, monkeypatch):
    monkeypatch.setattr(sys.modules["studio.cli.main"], "ROOMS", ("diversity",))
    monkeypatch.setattr("studio.cli.context.open_studio", lambda settings: opened)
    monkeypatch.setattr(type(opened), "close", lambda self: None)
    base = ["--workspace", str(home), "diversity", "--snapshot", snapshot_id, "--json"]
    assert main(base) == 0
    alone = json.loads(capsys.readouterr().out)
    by_name = {row["name"]: row for row in alone["measures"]}
    assert by_name["length"]["value"] == 8.0 and by_name["turns"]["value"] is None
    assert main([*base, "--against", "selection:sel1", "--lang", "zh"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["judged"] == "a" and printed["draws"] == 99 and printed["n_a"] == 60
    assert any("随机抽取" in row["sentence"] for row in printed["measures"])
    assert main([*base, "--against", "no such corpus"]) == 1
    assert "error" in json.loads(capsys.readouterr().out)


def test_a_viewer_reads_but_starts_no_run(opened):
    """Runs cost the machine minutes, so they need an analyst, as everywhere else."""
    viewer = Actor("vi", "viewer")
    with pytest.raises(AccessError):
        acts.start(opened, viewer, snapshot_id="any")
    with pytest.raises(AccessError):
        acts.compare(opened, viewer, a="a", b="b")
