"""A small encoder from scratch that reads single characters: for languages no local model reads, Chinese first."""

from __future__ import annotations

import json
import math
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from studio.errors import ModelError

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
MAX_CHARACTERS = 8000
MASK_SHARE = 0.15
MARK = "characters.json"


def build_tokenizer(texts: Sequence[str], *, max_vocabulary: int = MAX_CHARACTERS, min_count: int = 2):
    """A tokenizer with one token per character, of the characters that occur at least `min_count` times.

    Text is NFKC-normalised and lower-cased; blanks separate nothing and are dropped.

    Raises:
        ModelError: no character is left.
    """
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(unicodedata.normalize("NFKC", text).lower())
    kept = sorted((c for c, n in counts.items() if n >= min_count and not c.isspace()), key=lambda c: (-counts[c], c))
    if not kept:
        raise ModelError(
            "The texts hold no character often enough to learn", got=f"{len(texts)} texts", fix="Add more texts."
        )
    vocabulary = {token: i for i, token in enumerate([*SPECIAL, *kept[: max_vocabulary - len(SPECIAL)]])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Split(Regex("."), "isolated")]
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", vocabulary["[CLS]"]), ("[SEP]", vocabulary["[SEP]"])]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
        model_max_length=512,
    )


def build_body(
    vocabulary: int, *, hidden: int = 192, layers: int = 3, heads: int = 4, max_length: int = 128
) -> BertModel:
    """A BERT-type encoder with random weights (seed torch first)."""
    return BertModel(
        BertConfig(
            vocab_size=vocabulary,
            hidden_size=hidden,
            num_hidden_layers=layers,
            num_attention_heads=heads,
            intermediate_size=4 * hidden,
            max_position_embeddings=max_length,
            pad_token_id=0,
        ),
        add_pooling_layer=False,
    )


class _MaskedCharacters(nn.Module):
    """The body with a prediction over the vocabulary that shares the embedding matrix."""

    def __init__(self, body: BertModel) -> None:
        super().__init__()
        self.body = body
        hidden = body.config.hidden_size
        self.transform = nn.Sequential(nn.Linear(hidden, hidden), nn.GELU(), nn.LayerNorm(hidden))
        self.bias = nn.Parameter(torch.zeros(body.config.vocab_size))

    def forward(self, ids: torch.Tensor, mask: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
        """Mean cross-entropy over the masked positions (wanted, bool)."""
        states = self.body(input_ids=ids[0], attention_mask=mask).last_hidden_state[wanted]
        logits = self.transform(states) @ self.body.embeddings.word_embeddings.weight.T + self.bias
        return nn.functional.cross_entropy(logits.float(), ids[1][wanted])


def _mask(
    ids: torch.Tensor, attention: torch.Tensor, vocabulary: int, mask_id: int, generator: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Masked ids and the positions to predict: 15 %, of which 80 % masked, 10 % replaced, 10 % left."""
    special = (ids < len(SPECIAL)) | (attention == 0)
    wanted = (torch.rand(ids.shape, generator=generator) < MASK_SHARE) & ~special
    roll = torch.rand(ids.shape, generator=generator)
    masked = ids.clone()
    masked[wanted & (roll < 0.8)] = mask_id
    noise = torch.randint(len(SPECIAL), vocabulary, ids.shape, generator=generator)
    swap = wanted & (roll >= 0.8) & (roll < 0.9)
    masked[swap] = noise[swap]
    return masked, wanted


def _batch(
    rows: Sequence[Sequence[int]], vocabulary: int, mask_id: int, generator: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Padded ids, masked and true (2, n, t), the attention mask (n, t) and the positions to predict (n, t)."""
    width = max(len(row) for row in rows)
    ids = torch.tensor([[*row, *[0] * (width - len(row))] for row in rows])
    attention = (ids != 0).long()
    masked, wanted = _mask(ids, attention, vocabulary, mask_id, generator)
    return torch.stack([masked, ids]), attention, wanted


def warm_up(
    body: BertModel,
    tokenizer: Any,
    texts: Sequence[str],
    *,
    epochs: int,
    max_length: int = 128,
    batch_size: int = 64,
    lr: float = 1e-3,
    seed: int = 0,
    device: str = "cpu",
    on_step: Callable[[int, int, float], None] | None = None,
) -> float:
    """Teach a body the characters of the corpus by masked-character prediction, in place.

    Args:
        body: from `build_body`.
        tokenizer: from `build_tokenizer`.
        texts: every text of the corpus that may be seen (labels are not used).
        epochs: passes over the texts.
        max_length: tokens kept of each text.
        batch_size: texts per step.
        lr: peak learning rate.
        seed: of masks and order.
        device: cpu, cuda or mps.
        on_step: called with (step, total, loss) after each step; it may raise to stop.

    Returns:
        Mean loss of the last 50 steps, in nats per masked character; NaN without a step.

    Paper: bert-2019; departs from it in reading characters and in its size.
    """
    generator = torch.Generator().manual_seed(seed)
    network = _MaskedCharacters(body).to(device).train()
    encoded = [tokenizer(text, truncation=True, max_length=max_length)["input_ids"] for text in texts]
    encoded = [ids for ids in encoded if len(ids) > 3]
    total = epochs * math.ceil(len(encoded) / batch_size)
    if not total:
        return math.nan
    optimiser = torch.optim.AdamW(network.parameters(), lr=lr, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=lr, total_steps=total + 1, pct_start=0.1)
    step, losses = 0, []
    for _ in range(epochs):
        for rows in _by_length(encoded, batch_size, generator):
            step += 1
            batch = _batch([encoded[i] for i in rows], body.config.vocab_size, tokenizer.mask_token_id, generator)
            if not batch[2].any():
                continue
            loss = network(*(part.to(device) for part in batch))
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            optimiser.zero_grad()
            losses.append(float(loss.detach()))
            if on_step:
                on_step(step, total, losses[-1])
    body.eval()
    return sum(losses[-50:]) / max(1, len(losses[-50:]))


def _by_length(encoded: Sequence[Sequence[int]], batch_size: int, generator: torch.Generator) -> list[list[int]]:
    """Batches of like length in random order; rows of equal length are shuffled among themselves."""
    order = torch.randperm(len(encoded), generator=generator).tolist()
    order.sort(key=lambda i: len(encoded[i]))
    batches = [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
    return [batches[i] for i in torch.randperm(len(batches), generator=generator).tolist()]


def save(folder: Path, body: BertModel, tokenizer: Any) -> None:
    """Write body and tokenizer as a base model folder (safetensors)."""
    folder.mkdir(parents=True, exist_ok=True)
    body.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    (folder / MARK).write_text(json.dumps({"format": 1, "vocabulary": len(tokenizer)}), encoding="utf-8")
