"""Cleaning through real workers: preview, child snapshot with its splits, labels at stake, the way back, kills."""

from __future__ import annotations

import json
import sys
import uuid

import pytest

from studio.cli.main import main
from studio.corpus.cleaning.recipe import Recipe, plan
from studio.corpus.schema import write_snapshot
from studio.errors import AccessError, CorpusError
from studio.jobs import rundir
from studio.records import Actor, AnnotationEvent
from studio.settings import Settings, Workspace
from studio.store import annotations, corpora, examples, labels, lineage, references, snapshots, splits
from studio.workflows import clean, runs
from studio.workflows.studio import open_studio
from tests.jobs.harness import kill, kill_workers

ADMIN = Actor("tester", "admin")
TEXTS = (
    [
        "<b>Where</b> is my card number one?",
        "Where is my refund, please tell me?",
        "Where is my refund, please tell me?",
    ]
    + [f"Message number {i} about {word} and nothing else" for i, word in enumerate("abcdefghijklmnopq")]
    + ["Ich habe mein Passwort vergessen und komme nicht mehr in mein Konto hinein"]
)
LIST = Recipe((plan("html"), plan("language", {"keep": "en"}), plan("exact")))


@pytest.fixture(scope="module")
def studio(tmp_path_factory, shared_barriers):
    opened = open_studio(Settings(Workspace(tmp_path_factory.mktemp("w") / "workspace")))
    yield opened
    opened.close()
    kill_workers(opened.workspace)


def make(studio, seed=0) -> str:
    """A corpus of 21 texts, a different one for every seed."""
    rows = [
        {
            "example_id": i + 1,
            "text": f"{text} {seed}",
            "label": "ab"[i % 2],
            "group_region": "NS"[i % 2],
            "language": "en",
        }
        for i, text in enumerate(TEXTS)
    ]
    manifest = write_snapshot(rows, studio.workspace.snapshots, groups=("region",))
    snapshot_id, corpus_id = str(manifest["snapshot_id"]), f"c{seed}"
    corpora.add(studio.store, corpus_id=corpus_id, name=f"C{seed}", language="en", task="classification", by="t")
    snapshots.add(studio.store, manifest, corpus_id=corpus_id, name=f"C{seed}", by="t")
    names = [("train", "test", "pool", "validation")[i % 4] for i in range(len(rows))]
    splits.decide(studio.store, snapshot_id, ids=[r["example_id"] for r in rows], names=names, method="random", seed=3,
                  shares={"pool": 1.0}, by="t")  # fmt: skip
    references.set_shares(studio.store, snapshot_id, "region", {"N": 0.5, "S": 0.5}, by="t")
    return snapshot_id


@pytest.fixture(scope="module")
def parent(studio):
    return make(studio)


def do(studio, snapshot_id, recipe=LIST, **more):
    run_id = clean.start(studio, ADMIN, snapshot_id=snapshot_id, recipe=recipe, **{"preview": False, **more})
    return run_id, runs.wait(studio, run_id, 60)


@pytest.fixture(scope="module")
def child(studio, parent):
    run_id, status = do(studio, parent)
    assert status.state == "done"
    return clean.outcome(studio, run_id)


def label(studio, snapshot_id, example_id, value):
    snapshot = snapshots.require(studio.store, snapshot_id)
    hashed = examples.by_ids(studio.store, snapshot_id, [example_id], ("row_hash",))["row_hash"].iloc[0]
    event = AnnotationEvent(str(uuid.uuid4()), snapshot.corpus_id, snapshot_id, example_id, hashed, "label", "ann",
                            "annotator", {"version": 1, "kind": "class", "value": value}, split="train")  # fmt: skip
    annotations.append(studio.store, [event])


def test_a_preview_counts_and_leaves_nothing(studio, parent):
    before = len(snapshots.list_all(studio.store))
    run_id, status = do(studio, parent, preview=True)
    assert status.state == "done"
    report = clean.read_report(studio, clean.preview_of(studio, parent, LIST))
    assert [(s.name, s.n_changed, s.n_dropped) for s in report.steps] == [
        ("html", 1, 0),
        ("language", 0, 1),
        ("exact", 0, 1),
    ]
    assert (report.n_before, report.n_after, report.n_dropped, report.is_idle) == (21, 19, 2, False)
    assert report.steps[1].samples[0]["detail"] == "de"
    assert len(snapshots.list_all(studio.store)) == before
    assert (
        clean.start(studio, ADMIN, snapshot_id=parent, recipe=LIST, preview=True) == run_id
    )  # the same list: that run
    assert clean.preview_of(studio, parent, Recipe((plan("html"),))) is None


def test_the_child_is_a_version_of_the_same_corpus(studio, parent, child):
    assert child.is_new and not child.is_same
    snapshot = child.snapshot
    assert (snapshot.corpus_id, snapshot.n_examples, snapshot.name) == ("c0", 19, "C0 v2")
    version = lineage.versions(studio.store, "c0")[-1]
    assert (version.parent_id, version.method) == (parent, "clean")
    frame = examples.frame(studio.store, snapshot.snapshot_id, ("example_id", "text", "row_hash"))
    before = examples.frame(studio.store, parent, ("example_id", "text", "row_hash"))
    assert frame["text"][0] == "Where is my card number one? 0" and before["text"][0].startswith("<b>")
    assert frame["row_hash"][0] != before["row_hash"][0] and frame["row_hash"][1] == before["row_hash"][1]
    assert set(frame["example_id"]) == set(range(1, 22)) - {3, 21}
    kept = splits.frame(studio.store, parent).set_index("example_id")["split"]
    inherited = splits.frame(studio.store, snapshot.snapshot_id).set_index("example_id")["split"]
    assert inherited.to_dict() == kept.drop([3, 21]).to_dict()
    assert splits.decision(studio.store, snapshot.snapshot_id)["seed"] == 3
    assert references.shares(studio.store, snapshot.snapshot_id) == {"region": {"N": 0.5, "S": 0.5}}
    gone = clean.dropped(studio, snapshot.snapshot_id)
    assert gone[["example_id", "step", "reason", "detail"]].to_numpy().tolist() == [
        [3, "exact", "copy", "2"], [21, "language", "other_language", "de"]]  # fmt: skip


def test_labels_at_stake_are_counted_before_and_stale_after(studio):
    parent = make(studio, seed=1)
    label(studio, parent, 1, "a")
    label(studio, parent, 3, "b")
    label(studio, parent, 5, "b")
    do(studio, parent, preview=True)
    report = clean.read_report(studio, clean.preview_of(studio, parent, LIST))
    assert (report.n_stale, report.n_labels_dropped) == (1, 1)
    run_id, _ = do(studio, parent)
    current = labels.current(studio.store, clean.outcome(studio, run_id).snapshot.snapshot_id).set_index("example_id")
    assert current.loc[1, "stale"] and not current.loc[5, "stale"] and 3 not in current.index


def test_examples_are_brought_back_one_by_one_or_by_reason(studio, parent, child):
    run_id = clean.bring_back(studio, ADMIN, snapshot_id=child.snapshot.snapshot_id, example_ids=[21])
    assert runs.wait(studio, run_id, 60).state == "done"
    one = clean.outcome(studio, run_id).snapshot
    assert one.n_examples == 20 and one.manifest["lineage"]["keep_ids"] == [21]
    assert splits.frame(studio.store, one.snapshot_id)["example_id"].tolist() == [*range(1, 3), *range(4, 22)]
    run_id = clean.bring_back(studio, ADMIN, snapshot_id=one.snapshot_id, step="exact", reason="copy")
    assert runs.wait(studio, run_id, 60).state == "done"
    every = clean.outcome(studio, run_id).snapshot
    assert every.n_examples == 21 and clean.dropped(studio, every.snapshot_id).empty
    assert clean.made_by(studio, every.snapshot_id)[1].keep_ids == (3, 21)
    for wrong in ({"example_ids": [5]}, {"step": "near"}, {}):
        with pytest.raises(CorpusError):
            clean.bring_back(studio, ADMIN, snapshot_id=one.snapshot_id, **wrong)
    with pytest.raises(CorpusError):
        clean.bring_back(studio, ADMIN, snapshot_id=parent, example_ids=[1])


def test_a_list_that_changes_nothing_gives_the_parent_back(studio, parent):
    run_id, status = do(studio, parent, Recipe((plan("unicode"),)))
    found = clean.outcome(studio, run_id)
    assert status.state == "done" and found.is_same and not found.is_new
    assert found.snapshot.snapshot_id == parent


def test_impossible_lists_are_refused(studio, parent):
    for recipe in (Recipe(), Recipe((plan("html", on=False),)), Recipe((plan("semantic"),))):
        with pytest.raises(CorpusError):
            clean.start(studio, ADMIN, snapshot_id=parent, recipe=recipe, preview=True)
    with pytest.raises(AccessError):
        clean.start(studio, Actor("v", "viewer"), snapshot_id=parent, recipe=LIST, preview=True)
    run_id, status = do(studio, parent, Recipe((plan("length", {"shortest": 5000}),)))
    assert status.state == "failed" and "leaves no example" in runs.detail(studio, run_id).failure["what"]


@pytest.mark.slow
@pytest.mark.parametrize("place", ["clean", "cleaned", "frozen"])
def test_a_killed_worker_leaves_no_half_snapshot(place, studio, shared_barriers):
    parent = make(studio, seed={"clean": 2, "cleaned": 3, "frozen": 4}[place])
    before = sorted(path.name for path in studio.workspace.snapshots.iterdir())
    shared_barriers.hold(place)
    run_id = clean.start(studio, ADMIN, snapshot_id=parent, recipe=LIST, preview=False)
    kill(shared_barriers.reached(place)["pid"])
    shared_barriers.release(place)
    assert runs.wait(studio, run_id, 60).state == "crashed"
    assert sorted(path.name for path in studio.workspace.snapshots.iterdir()) == before
    assert not (studio.workspace.run_dir(run_id) / "result").exists()
    runs.resume(studio, ADMIN, run_id=run_id)
    assert runs.wait(studio, run_id, 60).state == "done"
    assert clean.outcome(studio, run_id).snapshot.n_examples == 19
    clean.finish_clean(studio, studio.workspace.run_dir(run_id), rundir.read_spec(studio.workspace.run_dir(run_id)))


def test_lists_are_saved_without_ids(studio):
    recipe_id = clean.save_recipe(studio, ADMIN, name="Usual", recipe=LIST.with_kept([7]))
    saved = clean.saved_recipes(studio)[0]
    assert (saved.recipe_id, saved.name, saved.body["keep_ids"]) == (recipe_id, "Usual", [])


# --- the command ------------------------------------------------------------------------------------------------------
@pytest.fixture
def command(studio, monkeypatch, capsys):
    """One process may open a workspace, so the command is handed the one that is open."""
    monkeypatch.setattr(sys.modules["studio.cli.main"], "ROOMS", ("clean",))
    monkeypatch.setattr("studio.cli.context.open_studio", lambda settings: studio)
    monkeypatch.setattr(type(studio), "close", lambda self: None)

    def run(*arguments: str) -> tuple[int, dict]:
        code = main(["--workspace", str(studio.workspace.root), "clean", "--json", *arguments])
        return code, json.loads(capsys.readouterr().out)

    return run


def test_the_command_previews_applies_and_brings_back(command, studio, tmp_path):
    parent = make(studio, seed=9)
    path = tmp_path / "list.json"
    path.write_text(json.dumps(LIST.to_json()), encoding="utf-8")
    code, said = command("--snapshot", parent, "--recipe", str(path), "--step", "length=shortest:9", "--preview")
    assert (code, said["n_after"], "snapshot_id" in said) == (0, 19, False)
    code, said = command("--snapshot", parent, "--step", "exact")
    assert code == 0 and said["is_new"] and [one["n_dropped"] for one in said["steps"]] == [1]
    assert command("--snapshot", said["snapshot_id"], "--bring-back", "step:near")[0] == 1


@pytest.mark.parametrize("wrong", [[], ["--step", "nope"], ["--step", "near=threshold"], ["--step", "near=threshold:9"],
                                   ["--recipe", "no.json"], ["--bring-back", "x"]])  # fmt: skip
def test_wrong_words_are_refused(command, parent, wrong):
    code, said = command("--snapshot", parent, *wrong)
    assert code == 1 and said["error"]["fix"]
