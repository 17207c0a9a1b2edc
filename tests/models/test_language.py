"""Losses of language models against transformers' own, on models made from a config; the tiny real one by numpy."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import BertConfig, BertForMaskedLM, GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

from studio.errors import ModelError
from studio.models import language, llama2c
from studio.models.language import LanguageModel, checked, configured

TINY = Path(__file__).parents[3] / "shared" / "data" / "tiny_lm"
WORDS = "the cat sat on a mat and dog ran 密 码 忘".split()


def folder(place: Path, kind: str, *, start: bool = True) -> Path:
    """A random model of two layers whose words are single tokens."""
    torch.manual_seed(1)
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    vocab = {word: i for i, word in enumerate([*special, *WORDS])}
    made = Tokenizer(models.WordLevel(vocab, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    if kind == "masked":
        made.post_processor = processors.TemplateProcessing(
            single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
        )
    names = {"pad_token": "[PAD]", "unk_token": "[UNK]", "mask_token": "[MASK]"}
    names |= {"bos_token": "[CLS]"} if start and kind == "causal" else {}
    names |= {"cls_token": "[CLS]", "sep_token": "[SEP]"} if kind == "masked" else {}
    PreTrainedTokenizerFast(tokenizer_object=made, **names).save_pretrained(place)
    if kind == "causal":
        config = GPT2Config(vocab_size=len(vocab), n_positions=24, n_embd=16, n_layer=2, n_head=2, bos_token_id=2,
                            eos_token_id=3)  # fmt: skip
        network = GPT2LMHeadModel(config)
    else:
        config = BertConfig(vocab_size=len(vocab), hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
                            intermediate_size=32, max_position_embeddings=24)  # fmt: skip
        network = BertForMaskedLM(config)
    with torch.no_grad():  # logits of a fresh model are all alike
        for parameter in network.parameters():
            parameter.add_(torch.randn(parameter.shape) * 0.3)
    network.save_pretrained(place)
    return place


@pytest.fixture(scope="module")
def causal(tmp_path_factory):
    return LanguageModel(checked(folder(tmp_path_factory.mktemp("lm") / "causal", "causal")))


@pytest.fixture(scope="module")
def masked(tmp_path_factory):
    return LanguageModel(checked(folder(tmp_path_factory.mktemp("lm") / "masked", "masked")))


def own_loss(model: LanguageModel, ids: list[int], labels: list[int] | None = None) -> float:
    """Transformers' own loss of one row."""
    with torch.inference_mode():
        wanted = torch.tensor([labels if labels is not None else ids])
        return float(model._model(input_ids=torch.tensor([ids]), labels=wanted).loss)


def test_text_loss_is_the_model_s_own_loss_whatever_the_batch(causal):
    texts = ["the cat sat on a mat", "dog", "a dog ran and ran and ran", "", "   ", "密 码 忘", "the cat sat on a mat"]
    found = causal.text_losses(texts)
    for text, value in zip(texts, found, strict=True):
        ids = causal.tokenizer(text)["input_ids"]
        if not ids:
            assert math.isnan(value)
        else:
            assert abs(value - own_loss(causal, [2, *ids])) < 1e-5
    assert found[0] == found[6]
    assert math.isclose(
        causal.text_losses(["the cat"])[0], causal.text_losses(["the cat", "dog ran " * 9])[0], abs_tol=1e-5
    )


def test_a_long_text_is_read_to_the_model_s_length(causal):
    assert causal.longest == 24
    ids = causal.tokenizer("the cat sat " * 40)["input_ids"]
    assert abs(causal.text_losses(["the cat sat " * 40])[0] - own_loss(causal, [2, *ids][:24])) < 1e-5


def test_answer_losses_judge_the_answer_alone(causal):
    found = causal.answer_losses(["the cat", "the cat", "", "dog"], ["sat on a mat", "", "ran", "dog"])
    prompt, answer = causal.tokenizer("the cat")["input_ids"], causal.tokenizer("sat on a mat")["input_ids"]
    row = [2, *prompt, *answer]
    after = own_loss(causal, row, [-100] * (1 + len(prompt)) + answer)
    np.testing.assert_allclose(found[0], [after, own_loss(causal, [2, *answer])], atol=1e-5)
    assert np.isnan(found[1:3]).all() and np.isfinite(found[3]).all()


def test_a_long_prompt_loses_its_beginning_not_the_answer(causal):
    found = causal.answer_losses(["the cat sat " * 40], ["dog ran"])
    prompt, answer = causal.tokenizer("the cat sat " * 40)["input_ids"], causal.tokenizer("dog ran")["input_ids"]
    row = [2, *prompt[-21:], *answer]
    assert len(row) == 24 and abs(found[0, 0] - own_loss(causal, row, [-100] * 22 + answer)) < 1e-5


def test_without_a_start_token_both_losses_judge_the_same_tokens(tmp_path):
    model = LanguageModel(checked(folder(tmp_path / "bare", "causal", start=False)))
    prompt, answer = model.tokenizer("the cat")["input_ids"], model.tokenizer("sat on a mat")["input_ids"]
    found = model.answer_losses(["the cat"], ["sat on a mat"])[0]
    after = own_loss(model, [*prompt, *answer], [-100] * (len(prompt) + 1) + answer[1:])
    np.testing.assert_allclose(found, [after, own_loss(model, answer)], atol=1e-5)
    assert np.isnan(model.text_losses(["dog"])).all() and np.isnan(model.answer_losses(["a"], ["dog"])).all()


def test_pseudo_log_likelihood_hides_each_token_once(masked):
    texts = ["the cat sat", "dog", "", "密 码 忘 the cat sat on a mat"]
    found = masked.masked_losses(texts)
    for text, value in zip(texts, found, strict=True):
        if not text:
            assert math.isnan(value)
            continue
        ids, total = masked.tokenizer(text)["input_ids"], 0.0
        for place in range(1, len(ids) - 1):
            hidden = [4 if i == place else own for i, own in enumerate(ids)]
            total += own_loss(masked, hidden, [own if i == place else -100 for i, own in enumerate(ids)])
        assert abs(value - total / (len(ids) - 2)) < 1e-5


def test_small_batches_give_the_same_numbers(masked, causal, monkeypatch):
    texts = ["the cat sat on a mat", "dog ran", "密 码"]
    whole = masked.masked_losses(texts), causal.text_losses(texts)
    monkeypatch.setitem(language.TOKENS_AT_ONCE, "cpu", 3)
    np.testing.assert_allclose(masked.masked_losses(texts), whole[0], atol=1e-5)
    np.testing.assert_allclose(causal.text_losses(texts), whole[1], atol=1e-5)


def test_broken_characters_are_undefined_and_cost_only_themselves(causal, masked):
    texts = ["the cat", "\ud800", "\x00", "dog 😀"]
    for found in (causal.text_losses(texts), masked.masked_losses(texts)):
        assert found.shape == (4,) and np.isfinite(found[[0, 3]]).all()
        assert math.isnan(found[1])


# --- which are configured ---------------------------------------------------------------------------------------------
def test_the_first_of_each_kind_serves_and_bad_folders_are_left_out(tmp_path):
    one, two = folder(tmp_path / "one", "causal"), folder(tmp_path / "two", "causal")
    three = folder(tmp_path / "three", "masked")
    found = configured(f" {tmp_path / 'nowhere'}, {one},{two},{three}")
    assert {kind: model.name for kind, model in found.items()} == {"causal": "one", "masked": "three"}
    problem = language.entries(str(tmp_path / "nowhere"))[0][1]
    assert isinstance(problem, ModelError) and "is not there" in problem.what and configured("") == {}
    content = found["causal"].content
    assert (
        content != checked(two).content
        or (one / "model.safetensors").read_bytes() == (two / "model.safetensors").read_bytes()
    )
    config = json.loads((one / "config.json").read_text())
    (one / "config.json").write_text(json.dumps(config | {"layer_norm_epsilon": 0.5}))
    assert checked(one).content != content


def test_folders_that_are_no_language_model_are_refused(tmp_path):
    made = folder(tmp_path / "lm", "causal")
    config = json.loads((made / "config.json").read_text())
    (made / "config.json").write_text(json.dumps(config | {"architectures": ["BertForSequenceClassification"]}))
    with pytest.raises(ModelError, match="no language model"):
        checked(made)
    (made / "model.safetensors").unlink()
    with pytest.raises(ModelError, match="no safetensors"):
        checked(made)


def test_missing_weights_are_refused_and_not_made_up(tmp_path):
    from safetensors.torch import load_file, save_file

    made = folder(tmp_path / "lm", "causal")
    weights = load_file(made / "model.safetensors")
    weights.pop("transformer.h.1.mlp.c_fc.weight")
    save_file(weights, made / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match="lacks weights"):
        LanguageModel(checked(made))


# --- the real tiny model ----------------------------------------------------------------------------------------------
needs_tiny = pytest.mark.skipif(not TINY.is_dir(), reason="shared/data/tiny_lm is not here")


@pytest.fixture(scope="module")
def dreams(tmp_path_factory):
    place = tmp_path_factory.mktemp("lm") / "dreams"
    return llama2c.convert(TINY / "aidreams260K.bin", TINY / "tok512.bin", place)


def logits_by_hand(ids: list[int]) -> np.ndarray:
    """The forward pass of llama2.c in numpy, pairs turned as in its own code, from the bytes of the file."""
    data = np.fromfile(TINY / "aidreams260K.bin", dtype="<f4")
    dim, hidden, layers, heads, kv_heads, vocab, length = data[:7].view("<i4").tolist()
    size, at = dim // heads, 7

    def take(*shape):
        nonlocal at
        at += int(np.prod(shape))
        return data[at - int(np.prod(shape)) : at].reshape(shape).astype(np.float64)

    kv = size * kv_heads
    embed, norm_1, q = take(vocab, dim), take(layers, dim), take(layers, dim, dim)
    k, v, o, norm_2 = take(layers, kv, dim), take(layers, kv, dim), take(layers, dim, dim), take(layers, dim)
    w1, w2, w3 = take(layers, hidden, dim), take(layers, dim, hidden), take(layers, hidden, dim)
    norm, cos, sin = take(dim), take(length, size // 2), take(length, size // 2)

    def scaled(x, weight):
        return x / np.sqrt((x**2).mean(axis=-1, keepdims=True) + 1e-5) * weight

    def turned(x):  # (t, heads, size)
        even, odd, c, s = x[..., 0::2], x[..., 1::2], cos[: len(x), None], sin[: len(x), None]
        return np.stack([even * c - odd * s, even * s + odd * c], axis=-1).reshape(x.shape)

    x, t = embed[ids], len(ids)
    for i in range(layers):
        h = scaled(x, norm_1[i])
        own = [turned((h @ w[i].T).reshape(t, -1, size)) for w in (q, k)]
        values = (h @ v[i].T).reshape(t, -1, size)
        keys, values = (np.repeat(a, heads // kv_heads, axis=1) for a in (own[1], values))
        weight = np.einsum("thd,shd->hts", own[0], keys) / np.sqrt(size)
        weight = np.where(np.tril(np.ones((t, t), dtype=bool)), weight, -np.inf)
        weight = np.exp(weight - weight.max(axis=-1, keepdims=True))
        weight /= weight.sum(axis=-1, keepdims=True)
        x = x + np.einsum("hts,shd->thd", weight, values).reshape(t, dim) @ o[i].T
        h = scaled(x, norm_2[i])
        gate = h @ w1[i].T
        x = x + (gate / (1 + np.exp(-gate)) * (h @ w3[i].T)) @ w2[i].T
    return scaled(x, norm) @ embed.T


@needs_tiny
def test_the_real_tiny_model_converts_and_gives_the_logits_of_its_own_code(dreams):
    model = LanguageModel(checked(dreams))
    assert sum(p.numel() for p in model._model.parameters()) == 230_976
    ids = model.tokenizer("I dreamed of a garden.")["input_ids"]
    with torch.inference_mode():
        found = model._model(torch.tensor([ids])).logits[0].numpy()
    np.testing.assert_allclose(found, logits_by_hand(ids), atol=2e-3)
    logs = logits_by_hand(ids)
    logs = logs - np.log(np.exp(logs).sum(axis=1, keepdims=True))
    expected = -np.mean([logs[i, ids[i + 1]] for i in range(len(ids) - 1)])
    assert abs(model.text_losses(["I dreamed of a garden."])[0] - expected) < 1e-3


@needs_tiny
def test_the_real_tokenizer_reads_and_writes_any_text(dreams):
    tokenizer = LanguageModel(checked(dreams)).tokenizer
    for text in ("I dreamed of a garden.", "密码忘了", "déjà vu 😀", "a  b"):
        ids = tokenizer(text)["input_ids"]
        assert ids[0] == 1 and tokenizer.decode(ids, skip_special_tokens=True) == text


def test_other_files_are_refused(tmp_path):
    (tmp_path / "a.bin").write_bytes(b"short")
    (tmp_path / "b.bin").write_bytes(np.array([64, 1, 1, 4, 4, 512, 128], "<i4").tobytes() + b"\0" * 40)
    for name in ("a.bin", "b.bin"):
        with pytest.raises(ModelError, match="version 0"):
            llama2c.convert(tmp_path / name, tmp_path / "a.bin", tmp_path / "out")
    assert llama2c.main(["only one"]) == 2 and llama2c.main([str(tmp_path / "a.bin")] * 3) == 1
    assert not (tmp_path / "out").exists()
