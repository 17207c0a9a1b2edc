"""Learning the weights when a trial is a real round: by hand, broken off and resumed, and what is counted."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from studio import findings as finding_texts
from studio.errors import PlanError, SelectionError
from studio.jobs import rundir
from studio.jobs.supervisor import Supervisor
from studio.jobs.task import Task
from studio.models.baseline import NgramClassifier
from studio.records import VIEWS, RunSpec
from studio.selection import proxy, tuning
from studio.selection.recipe import Recipe
from studio.settings import Settings
from studio.tasks import tune, tune_rounds
from studio.training.plan import TrainPlan
from studio.workflows import runs, select_learn, select_learn_rounds, select_proof
from studio.workflows.select_learn_rounds import Looks, Rounds
from tests.jobs.harness import QUICK, Barriers, kill, kill_workers
from tests.training.tiny import base_folder, texts
from tests.workflows.test_proof import ACTOR, RECIPE, labelled, state_of, studio

__all__ = ["studio"]

N, HELD, SEED, TRIALS = 60, 36, 3, 6
PLAN = {"base": "ngrams", "method": "linear_probe", "seed": 5}
OWN = dict(zip(VIEWS, (0, 0, 20, 80), strict=True))


class Killed(BaseException):
    """What a kill looks like from inside one process."""


def task_of(workspace, name, *, plan=PLAN, trials=TRIALS, attempt=1):
    """A run of 60 labelled rows and 36 held-out ones; quality is what helps: low rows carry a wrong label."""
    made, labels, _ = texts(N + HELD, seed=1)
    rng = np.random.default_rng(0)
    names = sorted(set(labels))
    good = np.arange(N) % 2 == 0
    shown = [label if right else names[(names.index(label) + 1) % 3]
             for label, right in zip(labels[:N], good, strict=True)]  # fmt: skip
    folder = workspace.root / "inputs" / name
    folder.mkdir(parents=True, exist_ok=True)
    ids = np.arange(1, N + HELD + 1)
    pq.write_table(pa.table({"example_id": ids, "text": made}), folder / "examples.parquet")
    frame = pd.DataFrame({"example_id": ids, "row": ids - 1, "part": ["train"] * N + ["held"] * HELD,
                          "label": [*shown, *labels[N:]]})  # fmt: skip
    for view in VIEWS:
        frame[f"unit_{view}"] = np.float32(np.nan)
    frame.loc[: N - 1, "unit_quality"] = (0.5 * good + 0.5 * rng.random(N)).astype(np.float32)
    frame.loc[: N - 1, "unit_difficulty"] = rng.random(N).astype(np.float32)
    (folder / "given").mkdir(exist_ok=True)
    frame.to_parquet(folder / "given" / "rows.parquet", index=False)
    (folder / "vectors").mkdir(exist_ok=True)
    np.save(folder / "vectors" / "vectors.npy", rng.normal(size=(N + HELD, 4)).astype(np.float32))
    params = {"kind": "head", "trial": "round", "plan": plan, "trials": trials, "columns": [], "keys": {}, "again": {},
              "needs": [], "options": {}, "weights": OWN, "language": "en", "budget": 25, "n_pool": 100, "key": "k",
              "recipe": Recipe(budget=25, weights=OWN).to_json(), "facts": {}}  # fmt: skip
    spec = RunSpec(name, "tune", "Weights", rundir.utc_now(), "tester", slot="cpu", seed=SEED, params=params,
                   inputs={"given": f"inputs/{name}/given", "examples": f"inputs/{name}/examples.parquet",
                           "vectors": f"inputs/{name}/vectors"})  # fmt: skip
    run_dir = workspace.run_dir(name)
    run_dir.mkdir(parents=True, exist_ok=True)
    return Task(run_dir, spec, Settings(workspace, device="cpu"), attempt), frame, made, shown, labels


def result_of(task):
    found = finding_texts.from_json((task.result_dir / "tune.json").read_text(encoding="utf-8"))
    return found.table, json.loads(found.notes[0])


def by_hand(frame, made, shown, labels, weights, repeat):
    """Rows of the highest weighted scores among the 80 % of that number, trained on and held against the reward part.

    The n-gram trainer itself, called alone: which rows, which seed and which held-out examples are worked out here.
    """
    inside = np.random.default_rng([SEED, repeat]).permutation(N)[: int(0.8 * N)]
    score = sum(weights[view] / 100 * frame[f"unit_{view}"].to_numpy(np.float64)[:N]
                for view in ("difficulty", "quality"))  # fmt: skip
    rows = np.sort(inside[np.argsort(-score[inside], kind="stable")][:20])  # 80 % of a budget of 25
    model = NgramClassifier.fit([made[i] for i in rows], [shown[i] for i in rows], seed=5 + repeat)
    held = proxy.held_parts(np.arange(N + 1, N + HELD + 1))
    asked = np.flatnonzero(held == 0)
    probs = model.predict_probs([made[N + i] for i in asked])
    orders = [[model.labels[column] for column in np.argsort(-row, kind="stable")] for row in probs]
    return np.mean([1 / (1 + order.index(labels[N + i])) for order, i in zip(orders, asked, strict=True)])


def test_a_trial_is_worth_what_the_trainer_says_of_its_choice(workspace):
    task, *given = task_of(workspace, "whole")
    tune.run(task)
    table, facts = result_of(task)
    trials = table[table["kind"] == "trial"].sort_values("step")
    assert len(trials) == TRIALS and facts["trial"] == "round" and facts["size"] == 20
    assert trials.iloc[0][["difficulty", "quality"]].tolist() == [50, 50]  # equal weights first, then the sliders
    assert trials.iloc[1][["difficulty", "quality"]].tolist() == [20, 80]
    for row in trials.to_dict("records"):
        assert row["reward"] == pytest.approx(by_hand(*given, row, 0), abs=1e-6)
    assert facts["fits"] <= tuning.n_trainings(TRIALS, with_own=True)
    settings = table[table["kind"] == "setting"].set_index("way")
    assert set(settings.index) == {"search", "equal", "own"} and settings.loc["equal", "equal_difference"] == 0
    finalists = table[table["kind"] == "finalist"]
    assert len(finalists) <= 3 and finalists["chosen"].sum() == 1
    best = finalists.loc[finalists["choice"].idxmax()]
    assert best["quality"] == settings.loc["search", "quality"] == facts["learned"]["search"]["quality"]
    lines = [json.loads(line) for line in (task.run_dir / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == list(range(TRIALS))
    assert [line["reward"] for line in lines] == trials["reward"].tolist()


@pytest.mark.parametrize("at", [0, 4, 12])
def test_a_study_broken_off_goes_on_with_the_same_trials(workspace, monkeypatch, at):
    task, *_ = task_of(workspace, "whole")
    tune.run(task)
    whole, _ = result_of(task)
    real, count = tune_rounds._Rounds._train, iter(range(100))

    def dies(self, *given):
        if next(count) == at:
            raise Killed
        return real(self, *given)

    monkeypatch.setattr(tune_rounds._Rounds, "_train", dies)
    broken, *_ = task_of(workspace, "broken")
    with pytest.raises(Killed):
        tune.run(broken)
    for name in ("study.log", "trainings.jsonl"):  # a kill in the middle of a line
        with (broken.run_dir / "checkpoints" / name).open("ab") as handle:
            handle.write(b'{"op_code": 4, "wor')
    (broken.run_dir / "checkpoints" / "study.log.lock").symlink_to("study.log")
    again, *_ = task_of(workspace, "broken", attempt=2)
    tune.run(again)
    pd.testing.assert_frame_equal(result_of(again)[0], whole)
    assert next(count) - 1 == len((task.run_dir / "checkpoints" / "trainings.jsonl").read_text().splitlines())


# --- in a workspace ---------------------------------------------------------------------------------------------------
ROUNDS = Rounds(TrainPlan(base="ngrams", method="linear_probe", epochs=1, lr=1.0), 6)


def learned(studio, snapshot, monkeypatch, *, recipe=RECIPE, rounds=ROUNDS, seed=0):
    """The study of a small corpus, its run made in this process and taken over; no worker."""
    given = {}

    def submit(_studio, actor, **values):
        given.update(values)
        return values["run_id"]

    with monkeypatch.context() as patch:
        patch.setattr(select_learn.runs, "submit", submit)
        run_id = select_learn.start(studio, ACTOR, snapshot_id=snapshot.snapshot_id, recipe=recipe, rounds=rounds,
                                    state=state_of(studio, snapshot), seed=seed)  # fmt: skip
        spec = RunSpec(run_id, given["kind"], given["title"], rundir.utc_now(), "ann", snapshot_id=snapshot.snapshot_id,
                       params=given["params"], inputs=given["inputs"], seed=given["seed"], slot="cpu")  # fmt: skip
        run_dir = rundir.create(studio.workspace.root / "aside", spec)  # where no supervisor sees it waiting
        task = Task(run_dir, spec, Settings(studio.workspace, device="cpu"))
        tune.run(task)
        task.set_state("done")
        patch.setattr(select_learn.rundir, "check_result", lambda *_: task.result_dir)
        select_learn.finish_tune(studio, run_dir, spec)
        (run_dir / "INDEXED").write_text("{}", encoding="utf-8")
        run_dir.rename(studio.workspace.run_dir(run_id))
    return run_id, given


def test_a_study_is_kept_says_its_plan_and_counts_as_a_look(studio, monkeypatch):
    snapshot = labelled(studio, n_train=60)
    state = state_of(studio, snapshot)
    found = select_learn.prospect(studio, snapshot, RECIPE, state, rounds=ROUNDS)
    held = found.part.held
    assert select_learn_rounds.looks(studio, snapshot, held) == Looks(0, 0, 120)
    cost = select_learn_rounds.cost(studio, snapshot, found, RECIPE.budget, ROUNDS)
    assert (cost.trainings, cost.size) == (6 + 6 + 2 + 4 + 5, 24)  # the recipe's weights are the equal ones
    assert cost.estimate.low_s < cost.estimate.seconds < cost.estimate.high_s
    run_id, given = learned(studio, snapshot, monkeypatch)
    assert given["slot"] == runs.SLOTS["train"] and given["params"]["plan"] == ROUNDS.plan.to_json()
    lesson = select_learn.kept(studio, snapshot, found, ROUNDS)
    assert lesson.is_of_rounds and not lesson.stale and len(lesson.trials) == 6
    assert lesson.facts["looks_before"] == 0 and lesson.facts["fits"] <= cost.trainings
    assert select_learn_rounds.first(studio, snapshot) == ROUNDS
    assert select_learn.kept(studio, snapshot, found) is None  # the study by stand-in heads is another one
    tried = select_learn_rounds.so_far(studio, run_id)
    assert [row["reward"] for row in tried] == lesson.trials.sort_values("step")["reward"].tolist()
    # another plan, the same labels: shown as of another plan, and a second look once it is made
    other = replace(ROUNDS, plan=replace(ROUNDS.plan, seed=3))
    asked = select_learn.prospect(studio, snapshot, RECIPE, state, rounds=other)
    assert select_learn.kept(studio, snapshot, asked, other).stale == ("plan",)
    assert select_learn_rounds.looks(studio, snapshot, held) == Looks(1, 120, 120)
    learned(studio, snapshot, monkeypatch, rounds=other)
    assert select_learn_rounds.looks(studio, snapshot, held.iloc[:50]) == Looks(2, 50, 50)
    # the same again is no further look; what never began is none; what was deleted stays one
    select_learn_rounds.remember(studio, snapshot.snapshot_id, "deleted", str(asked.key), held)
    assert select_learn_rounds.looks(studio, snapshot, held).n_studies == 2
    studio.supervisor.close()  # so that nobody starts it
    waiting = RunSpec("waiting", "tune", "x", rundir.utc_now(), "ann", snapshot_id=snapshot.snapshot_id, slot="cpu")
    rundir.create(studio.workspace.runs, waiting)
    select_learn_rounds.remember(studio, snapshot.snapshot_id, "waiting", "another", held)
    assert select_learn_rounds.looks(studio, snapshot, held).n_studies == 2
    select_learn_rounds.remember(studio, snapshot.snapshot_id, "gone", "third", held.iloc[:10])
    assert select_learn_rounds.looks(studio, snapshot, held) == Looks(3, 120, 120)
    weights = lesson.facts["learned"].get("search")
    if weights:
        assert select_proof.learned_here(studio, snapshot, replace(RECIPE, weights=weights))


def test_what_no_study_by_rounds_can_be_made_of_is_refused(studio):
    snapshot = labelled(studio, n_train=60)
    state = state_of(studio, snapshot)
    foreign = replace(ROUNDS, plan=replace(ROUNDS.plan, base="/somewhere/else"))
    with pytest.raises(PlanError, match="allow-list"):
        select_learn.start(studio, ACTOR, snapshot_id=snapshot.snapshot_id, recipe=RECIPE, state=state, rounds=foreign)
    for trials in (0, 5, 61):
        with pytest.raises(SelectionError, match="number of trials"):
            replace(ROUNDS, trials=trials)
    assert not runs.overview(studio, kinds=("tune",), snapshot_id=snapshot.snapshot_id)


def test_the_place_of_the_right_label_is_what_a_trial_is_worth():
    """Second of three, level with another at the top (places 1 and 2: 1.5), a label nobody chose."""
    probs = np.array([[0.2, 0.5, 0.3], [0.4, 0.4, 0.2], [0.9, 0.05, 0.05], [1 / 3, 1 / 3, 1 / 3]])
    right, place = tune_rounds.standing(probs, ["a", "b", "c"], ["c", "b", "d", "a"])
    assert right.tolist() == [0, 0, 0, 1]
    assert place == pytest.approx([1 / 2, 1 / 1.5, 0, 1 / 2])


def test_a_choice_of_one_label_gives_that_label(workspace):
    """No trainer takes it; the model of one label says it always, and is as right as that label is common."""
    task, _, _, shown, labels = task_of(workspace, "one")
    study = tune_rounds._Rounds(task)
    rows = np.array([row for row, label in enumerate(shown) if label == "fee"][:5])
    found = study.outcome(rows, 0)
    assert found.tolist() == [[float(label == "fee") for label in labels[N:]]] * 2


@pytest.mark.slow
def test_a_killed_worker_goes_on_at_the_trial_it_was_in(workspace, tmp_path, monkeypatch):
    """A real worker of a real small network is shot in the middle of a training and resumed: the same trials."""
    base = str(base_folder(tmp_path / "tiny"))
    plan = {"base": base, "method": "lora", "epochs": 2, "lr": 5e-3, "batch_size": 10, "max_length": 48, "patience": 0,
            "lora_rank": 2}  # fmt: skip
    barriers = Barriers(tmp_path / "barriers")
    monkeypatch.setenv("STUDIO_TEST_BARRIERS", str(barriers.folder))
    monkeypatch.setenv("STUDIO_MODELS", base)
    settings = Settings(workspace, device="cpu", model_allow_list=(base,))
    whole, *_ = task_of(workspace, "whole", plan=plan)
    whole.settings = settings
    tune.run(whole)
    made, *_ = task_of(workspace, "shot", plan=plan)
    shutil.rmtree(made.run_dir)
    supervisor = Supervisor(settings, timing=QUICK).start()
    try:
        barriers.hold("tune_training_3")
        supervisor.submit(made.spec)
        barriers.reached("tune_training_3")
        barriers.hold("checkpoint")
        barriers.release("tune_training_3")
        kill(barriers.reached("checkpoint")["pid"])
        assert supervisor.wait("shot", 60).state == "crashed"
        barriers.release("checkpoint")
        supervisor.resume("shot")
        assert supervisor.wait("shot", 300).state == "done"
    finally:
        supervisor.close()
        kill_workers(workspace)
    folder = rundir.check_result(workspace.run_dir("shot"), "tune.json")
    again = finding_texts.from_json((folder / "tune.json").read_text(encoding="utf-8")).table
    pd.testing.assert_frame_equal(again, result_of(whole)[0], rtol=1e-4, atol=1e-5)
