"""Language models the host configured: which there are, and how surprised they are by texts and by answers.

`STUDIO_LM` names folders separated by commas; the first causal and the first masked one serve. A folder has
config.json, model.safetensors and tokenizer.json. torch is imported inside functions.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from studio.errors import ModelError
from studio.models import bases
from studio.models.whole import load_whole
from studio.records import Array

LONGEST = 1_024  # tokens read of a text at most; less where the model's positions end earlier
LONGEST_MASKED = 256  # a masked model reads every text once per token
TOKENS_AT_ONCE = {"cpu": 2_048, "mps": 8_192, "cuda": 65_536}  # padded tokens per batch
_LOGITS_AT_ONCE = {"cpu": 2**25, "mps": 2**27, "cuda": 2**30}  # numbers of one batch before the softmax
_SPECIAL = -100
Progress = Callable[[int], None]


@dataclass(frozen=True)
class Configured:
    """A usable folder: `kind` is causal or masked, `content` a hash of everything in it that changes a number."""

    name: str
    folder: Path
    kind: str
    content: str


# --- what the host set ------------------------------------------------------------------------------------------------
def entries(setting: str) -> tuple[tuple[str, Configured | ModelError], ...]:
    """Every folder of the setting in order with its model, or with what is wrong with it; nothing is loaded."""
    found: list[tuple[str, Configured | ModelError]] = []
    for part in filter(None, (piece.strip() for piece in setting.split(","))):
        try:
            found.append((part, checked(Path(part).expanduser())))
        except ModelError as error:
            found.append((part, error))
    return tuple(found)


def configured(setting: str) -> dict[str, Configured]:
    """Kind -> the model of that kind, the first of each; folders that cannot be used are named by `doctor`."""
    found: dict[str, Configured] = {}
    for _, model in entries(setting):
        if isinstance(model, Configured):
            found.setdefault(model.kind, model)
    return found


def checked(folder: Path) -> Configured:
    """The record of one folder; nothing is loaded.

    Raises:
        ModelError: there is no such folder, it lacks a file, or holds another kind of model.
    """
    if not folder.is_dir():
        raise ModelError("The language model's folder is not there", got=str(folder), fix="Set STUDIO_LM to a folder.")
    bases.check_folder(folder)
    if not (folder / "tokenizer.json").is_file():
        raise ModelError("The model folder has no readable tokenizer", got=f"{folder.name}: tokenizer.json is missing",
                         fix="Choose a folder with tokenizer.json.")  # fmt: skip
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        names = [str(name) for name in config.get("architectures") or ()]
    except (OSError, ValueError, AttributeError) as error:
        raise ModelError("The model folder has no config.json", got=f"{folder}: {error}",
                         fix="Choose a model folder.") from error  # fmt: skip
    causal = any(name.endswith(("ForCausalLM", "LMHeadModel")) for name in names)
    if not causal and not any(name.endswith("ForMaskedLM") for name in names):
        raise ModelError("The folder holds no language model", got=", ".join(names) or "no architecture",
                         fix="Choose a causal or a masked language model.")  # fmt: skip
    files = sorted(path for kind in ("*.json", "*.safetensors") for path in folder.glob(kind))
    stamp = tuple((str(path), (stat := path.stat()).st_size, stat.st_mtime_ns) for path in files)
    return Configured(folder.name, folder.resolve(), "causal" if causal else "masked", _content(stamp))


@functools.lru_cache(maxsize=16)
def _content(stamp: tuple[tuple[str, int, int], ...]) -> str:
    """Hash over names and bytes of the files; worked out again only when size or time of one changes."""
    digest = hashlib.sha256()
    for name, _, _ in stamp:
        with Path(name).open("rb") as handle:
            digest.update(f"{Path(name).name}\n{hashlib.file_digest(handle, 'sha256').hexdigest()}\n".encode())
    return digest.hexdigest()[:24]


# --- asking it --------------------------------------------------------------------------------------------------------
class LanguageModel:
    """A loaded model and how surprised it is, in nats per token.

    Args:
        chosen: which.
        device: auto, cuda, mps or cpu.

    Raises:
        ModelError: the weights do not fit the config, or the device is not there.
    """

    def __init__(self, chosen: Configured, device: str = "cpu") -> None:
        from studio.models import choose_device

        self.chosen, self.device = chosen, choose_device(device)
        self.tokenizer = bases.tokenizer(chosen.folder)
        self._model = load_whole(chosen.folder, chosen.kind).to(self.device)
        places = getattr(self._model.config, "max_position_embeddings", None) or LONGEST
        if "roberta" in str(self._model.config.model_type):
            places -= int(self._model.config.pad_token_id or 0) + 1
        self.longest = max(4, min(LONGEST if chosen.kind == "causal" else LONGEST_MASKED, int(places)))
        self._vocabulary = int(self._model.get_input_embeddings().num_embeddings)
        self._start = self.tokenizer.bos_token_id
        self._padding = int(self.tokenizer.pad_token_id or 0)

    def text_losses(self, texts: Sequence[str], on_progress: Progress | None = None) -> Array:
        """(n,) mean of -ln p(token | those before it) of a causal model; NaN for a text it has nothing to say of.

        A text is read behind the model's start token, where it has one; without one its first token is not judged.
        Texts are cut at the model's length.
        """
        start = [] if self._start is None else [self._start]
        rows = [(start + ids)[: self.longest] for ids in (self._ids(text) for text in texts)]
        return self._mean_losses(rows, [1] * len(rows), on_progress)

    def answer_losses(
        self, prompts: Sequence[str], answers: Sequence[str], on_progress: Progress | None = None
    ) -> Array:
        """(n, 2) mean of -ln p over the tokens of each answer: after its prompt and a line end, and alone.

        Both judge the same tokens: without a start token the first of the answer is left out of both. An answer takes
        at most half of the model's length, and a longer prompt loses its beginning. NaN without a prompt or an answer.

        Paper: ifd-2024.
        """
        start = [] if self._start is None else [self._start]
        left_out = 0 if start else 1
        after, alone, first = [], [], []
        for prompt, answer in zip(prompts, answers, strict=True):
            own = self._ids(answer)[: self.longest // 2]
            before = self._ids(prompt.rstrip() + "\n") if prompt.strip() else []
            if not own or not before:
                after.append([]), alone.append([]), first.append(1)
                continue
            before = start + before[-(self.longest - len(own) - len(start)) :]
            after.append(before + own)
            alone.append(start + own)
            first.append(len(before) + left_out)
        half = None if on_progress is None else lambda done: on_progress(done // 2)
        rest = None if on_progress is None else lambda done: on_progress((len(prompts) + done) // 2)
        return np.column_stack([
            self._mean_losses(after, first, half),
            self._mean_losses(alone, [len(start) + left_out] * len(alone), rest),
        ])  # fmt: skip

    def masked_losses(self, texts: Sequence[str], on_progress: Progress | None = None) -> Array:
        """(n,) mean of -ln p(token | all other tokens), each token hidden once, of a masked model; NaN without tokens.

        Paper: mlm-scoring-2020; divided by the number of tokens.
        """
        import torch  # loaded already by __init__

        mask = self.tokenizer.mask_token_id
        if mask is None:
            raise ModelError("The masked model's tokenizer has no mask token", got=self.chosen.name,
                             fix="Choose a folder whose tokenizer has one.")  # fmt: skip
        losses = np.full(len(texts), np.nan)
        order = sorted(range(len(texts)), key=lambda i: (len(texts[i]), i))
        for done, i in enumerate(order, start=1):
            ids = self._ids(texts[i], special=True)
            places = [at for at, own in enumerate(ids) if own not in self.tokenizer.all_special_ids]
            total = 0.0
            for part in _parts(places, self._at_once(len(ids))):
                hidden = np.tile(np.array(ids, np.int64), (len(part), 1))
                hidden[np.arange(len(part)), part] = mask
                with torch.inference_mode():
                    logits = self._model(
                        input_ids=torch.from_numpy(hidden).to(self.device),
                        attention_mask=torch.ones(hidden.shape, dtype=torch.long, device=self.device),
                    ).logits[torch.arange(len(part)), torch.tensor(part)]  # (m, v)
                    gold = torch.tensor([ids[at] for at in part], device=self.device)
                    total += float(torch.nn.functional.cross_entropy(logits.float(), gold, reduction="sum"))
            losses[i] = total / len(places) if places else np.nan
            if on_progress is not None:
                on_progress(done)
        return np.where(np.isfinite(losses), losses, np.nan)

    def _ids(self, text: str, *, special: bool = False) -> list[int]:
        """Token ids of a text; none for a blank text and for one the tokenizer cannot read."""
        if not text.strip():
            return []
        try:
            found = self.tokenizer(text, add_special_tokens=special, truncation=special, max_length=self.longest)
        except (TypeError, ValueError, UnicodeError):
            return []
        ids = list(found["input_ids"])
        return ids if not ids or max(ids) < self._vocabulary else []

    def _at_once(self, width: int) -> int:
        """How many rows of `width` tokens go into one batch."""
        tokens = min(TOKENS_AT_ONCE[self.device], _LOGITS_AT_ONCE[self.device] // self._vocabulary)
        return max(1, tokens // max(width, 1))

    def _mean_losses(self, rows: Sequence[list[int]], first: Sequence[int], on_progress: Progress | None) -> Array:
        """(n,) mean loss of the tokens of each row from place `first` on; batches hold rows of like length."""
        losses = np.full(len(rows), np.nan)
        order = sorted((i for i in range(len(rows)) if len(rows[i]) > first[i] > 0), key=lambda i: (len(rows[i]), i))
        done, at = len(rows) - len(order), 0
        while at < len(order):
            size = self._at_once(len(rows[order[min(at + self._at_once(len(rows[order[at]])), len(order)) - 1]]))
            batch = order[at : at + size]
            losses[batch] = self._forward([rows[i] for i in batch], [first[i] for i in batch])
            at, done = at + len(batch), done + len(batch)
            if on_progress is not None:
                on_progress(done)
        return np.where(np.isfinite(losses), losses, np.nan)

    def _forward(self, rows: Sequence[list[int]], first: Sequence[int]) -> Array:
        import torch  # loaded already by __init__

        width = max(len(row) for row in rows)
        padded = np.full((len(rows), width), self._padding, np.int64)
        gold = np.full((len(rows), width), _SPECIAL, np.int64)
        mask = np.zeros((len(rows), width), np.int64)
        for row, (ids, begin) in enumerate(zip(rows, first, strict=True)):
            padded[row, : len(ids)], mask[row, : len(ids)] = ids, 1
            gold[row, begin : len(ids)] = ids[begin:]
        with torch.inference_mode():
            logits = self._model(
                input_ids=torch.from_numpy(padded).to(self.device),
                attention_mask=torch.from_numpy(mask).to(self.device),
            ).logits[:, :-1]  # (n, t - 1, v)
            wanted = torch.from_numpy(gold[:, 1:]).to(self.device)
            each = torch.nn.functional.cross_entropy(
                logits.transpose(1, 2).float(), wanted, ignore_index=_SPECIAL, reduction="none"
            )
            counts = (wanted != _SPECIAL).sum(dim=1)
            return (each.double().sum(dim=1) / counts).cpu().numpy()


def _parts(places: Sequence[int], size: int) -> Iterator[list[int]]:
    for start in range(0, len(places), size):
        yield list(places[start : start + size])
