"""Measures that are asked for by name: what they are computed from, when they are stale, what is not computed twice."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from studio.corpus.schema import write_snapshot
from studio.errors import CorpusError, SelectionError
from studio.jobs import files, rundir
from studio.jobs.task import Task
from studio.measures import MEASURES, by_name, compute
from studio.models.language import LanguageModel, checked
from studio.records import Actor, AnnotationEvent
from studio.selection.recipe import Recipe
from studio.settings import Settings, Workspace
from studio.store import annotations, corpora, examples, labels, scores, snapshots, votes
from studio.tasks import measure as measure_task
from studio.tasks import measure_batch
from studio.training.plan import TrainPlan
from studio.workflows import annotate, runs, select, select_scores, select_targets, train
from studio.workflows.select_contexts import DYNAMICS
from studio.workflows.select_scores import Targets, default_inner, finish_measure
from studio.workflows.studio import open_studio
from tests.models.test_language import WORDS, folder
from tests.training.tiny import base_folder
from tests.workflows import select_corpus, small_corpus

ANALYST = Actor("ann", "analyst")
TARGETS = Targets(ids=(1, 5, 9))


@pytest.fixture
def snapshot_id(studio):
    made = select_corpus.make(studio)
    small_corpus.freeze(studio.store, made, labels.pool_left(studio.store, made)[:40], selection_id="seed")
    annotate.simulate_rest(studio, ANALYST, selection_id="seed")
    return made


def run(studio, snapshot_id, names, targets=None) -> dict:
    """Start the run, do its work here and take its result over; returns what it counted."""
    run_id = select_scores.measure(studio, ANALYST, snapshot_id=snapshot_id, measures=names, targets=targets)
    run_dir = studio.workspace.run_dir(run_id)
    spec = rundir.read_spec(run_dir)
    task = Task(run_dir, spec, studio.settings)
    told = measure_task.run(task)
    task.result_dir.rename(run_dir / "result")
    files.write_json(task.attempt_dir / "DONE.json", {"result": told, "files": rundir.manifest(run_dir / "result")})
    finish_measure(studio, run_dir, spec)
    return told


def values_of(studio, snapshot_id, name, targets=None):
    found = next(i for i in select_scores.state(studio, snapshot_id, targets).sets if i.measure == name)
    return scores.values(studio.store, snapshot_id, found), found


def test_only_the_usual_measures_are_computed_unasked(studio, snapshot_id):
    run_id = select_scores.measure(studio, ANALYST, snapshot_id=snapshot_id, targets=TARGETS)
    asked = rundir.read_spec(studio.workspace.run_dir(run_id)).params["measures"]
    assert asked == [one.name for one in MEASURES if not one.is_asked]


def test_measures_of_labels_and_targets_are_those_of_the_functions(studio, snapshot_id):
    names = ["target_turn", "ngram_importance", "class_prototype", "class_turn", "repeat_distance", "label_rarity",
             "group_rarity", "ngram_loss", "self_confidence", "label_margin", "label_stands"]  # fmt: skip
    told = run(studio, snapshot_id, names, TARGETS)
    assert not told["skipped"] and told["n"] == 200
    known = labels.current(studio.store, snapshot_id)
    train = known[known["split"] == "train"]
    given = select_corpus.batch(studio, snapshot_id, scores.surroundings(studio.store, snapshot_id), TARGETS)
    own = dict(zip(train["example_id"], train["label"], strict=True))
    visible = [own.get(int(i)) for i in given.ids]
    given = dataclasses.replace(given, labels=visible, target_texts=[given.texts[i - 1] for i in TARGETS.ids],
                                groups=np.array([[i % 2] for i in range(200)]))  # fmt: skip
    for name in names[:5] + ["group_rarity", "ngram_loss"]:
        (ids, raw, unit), _ = values_of(studio, snapshot_id, name, TARGETS)
        np.testing.assert_array_equal(ids, given.ids)
        np.testing.assert_allclose(raw, compute(by_name(name), given), atol=1e-6, err_msg=name)
    is_train = np.isin(given.ids, train["example_id"])
    for name in names[-3:]:
        (_, raw, unit), found = values_of(studio, snapshot_id, name, TARGETS)
        assert np.isfinite(raw[is_train]).all() and np.isnan(raw[~is_train]).all(), name
        assert found.n_undefined == 200 - len(train) and found.context["n_labels"] == len(train)
    (_, raw, _), _ = values_of(studio, snapshot_id, "label_rarity", TARGETS)
    assert np.isfinite(raw).all()  # predicted where nobody labelled


def test_measures_of_labelled_examples_choose_nothing_from_the_pool(studio, snapshot_id):
    run(studio, snapshot_id, ["rule_quality", "self_confidence"])
    state = select_scores.state(studio, snapshot_id)
    assert state.available == ("quality",)
    assert default_inner(state, {})["quality"] == {"rule_quality": 1.0}
    assert len(select.choose(studio, snapshot_id, Recipe(budget=7)).ids) == 7


def test_alone_they_leave_a_view_without_scores(studio, snapshot_id):
    run(studio, snapshot_id, ["self_confidence"])
    state = select_scores.state(studio, snapshot_id)
    assert state.available == () and state.views["quality"].lacking == "select.lacking.scores"
    assert len(state.views["quality"].sets) == 1


def test_new_labels_make_what_rests_on_them_stale(studio, snapshot_id):
    run(studio, snapshot_id, ["class_prototype", "repeat_distance", "self_confidence", "label_rarity"])
    assert not [entry for view in select_scores.state(studio, snapshot_id).views.values() for entry in view.stale]
    left = labels.pool_left(studio.store, snapshot_id)
    small_corpus.freeze(studio.store, snapshot_id, left[:5], selection_id="more")
    annotate.simulate_rest(studio, ANALYST, selection_id="more")
    stale = {entry[0]: entry[1] for view in select_scores.state(studio, snapshot_id).views.values()
             for entry in view.stale}  # fmt: skip
    assert stale == dict.fromkeys(["class_prototype", "self_confidence", "label_rarity"], "select.stale.labels")


def test_what_can_be_computed_is_said(studio, snapshot_id):
    now = select_scores.computable(studio, snapshot_id)
    assert {"class_prototype", "self_confidence", "group_rarity", "ngram_loss"} <= set(now)
    assert not {"target_turn", "ngram_importance", "lm_loss", "ifd_loss_ratio", "training_confidence",
                "annotator_agreement"} & set(now)  # fmt: skip
    assert {"target_turn", "ngram_importance"} <= set(select_scores.computable(studio, snapshot_id, TARGETS))
    with pytest.raises(SelectionError, match="no scores to compute"):
        select_scores.measure(studio, ANALYST, snapshot_id=snapshot_id, measures=["lm_loss"])


def test_relevance_to_classes_does_not_stand_for_relevance_to_a_goal(studio, snapshot_id):
    run(studio, snapshot_id, ["class_prototype"])
    state = select_scores.state(studio, snapshot_id, TARGETS)
    assert state.views["relevance"].sets and select_scores.lacks_relevance(state, TARGETS)
    assert select_scores.of_targets(studio, snapshot_id) == ["three_nearest_targets", "nearest_target"]
    run(studio, snapshot_id, [*select_scores.of_targets(studio, snapshot_id), "target_turn"], TARGETS)
    assert not select_scores.lacks_relevance(select_scores.state(studio, snapshot_id, TARGETS), TARGETS)
    other = Targets(ids=(2,))
    assert select_scores.lacks_relevance(select_scores.state(studio, snapshot_id, other), other)
    assert "target_turn" in select_scores.of_targets(studio, snapshot_id)


# --- several annotators -----------------------------------------------------------------------------------------------
def said(studio, snapshot_id, example_id, label, actor, event_id, **more):
    found = snapshots.require(studio.store, snapshot_id)
    row = examples.by_ids(studio.store, snapshot_id, [example_id], ["example_id", "row_hash"])
    return AnnotationEvent(event_id, found.corpus_id, snapshot_id, example_id, str(row["row_hash"].iloc[0]),
                           more.pop("event", "label"), actor, "annotator",
                           {"version": 1, "kind": "class", "value": label} if label else {}, **more)  # fmt: skip


def test_agreement_counts_people_not_presses(studio):
    made = select_corpus.make(studio)
    ids = labels.pool_left(studio.store, made)[:3]
    say = lambda *args, **more: said(studio, made, *args, **more)  # noqa: E731
    annotations.append(studio.store, [
        say(ids[0], "login", "eva", "e1", split="train"), say(ids[0], "refund", "leo", "e2", split="train"),
        say(ids[0], "login", "mia", "e3", split="train"),  # in force: login; eva and mia agree, leo does not
        say(ids[1], "login", "eva", "e4", split="train"), say(ids[1], "refund", "eva", "e5", split="train"),
        say(ids[2], "login", "eva", "e6", split="train"), say(ids[2], "login", "leo", "e7", split="train"),
        say(ids[2], "refund", "simulated", "e8", split="train", simulated=True),
    ])  # fmt: skip
    found = votes.of_corpus(studio.store, snapshots.require(studio.store, made).corpus_id)
    # ids[1]: one person who changed her mind; ids[2]: the simulated label is in force, and is no vote
    assert found.to_numpy().tolist() == [[ids[0], 2, 3], [ids[2], 0, 2]]
    run(studio, made, ["annotator_agreement"])
    (where, raw, _), score_set = values_of(studio, made, "annotator_agreement")
    assert raw[where == ids[0]] == 2 / 3 and raw[where == ids[2]] == 0 and np.isnan(raw).sum() == 198
    assert score_set.context["n_votes"] == 2
    annotations.append(studio.store, [say(ids[1], "login", "leo", "e9", split="train")])
    assert select_scores.state(studio, made).views["quality"].stale == (
        ("annotator_agreement", "measure.stale.votes", {"old": 2, "new": 3}),
    )


# --- a round's training -----------------------------------------------------------------------------------------------
def test_dynamics_are_read_by_example(tmp_path):
    file = tmp_path / DYNAMICS
    pq.write_table(pa.table({"example_id": [5, 2], "gold_probs": [[0.2, 0.4], [0.9, None]]}), file)
    found = measure_batch._lists(pq.read_table(file), np.array([1, 2, 5]), "gold_probs")
    np.testing.assert_allclose(found, [[np.nan, np.nan], [0.9, np.nan], [0.2, 0.4]])


def test_a_trained_round_gives_the_dynamics_of_what_it_was_trained_on(tmp_path):
    """Through a real worker: a network of two layers, two epochs; a linear probe has no dynamics."""
    base = str(base_folder(tmp_path / "base"))
    settings = Settings(workspace=Workspace(tmp_path / "w").make(), device="cpu", model_allow_list=(base,))
    studio = open_studio(settings)
    try:
        made = select_corpus.make(studio, n=120)
        small_corpus.freeze(studio.store, made, labels.pool_left(studio.store, made)[:30], selection_id="seed")
        annotate.simulate_rest(studio, ANALYST, selection_id="seed")
        plan = TrainPlan(base=base, method="full", epochs=2, max_length=48, patience=0)
        run_id = train.launch(studio, ANALYST, snapshot_id=made, plan=plan)
        assert runs.wait(studio, run_id, 120).state == "done", runs.detail(studio, run_id).failure
        known = labels.current(studio.store, made)
        trained = set(known[known["split"] == "train"]["example_id"])
        run(studio, made, ["training_variability", "training_confidence", "label_rarity"])
        (ids, mean, _), found = values_of(studio, made, "training_confidence")
        kept = pq.read_table(settings.workspace.model_dir(run_id) / DYNAMICS).to_pydict()
        history = dict(zip(kept["example_id"], kept["gold_probs"], strict=True))
        assert {*ids[np.isfinite(mean)].tolist()} == trained == set(history) and len(history[min(trained)]) == 2
        assert found.context == {"round": run_id, "number": 1}
        (_, spread, _), _ = values_of(studio, made, "training_variability")
        for i, value, moved in zip(ids.tolist(), mean, spread, strict=True):
            if i in history:
                assert abs(value - np.mean(history[i])) < 1e-6 and abs(moved - np.std(history[i])) < 1e-6
        assert np.isfinite(values_of(studio, made, "label_rarity")[0][1]).all()  # predicted by the round's model
        run_id = train.launch(studio, ANALYST, snapshot_id=made, plan=train.default_plan("ngrams", "linear_probe"))
        assert runs.wait(studio, run_id, 120).state == "done"
        assert not {"training_variability", "training_confidence"} & set(select_scores.computable(studio, made))
    finally:
        studio.close()


# --- language models --------------------------------------------------------------------------------------------------
def paired(studio, rows, corpus_id="talk") -> str:
    """A corpus of prompts and completions as one version; examples keep their numbers from version to version."""
    made = [
        {"example_id": i, "text": f"{prompt} {answer}".strip(), "prompt": prompt, "completion": answer}
        for i, (prompt, answer) in rows.items()
    ]
    manifest = write_snapshot(made, studio.workspace.snapshots, task="prompt_completion", language="en")
    if not any(one.corpus_id == corpus_id for one in snapshots.list_all(studio.store)):
        corpora.add(studio.store, corpus_id=corpus_id, name="Talk", language="en", task="prompt_completion", by="t")
    snapshots.add(studio.store, manifest, corpus_id=corpus_id, name="Talk", by="t")
    return str(manifest["snapshot_id"])


ROWS = {1: ("the cat", "sat on a mat"), 2: ("dog", "ran"), 3: ("dog and cat", "ran and sat"), 4: ("the", "密 码")}


@pytest.fixture
def with_models(workspace, tmp_path):
    places = [folder(tmp_path / kind, kind) for kind in ("causal", "masked")]
    setting = ",".join(map(str, places))
    opened = open_studio(Settings(workspace=workspace, device="cpu", language_models=setting), supervise=False)
    yield opened, *places
    opened.close()


MODEL_MEASURES = ["lm_loss", "lm_fluency", "masked_lm_loss", "ifd_loss_ratio", "ifd_perplexity_ratio"]


def test_language_models_score_every_text_once_and_flag_prompts_that_do_not_help(with_models):
    studio, causal, masked = with_models
    made = paired(studio, ROWS)
    told = run(studio, made, MODEL_MEASURES)
    assert told["models"] == {need: {"n_known": 0, "n_asked": 4, "n_failed": 0}
                              for need in ("answer_losses", "lm_losses", "masked_losses")}  # fmt: skip
    model, texts = LanguageModel(checked(causal)), [f"{p} {a}" for p, a in ROWS.values()]
    np.testing.assert_allclose(values_of(studio, made, "lm_loss")[0][1], model.text_losses(texts), atol=1e-5)
    np.testing.assert_allclose(values_of(studio, made, "lm_fluency")[0][1], -model.text_losses(texts), atol=1e-5)
    hidden = LanguageModel(checked(masked)).masked_losses(texts)
    np.testing.assert_allclose(values_of(studio, made, "masked_lm_loss")[0][1], hidden, atol=1e-5)
    after, alone = model.answer_losses(*map(list, zip(*ROWS.values(), strict=True))).T
    (_, ratio, unit), found = values_of(studio, made, "ifd_loss_ratio")
    np.testing.assert_allclose(ratio, after / alone, atol=1e-5)
    assert told["flagged"]["ifd_loss_ratio"] == (ratio >= 1).sum() and found.n_undefined == 0
    np.testing.assert_array_equal(np.isnan(unit), ratio >= 1)  # shown, counted, never ranked
    assert 0 < (ratio >= 1).sum() < 4, "the random model should flag some and not all: choose another seed"


@pytest.mark.parametrize("scale", ["quantile", "z", "min_max"])
def test_prompts_that_do_not_help_are_chosen_on_no_scale(with_models, scale):
    studio, _, _ = with_models
    made = paired(studio, ROWS)
    run(studio, made, ["ifd_loss_ratio", "rule_quality"])
    ids, ratio, _ = values_of(studio, made, "ifd_loss_ratio")[0]
    weights = {"relevance": 0, "diversity": 0, "difficulty": 100, "quality": 0}
    choice = select.choose(studio, made, Recipe(budget=4, weights=weights, inner={"ifd_loss_ratio": 1.0}, scale=scale))
    assert sorted(choice.ids.tolist()) == sorted(ids[ratio < 1].tolist())


def test_a_new_version_asks_only_about_what_changed(with_models):
    studio, causal, _ = with_models
    first = paired(studio, ROWS)
    run(studio, first, MODEL_MEASURES)
    again = run(studio, first, MODEL_MEASURES)
    assert all(one["n_asked"] == 0 and one["n_known"] == 4 for one in again["models"].values())
    changed = paired(studio, {**ROWS, 2: ("dog", "sat"), 9: ("the cat", "ran")})
    told = run(studio, changed, MODEL_MEASURES)
    assert all(one["n_asked"] == 2 and one["n_known"] == 3 for one in told["models"].values())
    whole = LanguageModel(checked(causal)).text_losses(["the cat sat on a mat", "dog sat", "dog and cat ran and sat",
                                                        "the 密 码", "the cat ran"])  # fmt: skip
    np.testing.assert_allclose(values_of(studio, changed, "lm_loss")[0][1], whole, atol=1e-5)


def test_another_model_is_another_context_and_what_it_said_is_not_reused(with_models):
    studio, causal, _ = with_models
    made = paired(studio, ROWS)
    run(studio, made, ["lm_loss"])
    config = json.loads((causal / "config.json").read_text())
    (causal / "config.json").write_text(json.dumps(config | {"layer_norm_epsilon": 0.3}))
    stale = select_scores.state(studio, made).views["difficulty"].stale
    assert [entry[:2] for entry in stale] == [("lm_loss", "measure.stale.model")]
    assert run(studio, made, ["lm_loss"])["models"]["lm_losses"]["n_asked"] == 4
    assert not select_scores.state(studio, made).views["difficulty"].stale


def test_a_later_attempt_goes_on_from_what_was_said(with_models, monkeypatch):
    studio, _, _ = with_models
    made = paired(studio, {i: (WORDS[i % 9], WORDS[i % 7]) for i in range(1, 40)})
    monkeypatch.setattr("studio.tasks.measure_models.CHUNK_ROWS", 8)
    run_id = select_scores.measure(studio, ANALYST, snapshot_id=made, measures=["lm_loss"])
    run_dir = studio.workspace.run_dir(run_id)
    spec, asked = rundir.read_spec(run_dir), []

    class Cut(BaseException):
        pass

    class Halting(Task):
        def barrier(self, name):
            if name == "asking_model" and len(asked) == 2:
                raise Cut

    whole = LanguageModel.text_losses

    def counted(self, texts, on_progress=None):
        asked.append(len(texts))
        return whole(self, texts, on_progress)

    monkeypatch.setattr(LanguageModel, "text_losses", counted)
    with pytest.raises(Cut):
        measure_task.run(Halting(run_dir, spec, studio.settings))
    measure_task.run(Task(run_dir, spec, studio.settings, 2))
    n_texts = len({f"{WORDS[i % 9]} {WORDS[i % 7]}" for i in range(1, 40)})
    assert sum(asked) == n_texts  # nothing was asked twice


def test_blank_and_broken_rows_are_undefined_and_counted(with_models):
    studio, _, _ = with_models
    made = paired(studio, {**ROWS, 5: ("", "ran"), 6: ("dog", ""), 7: ("\x00", "😀 \x00")})
    told = run(studio, made, MODEL_MEASURES)
    assert told["undefined"]["ifd_loss_ratio"] >= 2 and told["models"]["answer_losses"]["n_failed"] >= 2
    (_, raw, unit), _ = values_of(studio, made, "ifd_loss_ratio")
    assert np.isnan(raw[[4, 5]]).all() and np.isfinite(raw[:4]).all()


def test_without_prompts_there_is_no_ifd(with_models):
    studio, _, _ = with_models
    made = select_corpus.make(studio, n=40)
    now = select_scores.computable(studio, made)
    assert {"lm_loss", "masked_lm_loss"} <= set(now) and not {"ifd_loss_ratio", "ifd_perplexity_ratio"} & set(now)


# --- a file of targets ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("name", "data", "column"), [
    ("goal.txt", b"reset my password\n\nwhere is my parcel\nreset my password\n", "text"),
    ("goal.csv", b"kind,question\na,reset my password\nb,where is my parcel\nc,\n", "question"),
    ("goal.jsonl", b'{"q": "reset my password"}\n{"q": "where is my parcel"}\n{"q": 7}\n', "q"),
    ("goal.txt", "\ufeffreset my password\r\nwhere is my parcel\r\n".encode(), "text"),
])  # fmt: skip
def test_texts_of_a_file_are_kept_under_their_content(studio, name, data, column):
    kept = select_targets.keep_file(studio, ANALYST, name=name, data=data)
    assert (kept.n, kept.column) == (2, column)
    again = select_targets.keep_file(studio, ANALYST, name="other.txt", data=b"reset my password\nwhere is my parcel")
    assert again.name == kept.name and again.n_unused == 0
    assert select_targets.texts_of(studio, Targets(file=kept.name)) == ["reset my password", "where is my parcel"]
    assert not list(studio.workspace.uploads.iterdir())


def test_chinese_files_one_text_and_too_many(studio):
    data = "忘记密码怎么办，请帮我重置\n".encode("gb18030")
    kept = select_targets.keep_file(studio, ANALYST, name="目标.txt", data=data, encoding="gb18030")
    assert kept.n == 1 and select_targets.texts_of(studio, Targets(file=kept.name)) == ["忘记密码怎么办，请帮我重置"]
    many = "\n".join(f"text number {i}" for i in range(5_000)).encode()
    kept = select_targets.keep_file(studio, ANALYST, name="many.txt", data=many)
    assert (kept.n, kept.n_unused) == (2_000, 3_000)


def test_files_that_cannot_be_used_are_refused(studio):
    keep = lambda data, **more: select_targets.keep_file(studio, ANALYST, name="x.csv", data=data, **more)  # noqa: E731
    for data in (b"", b"   \n \n", b"%PDF-1.4 \x00\x01\x02"):
        with pytest.raises((CorpusError, SelectionError)):
            keep(data)
    with pytest.raises(SelectionError, match="no such column"):
        keep(b"a,b\nx,y\nu,v\n", column="c")
    with pytest.raises(SelectionError, match="too large"):
        keep(b"x" * (select_targets.MOST_FILE_BYTES + 1))
    assert not list(studio.workspace.uploads.iterdir())


def test_a_kept_file_that_was_changed_or_is_gone_is_refused(studio, snapshot_id):
    kept = select_targets.keep_file(studio, ANALYST, name="a.txt", data=b"reset my password\nwhere is my parcel\n")
    read = lambda name: select_targets.read(studio, snapshot_id, file=name)  # noqa: E731
    assert read(kept.name) == Targets(file=kept.name) and not read(kept.name).is_empty
    path = studio.workspace.cache / "targets" / f"{kept.name}.jsonl"
    path.write_text('"reset my password"\n')
    for name in (kept.name, "0" * 24, "../../etc/passwd", "x" * 24):
        with pytest.raises(SelectionError, match="not there any more"):
            read(name)


def test_words_of_a_file_are_a_goal_without_an_encoder(studio, snapshot_id):
    kept = select_targets.keep_file(studio, ANALYST, name="a.txt", data=b"password account sign code\nlocked screen\n")
    targets = Targets(file=kept.name)
    told = run(studio, snapshot_id, ["ngram_importance"], targets)
    assert told["skipped"] == {}
    (ids, raw, _), found = values_of(studio, snapshot_id, "ngram_importance", targets)
    assert (found.context["file"], found.context["n_file"], found.context["n"]) == (kept.name, 2, 0)
    texts = examples.frame(studio.store, snapshot_id, ["example_id", "label", "text"])
    about = [sum(word in text.split() for word in "password account sign code locked screen".split())
             for text in texts["text"]]  # fmt: skip
    assert np.corrcoef(raw, about)[0, 1] > 0.8
