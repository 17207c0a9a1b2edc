"""Learning the weights when a trial is a real round: by hand, broken off and resumed, and what is counted."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from studio import findings as finding_texts
from studio.jobs import rundir
from studio.jobs.task import Task
from studio.models.baseline import NgramClassifier
from studio.records import VIEWS, RunSpec
from studio.selection import proxy, tuning
from studio.selection.recipe import Recipe
from studio.settings import Settings
from studio.tasks import tune, tune_rounds
from tests.training.tiny import texts

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
    return np.mean([probs[place, list(model.labels).index(labels[N + i])] for place, i in enumerate(asked)])


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
