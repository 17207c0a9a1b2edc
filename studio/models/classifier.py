"""The text classifier that is fine-tuned: an encoder body, mean pooling and one linear head.

MiniLM was trained with mean pooling, so the stock classification head (on the first token) starts at chance; ours
starts from a logistic probe on the very vectors it pools. This module imports torch when it is imported, because a
network class needs its parent at definition: only workers and notebooks import it.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from transformers import MODEL_MAPPING, AutoConfig, AutoModel, PreTrainedConfig, PreTrainedModel
from transformers.modeling_outputs import SequenceClassifierOutput
from transformers.utils import logging as transformers_logging

from studio.errors import ModelError
from studio.models import bases
from studio.models.baseline import NgramClassifier, softmax
from studio.models.quiet import quiet_loading, warn_of_gaps
from studio.records import Array

transformers_logging.disable_progress_bar()  # a run's log is for what goes wrong
FACTS = "winnow.json"
FORMAT = 1


class MeanPooledConfig(PreTrainedConfig):
    """Config of `MeanPooledClassifier`; `body` is the encoder's own config as a dict."""

    model_type = "winnow_mean_pooled"

    def __init__(
        self,
        body: dict[str, Any] | None = None,
        head_dropout: float = 0.1,
        label_names: Sequence[str] = (),
        **kwargs: Any,
    ) -> None:
        self.body = dict(body or {})
        self.head_dropout = head_dropout
        self.label_names = list(label_names)
        if self.label_names:
            kwargs["id2label"] = dict(enumerate(self.label_names))
            kwargs["label2id"] = {name: i for i, name in enumerate(self.label_names)}
        super().__init__(**kwargs)


class MeanPooledClassifier(PreTrainedModel):
    """Encoder, mean over real tokens, unit length, dropout, linear head.

    logits (n, c) = W dropout(v) + b with v (n, d) = mean of the last hidden states over the attention mask, divided by
    its length, as the MiniLM sentence vectors are.
    """

    config_class = MeanPooledConfig
    base_model_prefix = "body"

    def __init__(self, config: MeanPooledConfig) -> None:
        super().__init__(config)
        body = dict(config.body)
        inner = AutoConfig.for_model(body.pop("model_type"), **body)
        self.body = AutoModel.from_config(inner, **_without_pooler(inner))
        self.dropout = nn.Dropout(config.head_dropout)
        self.head = nn.Linear(self.body.config.hidden_size, len(config.label_names))
        self.post_init()

    def _init_weights(self, module: nn.Module) -> None:
        """Fresh heads start at zero: every class is equally likely until the probe's weights are copied in."""
        if module is getattr(self, "head", None):
            nn.init.zeros_(module.weight)
            nn.init.zeros_(module.bias)

    def pool(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """(n, d) unit rows."""
        hidden = self.body(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state  # (n, t, d)
        mask = attention_mask.unsqueeze(-1).to(hidden.dtype)
        mean = (hidden * mask).sum(dim=1) / mask.sum(dim=1).clamp(min=1e-9)
        return nn.functional.normalize(mean, dim=-1)

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor, labels: torch.Tensor | None = None, **_: Any
    ) -> SequenceClassifierOutput:
        """Logits, and the mean cross-entropy over the rows whose label is not -100."""
        logits = self.head(self.dropout(self.pool(input_ids, attention_mask)))
        loss = None
        if labels is not None:
            known = (labels != -100).sum()
            loss = nn.functional.cross_entropy(logits.float(), labels, ignore_index=-100, reduction="sum")
            loss = loss / known.clamp(min=1)
        return SequenceClassifierOutput(loss=loss, logits=logits)


def build(folder: Path, labels: Sequence[str], *, dropout: float = 0.1) -> MeanPooledClassifier:
    """A classifier on the weights of an encoder folder, head at zero.

    Raises:
        ModelError: the folder holds no safetensors weights or no encoder.
    """
    bases.check_folder(folder)
    try:
        inner = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        with quiet_loading():
            body, info = AutoModel.from_pretrained(
                folder,
                local_files_only=True,
                trust_remote_code=False,
                use_safetensors=True,
                dtype=torch.float32,
                output_loading_info=True,
                **_without_pooler(inner),
            )
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(
            "The base model cannot be loaded",
            got=f"{folder.name}: {error}",
            fix="Choose a folder with config.json, a tokenizer and model.safetensors.",
        ) from error
    warn_of_gaps(folder.name, info)
    return around(body, labels, dropout=dropout)


def _without_pooler(config: Any) -> dict[str, bool]:
    """The argument that leaves the unused pooling layer out, for the encoders that know it."""
    model_class = MODEL_MAPPING.get(type(config), None)
    known = model_class is not None and "add_pooling_layer" in inspect.signature(model_class.__init__).parameters
    return {"add_pooling_layer": False} if known else {}


def around(body: PreTrainedModel, labels: Sequence[str], *, dropout: float = 0.1) -> MeanPooledClassifier:
    """A classifier around a body that is already in memory."""
    config = MeanPooledConfig(body=_body_config(body), head_dropout=dropout, label_names=list(labels))
    model = MeanPooledClassifier(config)
    model.body.load_state_dict(body.state_dict())
    return model.eval()


def _body_config(body: PreTrainedModel) -> dict[str, Any]:
    facts = json.loads(body.config.to_json_string(use_diff=False))
    for name in ("_name_or_path", "architectures", "transformers_version", "dtype", "torch_dtype"):
        facts.pop(name, None)
    return facts


def set_head(model: MeanPooledClassifier, weight: Array, bias: Array, *, scale: float = 1.0) -> None:
    """Copy a probe into the head; `scale` sharpens its probabilities without changing which class wins."""
    with torch.no_grad():
        model.head.weight.copy_(torch.from_numpy(np.asarray(weight * scale, np.float32)))
        model.head.bias.copy_(torch.from_numpy(np.asarray(bias * scale, np.float32)))


def freeze_layers(model: MeanPooledClassifier, layers: int) -> int:
    """Stop the embeddings and the first `layers` encoder layers from learning; returns how many parameters still do.

    Raises:
        ModelError: the body has fewer layers.
    """
    stack = getattr(getattr(model.body, "encoder", None), "layer", None)
    if stack is None or layers > len(stack):
        raise ModelError(
            "This base model has too few layers to freeze",
            got=f"{layers} of {len(stack or ())}",
            fix="Freeze fewer layers.",
        )
    parts = [model.body.embeddings, *list(stack)[:layers]]
    for part in parts:
        for parameter in part.parameters():
            parameter.requires_grad = False
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def add_lora(model: MeanPooledClassifier, *, rank: int, alpha: int, targets: Sequence[str], dropout: float = 0.0):
    """Wrap the body's named layers in low-rank adapters; the head is trained and saved whole.

    Raises:
        ModelError: a named layer does not exist, or the head would not be saved with the adapter.

    Paper: lora-2022, as published; the head is in modules_to_save, since it is new (peft#310, #577).
    """
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(
        r=rank,
        lora_alpha=alpha,
        lora_dropout=dropout,
        target_modules=list(targets),
        modules_to_save=["head"],
        bias="none",
    )
    try:
        wrapped = get_peft_model(model, config)
    except ValueError as error:
        raise ModelError(
            "LoRA cannot find the layers to adapt",
            got=", ".join(targets),
            fix="Name layers of this base model, for BERT types query and value.",
        ) from error
    if not any("modules_to_save" in name for name, p in wrapped.named_parameters() if p.requires_grad):
        raise ModelError(
            "The head would not be saved with the adapter",
            got=", ".join(targets),
            fix="Keep the head out of the adapter's targets.",
        )
    return wrapped


# --- saving and loading -----------------------------------------------------------------------------------------------
class Classifier:
    """A trained classifier of any kind behind one question: texts in, class probabilities out."""

    def __init__(self, labels: Sequence[str], logits: Callable[[Sequence[str]], Array], network: Any = None) -> None:
        self.labels = tuple(labels)
        self.network = network
        self._logits = logits

    def logits(self, texts: Sequence[str]) -> Array:
        """(n, c) float32 before softmax."""
        return self._logits(texts)

    def predict_probs(self, texts: Sequence[str], on_batch: Callable[[int, int], None] | None = None) -> Array:
        """(n, c) float32; texts are taken in slices of like length so that little is padded.

        Args:
            texts: n texts, any order.
            on_batch: called with (done, total) between slices; it may raise to stop.
        """
        order = np.argsort([len(text) for text in texts], kind="stable")
        out = np.zeros((len(texts), len(self.labels)), np.float32)
        for start in range(0, len(texts), 64):
            rows = order[start : start + 64]
            out[rows] = softmax(self._logits([texts[i] for i in rows]))
            if on_batch:
                on_batch(min(start + 64, len(texts)), len(texts))
        return out


def runner(model: nn.Module, tokenizer: Any, max_length: int, device: str) -> Callable[[Sequence[str]], Array]:
    """The function texts -> logits (n, c) of a network in evaluation mode."""

    def logits(texts: Sequence[str]) -> Array:
        if not len(texts):
            return np.zeros((0, 0), np.float32)
        batch = tokenizer(list(texts), padding=True, truncation=True, max_length=max_length, return_tensors="pt")
        model.eval()
        with torch.inference_mode():
            out = model(input_ids=batch["input_ids"].to(device), attention_mask=batch["attention_mask"].to(device))
        return out.logits.float().cpu().numpy()

    return logits


def save(folder: Path, model: Any, tokenizer: Any, *, base: str, labels: Sequence[str], max_length: int) -> None:
    """Write a network, its tokenizer and the facts needed to load it; safetensors only.

    A LoRA model is written as adapter and head beside the name of its base; every other network is written whole.
    """
    folder.mkdir(parents=True, exist_ok=True)
    adapter = hasattr(model, "peft_config")
    model.save_pretrained(folder)
    (folder / "README.md").unlink(missing_ok=True)  # peft leaves an empty form there
    tokenizer.save_pretrained(folder)
    facts = {
        "format": FORMAT,
        "kind": "adapter" if adapter else "network",
        "base": base,
        "labels": list(labels),
        "max_length": max_length,
    }
    if adapter:
        network = model.get_base_model()
        facts["dropout"] = network.config.head_dropout
    (folder / FACTS).write_text(json.dumps(facts, ensure_ascii=False, indent=1), encoding="utf-8")


def save_probe(folder: Path, weight: Array, bias: Array, *, base: str, labels: Sequence[str], max_length: int) -> None:
    """Write a linear probe: the head alone, beside the name of the base whose vectors it reads."""
    from safetensors.numpy import save_file

    folder.mkdir(parents=True, exist_ok=True)
    save_file(
        {"weight": np.ascontiguousarray(weight, np.float32), "bias": np.ascontiguousarray(bias, np.float32)},
        folder / "head.safetensors",
    )
    facts = {"format": FORMAT, "kind": "probe", "base": base, "labels": list(labels), "max_length": max_length}
    (folder / FACTS).write_text(json.dumps(facts, ensure_ascii=False, indent=1), encoding="utf-8")


def save_ngrams(folder: Path, model: NgramClassifier) -> None:
    """Write a character n-gram classifier in the same layout."""
    model.save(folder)
    facts = {"format": FORMAT, "kind": "ngrams", "base": "ngrams", "labels": list(model.labels), "max_length": 0}
    (folder / FACTS).write_text(json.dumps(facts, ensure_ascii=False, indent=1), encoding="utf-8")


def load(folder: Path, *, device: str = "cpu", allow_list: Sequence[str] = ()) -> Classifier:
    """Read a trained classifier from its folder.

    Raises:
        ModelError: something is missing, the base is not allowed any more, or the format is newer.
    """
    try:
        facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(
            "The trained model cannot be read", got=f"{folder.name}: {error}", fix="Train the round again."
        ) from error
    if facts.get("format") != FORMAT:
        raise ModelError("The trained model has another format", got=facts.get("format"), fix="Update Winnow.")
    if facts["kind"] == "ngrams":
        ngrams = NgramClassifier.load(folder)
        return Classifier(ngrams.labels, ngrams.logits, ngrams)
    try:
        model = _load_network(folder, facts, allow_list)
        source = folder if facts["kind"] != "probe" else bases.folder(facts["base"], allow_list)
        tokenizer = bases.tokenizer(source)
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(
            "The trained model cannot be loaded", got=f"{folder.name}: {error}", fix="Train the round again."
        ) from error
    model.to(device).eval()
    return Classifier(facts["labels"], runner(model, tokenizer, facts["max_length"], device), model)


def _load_network(folder: Path, facts: dict[str, Any], allow_list: Sequence[str]) -> Any:
    if facts["kind"] == "network":
        bases.check_folder(folder)
        return MeanPooledClassifier.from_pretrained(
            folder, local_files_only=True, use_safetensors=True, dtype=torch.float32
        )
    network = build(bases.folder(facts["base"], allow_list), facts["labels"], dropout=facts.get("dropout", 0.0))
    if facts["kind"] == "probe":
        from safetensors.numpy import load_file

        head = load_file(folder / "head.safetensors")
        set_head(network, head["weight"], head["bias"])
        return network
    from peft import PeftModel

    return PeftModel.from_pretrained(network, folder, local_files_only=True, torch_device="cpu")
