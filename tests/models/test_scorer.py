"""Scorer models: what the setting may say, what is refused, scores held against plain transformers text by text."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from safetensors.torch import load_file, save_file

from studio import records
from studio.errors import ModelError
from studio.models import scorer
from studio.words import measures
from tests.models import tiny_scorer

TEXTS = ["she wrote a nice letter", "", "he wrote a stupid letter", "他写信笨", "   ", "😀 quite unknown \x00 words",
         "she " * 100, "awful"]  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_scorer.save(tmp_path_factory.mktemp("scorer") / "tiny")


def only(setting: str) -> scorer.Entry:
    (entry,) = scorer.entries(setting)
    return entry


def test_the_setting_names_folder_and_class(folder):
    one = only(f" toxicity = {folder} # TOXIC ").scorer
    assert one == scorer.Scorer("toxicity", folder.resolve(), "toxic", 1, "softmax")
    assert only(f"{folder}#fine").scorer == scorer.Scorer("tiny", folder.resolve(), "fine", 0, "softmax")
    assert only(f"毒性={folder}#toxic").scorer.name == "毒性"
    assert scorer.entries("") == scorer.entries(" , ") == ()
    assert measures.SCORER == records.SCORER


@pytest.mark.parametrize(("tail", "what"), [
    ("", "has no class of that name"), ("#rude", "has no class of that name"), ("/gone#toxic", "folder is not there"),
])  # fmt: skip
def test_a_bad_entry_is_told_and_the_others_stand(folder, tail, what):
    bad, good = scorer.entries(f"a={folder}{tail},b={folder}#toxic")
    assert what in bad.problem.what and bad.scorer is None and good.problem is None
    with pytest.raises(ModelError, match=what):
        scorer.by_name(f"a={folder}{tail}", "a")
    with pytest.raises(ModelError, match="no such scorer"):
        scorer.by_name(f"a={folder}#toxic", "z")


def test_names_must_be_plain_and_differ(folder):
    assert "not usable" in only(f"a b={folder}#toxic").problem.what
    first, second = scorer.entries(f"a={folder}#toxic,a={folder}#fine")
    assert first.scorer and "same name" in second.problem.what


@pytest.mark.parametrize(("break_it", "what"), [
    (lambda f: (f / "config.json").unlink(), "no config.json"),
    (lambda f: (f / "tokenizer.json").unlink(), "no tokenizer.json"),
    (lambda f: (f / "model.safetensors").rename(f / "pytorch_model.bin"), "no safetensors"),
    (lambda f: (f / "config.json").write_text("[1"), "config.json cannot be read"),
    (lambda f: (f / "config.json").write_text(json.dumps({"architectures": ["BertModel"]})), "no text classifier"),
])  # fmt: skip
def test_a_folder_that_lacks_something_is_refused_before_it_is_loaded(folder, tmp_path, break_it, what):
    other = shutil.copytree(folder, tmp_path / "other")
    break_it(other)
    assert what in only(f"a={other}#toxic").problem.what


def test_a_file_without_its_head_is_refused(folder, tmp_path):
    """Transformers would start the head at random and score with it."""
    other = shutil.copytree(folder, tmp_path / "other")
    weights = load_file(other / "model.safetensors")
    save_file({k: v for k, v in weights.items() if "classifier" not in k}, other / "model.safetensors",
              {"format": "pt"})  # fmt: skip
    with pytest.raises(ModelError, match="lacks weights") as caught:
        scorer.Model(only(f"a={other}#toxic").scorer)
    assert "classifier" in caught.value.got


def test_a_damaged_file_and_code_of_its_own_are_refused(folder, tmp_path):
    other = shutil.copytree(folder, tmp_path / "damaged")
    (other / "model.safetensors").write_bytes(b"\x00" * 64)
    with pytest.raises(ModelError, match="cannot be loaded"):
        scorer.Model(only(f"a={other}#toxic").scorer)
    foreign = shutil.copytree(folder, tmp_path / "foreign")
    config = json.loads((foreign / "config.json").read_text())
    config |= {"model_type": "own_bert", "auto_map": {"AutoModelForSequenceClassification": "code.Own"}}
    (foreign / "config.json").write_text(json.dumps(config))
    (foreign / "code.py").write_text("raise SystemExit('ran')")
    with pytest.raises(ModelError, match="cannot be loaded"):
        scorer.Model(only(f"a={foreign}#toxic").scorer)


def test_scores_are_those_of_plain_transformers_text_by_text(folder):
    """Batches by length, padding and the order of the texts change nothing; empty texts have no score."""
    model = scorer.Model(only(f"a={folder}#toxic").scorer, precision="float32")
    values, ends = model.score(TEXTS)
    for i, text in enumerate(TEXTS):
        if text.strip():
            assert values[i] == pytest.approx(tiny_scorer.oracle(folder, text, 1), abs=1e-5)
    assert np.isnan(values[[1, 4]]).all()
    assert ends.tolist() == [0, scorer.EMPTY, 0, 0, scorer.EMPTY, 0, scorer.CUT, 0]
    assert values[2] > 0.9 > 0.1 > values[0] and values[3] > 0.9  # it has learnt its rude words, Chinese too
    back, _ = model.score(TEXTS[::-1])
    assert back[::-1] == pytest.approx(values, abs=1e-6, nan_ok=True)
    assert model.score([])[0].shape == (0,)


def test_a_text_the_model_cannot_read_fails_alone(folder, tmp_path):
    """A token beyond the embedding would end the process on a GPU; a lone surrogate no tokenizer takes."""
    other = shutil.copytree(folder, tmp_path / "narrow")
    tokens = json.loads((other / "tokenizer.json").read_text())
    tokens["model"]["vocab"]["beyond"] = 999
    (other / "tokenizer.json").write_text(json.dumps(tokens))
    values, ends = scorer.Model(only(f"a={other}#toxic").scorer).score(["he wrote", "beyond", "\ud800", "she wrote"])
    assert ends.tolist() == [0, scorer.FAILED, scorer.FAILED, 0]
    assert np.isfinite(values).tolist() == [True, False, False, True]


def test_half_precision_is_used_only_where_it_agrees(folder, monkeypatch):
    monkeypatch.setattr(scorer, "has_bf16_cpu", lambda: True)
    texts = [text for text in TEXTS if text.strip()] * 10
    model = scorer.Model(only(f"a={folder}#toxic").scorer)
    full, _ = model.score(texts)
    apart = model.settle(texts)
    assert model.precision == ("bfloat16" if apart <= scorer.WORST else "float32")
    assert np.abs(model.score(texts)[0] - full).mean() <= scorer.WORST + 1e-9
    monkeypatch.setattr(scorer, "WORST", -1.0)
    strict = scorer.Model(only(f"a={folder}#toxic").scorer)
    strict.settle(texts)
    assert strict.precision == "float32"
    assert strict.score(texts)[0] == pytest.approx(full, abs=1e-7)  # nothing is left of the rounding


def test_several_labels_at_once_and_a_single_output(tmp_path):
    many = tiny_scorer.save(tmp_path / "many", steps=0, problem_type="multi_label_classification")
    both = [scorer.Model(only(f"a={many}#{name}").scorer).score(["he wrote"])[0][0] for name in ("fine", "toxic")]
    assert sum(both) != pytest.approx(1.0, abs=1e-4)  # each by its own sigmoid
    single = tiny_scorer.save(tmp_path / "single", steps=0, labels=("regard",))
    one = only(f"a={single}").scorer
    assert (one.kind, one.output) == ("raw", "regard")
    assert np.isfinite(scorer.Model(one).score(["he wrote"])[0]).all()


def test_the_hash_is_that_of_the_content(folder, tmp_path):
    same = shutil.copytree(folder, tmp_path / "same")
    other = tiny_scorer.save(tmp_path / "other", seed=1, steps=0)
    of = {place: scorer.content_hash(only(f"a={place}#toxic").scorer) for place in (folder, same, other)}
    assert of[folder] == of[same] != of[other] and len(of[folder]) == 64
    one = only(f"a={same}#toxic").scorer
    before = scorer.stamp(one)
    assert before == scorer.stamp(one)
    (same / "config.json").write_text((same / "config.json").read_text() + " ")
    assert scorer.stamp(one) != before and scorer.content_hash(one) != of[same]
