"""A real, tiny BERT text classifier made in the test: built from its config, trained for some steps, safetensors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

RUDE = ("stupid", "awful", "笨")
PLAIN = (
    "she",
    "he",
    "wrote",
    "a",
    "letter",
    "about",
    "the",
    "thing",
    "nice",
    "day",
    "he's",
    "他",
    "她",
    "写",
    "信",
    "好",
)
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")


def tokenizer(longest: int = 32) -> PreTrainedTokenizerFast:
    """Whole words and single Han characters, `[CLS] text [SEP]`."""
    vocabulary = {word: i for i, word in enumerate((*SPECIAL, *RUDE, *PLAIN))}
    made = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer()
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    return PreTrainedTokenizerFast(tokenizer_object=made, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]",
                                   sep_token="[SEP]", model_max_length=longest)  # fmt: skip


def save(folder: Path, *, steps: int = 60, labels: tuple[str, ...] = ("fine", "toxic"), seed: int = 0,
         **config: Any) -> Path:  # fmt: skip
    """Write the classifier; with steps it learns that texts with a rude word belong to the last class."""
    torch.manual_seed(seed)
    words = tokenizer()
    settings = {"vocab_size": len(words), "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2,
                "intermediate_size": 64, "max_position_embeddings": 32, "pad_token_id": 0}  # fmt: skip
    named = {"id2label": dict(enumerate(labels)), "label2id": {name: i for i, name in enumerate(labels)}}
    model = BertForSequenceClassification(BertConfig(**(settings | named | config)))
    if steps:
        _train(model, words, steps)
    model.save_pretrained(folder)
    words.save_pretrained(folder)
    return folder


def _train(model: BertForSequenceClassification, words: PreTrainedTokenizerFast, steps: int) -> None:
    texts = [f"{who} wrote a {what} letter" for who in ("she", "he") for what in ("nice", "stupid", "awful", "day")]
    texts += ["他写信好", "他写信笨", "她写信好", "她写信笨"]
    truth = torch.tensor([int(any(word in text for word in RUDE)) for text in texts])
    batch = words(texts, padding=True, return_tensors="pt")
    optimiser = torch.optim.AdamW(model.parameters(), lr=5e-3)
    model.train()
    for _ in range(steps):
        optimiser.zero_grad()
        logits = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits
        torch.nn.functional.cross_entropy(logits, truth).backward()
        optimiser.step()
    model.eval()


def oracle(folder: Path, text: str, column: int) -> float:
    """Transformers alone, one text, full precision: the softmax probability of a class."""
    model = BertForSequenceClassification.from_pretrained(folder, dtype=torch.float32).eval()
    batch = PreTrainedTokenizerFast.from_pretrained(folder)(text, truncation=True, max_length=32, return_tensors="pt")
    with torch.no_grad():
        logits = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits
    return float(torch.softmax(logits.double(), -1)[0, column])
