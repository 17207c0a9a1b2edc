"""Chat templates: the same text transformers renders, what is learnt marked, hostile templates held."""

from __future__ import annotations

import json

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from studio.corpus.chat import local_template, render, render_foreign
from studio.corpus.chat_templates import TEMPLATES, ChatTemplate, named_template
from studio.errors import CorpusError

TALK = [
    {"role": "system", "content": "Be kind."},
    {"role": "user", "content": "你好 {{ 7 * 7 }}"},
    {"role": "assistant", "content": "Hello! <b>\n"},
    {"role": "user", "content": " and now?"},
    {"role": "assistant", "content": "再见"},
]


def _tokenizer(template: ChatTemplate) -> PreTrainedTokenizerFast:
    """A byte tokenizer, so that the mask of transformers can be read letter by letter."""
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    inner = Tokenizer(models.BPE(vocab={letter: i for i, letter in enumerate(sorted(alphabet))}, merges=[]))
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    made = PreTrainedTokenizerFast(tokenizer_object=inner, **template.values)
    made.chat_template = template.text
    return made


@pytest.mark.parametrize("name", [item.name for item in TEMPLATES])
@pytest.mark.parametrize("talk", [TALK, TALK[1:], TALK[1:3], TALK[:4]], ids=["all", "no system", "one turn", "open"])
@pytest.mark.parametrize("prompt", [False, True])
def test_the_text_is_what_transformers_renders(name, talk, prompt):
    template = named_template(name)
    expected = _tokenizer(template).apply_chat_template(talk, tokenize=False, add_generation_prompt=prompt)
    assert render(template, talk, add_generation_prompt=prompt).text == expected


@pytest.mark.parametrize("name", [item.name for item in TEMPLATES])
def test_what_is_learnt_is_the_mask_of_transformers(name):
    template = named_template(name)
    tokenizer = _tokenizer(template)
    out = tokenizer.apply_chat_template(TALK, return_assistant_tokens_mask=True, return_dict=True)
    learnt = [token for token, flag in zip(out["input_ids"], out["assistant_masks"], strict=True) if flag]
    ours = render(template, TALK)
    parts = "".join(part["text"] for part in ours.parts() if part["learnt"])
    assert parts == "".join(ours.text[start:end] for start, end in ours.learnt)
    assert learnt == tokenizer(parts, add_special_tokens=False)["input_ids"]
    assert "Hello! <b>" in parts and "再见" in parts
    assert "Be kind" not in parts and "你好" not in parts


def test_well_known_wordings():
    talk = TALK[1:3]
    assert render(named_template("chatml"), [{"role": "user", "content": "Hi"}], add_generation_prompt=True).text == (
        "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
    )
    assert render(named_template("llama3"), [{"role": "user", "content": "Hi"}], add_generation_prompt=True).text == (
        "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|>"
        "<|start_header_id|>assistant<|end_header_id|>\n\n"
    )
    assert render(named_template("zephyr"), TALK[:2]).text == (
        "<|system|>\nBe kind.</s>\n<|user|>\n你好 {{ 7 * 7 }}</s>\n"
    )
    assert render(named_template("mistral"), talk).text == "<s>[INST] 你好 {{ 7 * 7 }} [/INST] Hello! <b>\n</s>"


def test_without_marks_beginnings_tell_what_is_learnt():
    text = ("{% for m in messages %}[{{ m['role'] }}]{{ m['content'] }}\n{% endfor %}"
            "{% if add_generation_prompt %}[assistant]{% endif %}")  # fmt: skip
    ours = render(ChatTemplate("plain", "plain", text), TALK[1:3])
    assert [ours.text[start:end] for start, end in ours.learnt] == ["Hello! <b>\n\n"]
    reversing = ChatTemplate("odd", "odd", "{% for m in messages | reverse %}{{ m['content'] }}{% endfor %}")
    assert render(reversing, TALK[1:3]).learnt is None


def test_special_tokens_are_told_apart():
    parts = render(named_template("chatml"), TALK[1:3]).parts(named_template("chatml").specials)
    assert [part["text"] for part in parts if part["special"]] == ["<|im_start|>", "<|im_end|>"] * 2
    assert "".join(part["text"] for part in parts) == render(named_template("chatml"), TALK[1:3]).text


@pytest.mark.parametrize(
    "text",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ messages.append(1) }}",
        "{% set x = namespace(_a=1) %}",
        "{{ messages[9]['content'].nope() }}",
        "{{ raise_exception('no') }}",
        "{% for x in range(10**9) %}{% endfor %}",
        "{% if %}",
    ],
)
def test_a_template_that_reaches_out_or_breaks_is_refused(text):
    with pytest.raises(CorpusError, match="cannot show this conversation") as caught:
        render(ChatTemplate("bad", "bad", text), TALK)
    assert caught.value.fix


def test_a_template_without_end_ends_in_its_own_process():
    endless = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
    with pytest.raises(CorpusError, match="too long or too much memory"):
        render_foreign(ChatTemplate("endless", "endless", endless), TALK)
    good = render_foreign(named_template("chatml"), TALK)
    assert good == render(named_template("chatml"), TALK)


def test_a_tokenizers_own_template_is_read_and_not_run(tmp_path):
    made = _tokenizer(named_template("zephyr"))
    made.save_pretrained(tmp_path / "saved")
    found = local_template(tmp_path / "saved")
    assert found.text == named_template("zephyr").text
    assert found.values["eos_token"] == "</s>"
    assert render(found, TALK).text == render(named_template("zephyr"), TALK).text
    listed = {"chat_template": [{"name": "tool", "template": "x"}, {"name": "default", "template": "y"}],
              "eos_token": {"content": "<e>"}}  # fmt: skip
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "tokenizer_config.json").write_text(json.dumps(listed))
    assert (local_template(tmp_path / "old").text, local_template(tmp_path / "old").specials) == ("y", ("<e>",))
    (tmp_path / "none").mkdir()
    with pytest.raises(CorpusError, match="no tokenizer"):
        local_template(tmp_path / "none")
    (tmp_path / "none" / "tokenizer_config.json").write_text("{}")
    with pytest.raises(CorpusError, match="no chat template"):
        local_template(tmp_path / "none")
