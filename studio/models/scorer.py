"""Scorer models of the host's choice (sentiment, toxicity): what STUDIO_SCORER names, checked, loaded, asked.

`STUDIO_SCORER` holds entries separated by commas: `name=folder#class`. The folder has config.json, model.safetensors
and tokenizer.json of a sequence classification model; `#class` names the class whose probability counts and may be
left out where the model has one output. Without a name the folder's own is taken. torch is imported inside functions.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from studio.errors import ModelError
from studio.models import bases
from studio.models.minilm import TOKEN_BUDGET, has_bf16_cpu
from studio.models.whole import load_whole
from studio.records import Array

SETTING = "STUDIO_SCORER"
LONGEST = 512  # tokens read of a text at most; less where the model's positions end earlier
TRIED = 64  # texts on which half precision is held against full before it is used
WORST = 0.005  # ours: a probability may differ by this on average between the two precisions, else full is used
SCORED, EMPTY, FAILED, CUT = 0, 1, 2, 3  # how a text ended: CUT was scored on its beginning
_FILES = ("*.json", "*.safetensors")


@dataclass(frozen=True)
class Scorer:
    """A usable entry: `output` is the class that counts (place `column`), `kind` softmax, sigmoid or raw."""

    name: str
    folder: Path
    output: str
    column: int
    kind: str


@dataclass(frozen=True)
class Entry:
    """One entry of the setting: its scorer, or what is wrong with it."""

    name: str
    scorer: Scorer | None = None
    problem: ModelError | None = None


# --- what the host set ------------------------------------------------------------------------------------------------
def entries(setting: str) -> tuple[Entry, ...]:
    """Every entry of the setting in order, usable or with its problem; nothing is loaded."""
    found: list[Entry] = []
    for part in filter(None, (piece.strip() for piece in setting.split(","))):
        name, path, output = _parts(part)
        try:
            if any(entry.name == name for entry in found):
                raise ModelError(
                    "Two scorers have the same name", got=name, fix="Give each its own: name=folder#class."
                )
            found.append(Entry(name, _checked(name, path, output)))
        except ModelError as error:
            found.append(Entry(name, problem=error))
    return tuple(found)


def by_name(setting: str, name: str) -> Scorer:
    """The usable scorer of that name.

    Raises:
        ModelError: there is none, or its entry has a problem.
    """
    for entry in entries(setting):
        if entry.name == name and entry.problem is not None:
            raise entry.problem
        if entry.name == name and entry.scorer is not None:
            return entry.scorer
    raise ModelError("There is no such scorer", got=name, fix="Ask the host to name it in STUDIO_SCORER.")


def _parts(part: str) -> tuple[str, str, str]:
    head, equals, tail = part.partition("=")
    name, rest = (head.strip(), tail) if equals and "/" not in head else ("", part)
    path, _, output = rest.partition("#")
    plain = unicodedata.normalize("NFKC", name or Path(path.strip()).name)
    return plain if name else re.sub(r"\W+", "_", plain).strip("_")[:40], path.strip(), output.strip()


def _checked(name: str, path: str, output: str) -> Scorer:
    if not name or len(name) > 40 or re.search(r"\W", name):
        raise ModelError("A scorer's name is not usable", got=name, fix="Use up to 40 letters, digits and underscores.")
    folder = Path(path).expanduser()
    if not path or not folder.is_dir():
        raise ModelError("The scorer's folder is not there", got=path, fix="Set STUDIO_SCORER to name=folder#class.")
    bases.check_folder(folder)
    if not (folder / "tokenizer.json").is_file():
        raise ModelError("The scorer's folder has no tokenizer.json", got=str(folder),
                         fix="Save the model's fast tokenizer there.")  # fmt: skip
    config = _config(folder)
    if not any(str(kind).endswith("ForSequenceClassification") for kind in config.get("architectures") or ()):
        raise ModelError("The scorer is no text classifier", got=", ".join(map(str, config.get("architectures") or ())),
                         fix="Choose a sequence classification model.")  # fmt: skip
    labels = _labels(config)
    column = _column(labels, output)
    many = config.get("problem_type") == "multi_label_classification"
    kind = "sigmoid" if many else "raw" if len(labels) == 1 else "softmax"
    return Scorer(name, folder.resolve(), labels[column], column, kind)


def _config(folder: Path) -> dict[str, Any]:
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        if isinstance(config, dict):
            return config
        reason = "it is no object"
    except (OSError, ValueError) as error:
        reason = str(error)
    raise ModelError("The scorer's config.json cannot be read", got=f"{folder}: {reason}", fix="Choose a model folder.")


def _labels(config: dict[str, Any]) -> list[str]:
    """Class names in the order of the outputs; transformers writes none for a plain model of two."""
    named = config.get("id2label")
    if not isinstance(named, dict) or not named:
        return [f"LABEL_{i}" for i in range(int(config.get("num_labels") or 2))]
    try:
        return [str(named[key]) for key in sorted(named, key=int)]
    except ValueError:
        return [str(value) for value in named.values()]


def _column(labels: Sequence[str], output: str) -> int:
    if not output and len(labels) == 1:
        return 0
    folded = [label.casefold() for label in labels]
    if output.casefold() in folded:
        return folded.index(output.casefold())
    raise ModelError("The scorer has no class of that name", got=output or "none was named",
                     fix=f"Write one of these behind #: {', '.join(labels)}.")  # fmt: skip


# --- which model it is ------------------------------------------------------------------------------------------------
def _files(folder: Path) -> list[Path]:
    return sorted(path for pattern in _FILES for path in folder.glob(pattern))


def content_hash(scorer: Scorer) -> str:
    """sha256 over the names and bytes of the model's files: what stored scores are keyed by."""
    digest = hashlib.sha256()
    for path in _files(scorer.folder):
        with path.open("rb") as handle:
            digest.update(f"{path.name}\n{hashlib.file_digest(handle, 'sha256').hexdigest()}\n".encode())
    return digest.hexdigest()


def stamp(scorer: Scorer) -> str:
    """Names, sizes and times of the model's files in 16 digits: cheap enough for a page to see that they changed."""
    facts = [(path.name, (stat := path.stat()).st_size, stat.st_mtime_ns) for path in _files(scorer.folder)]
    return hashlib.sha256(json.dumps(facts).encode("utf-8")).hexdigest()[:16]


# --- asking it --------------------------------------------------------------------------------------------------------
class Model:
    """A loaded scorer.

    Args:
        scorer: which.
        device: auto, cuda, mps or cpu.
        precision: auto (bfloat16 where the device has it and it agrees with float32 on the texts) or float32.

    Raises:
        ModelError: the weights do not fit the config, or the device is not there.
    """

    def __init__(self, scorer: Scorer, device: str = "cpu", *, precision: str = "auto") -> None:
        import torch  # heavy: only workers load weights

        from studio.models import choose_device

        self.scorer, self.device = scorer, choose_device(device)
        self.tokenizer = bases.tokenizer(scorer.folder)
        self._model = load_whole(scorer.folder, "classifier").to(self.device)
        self._half = precision == "auto" and (
            has_bf16_cpu() if self.device == "cpu" else self.device == "cuda" and torch.cuda.is_bf16_supported()
        )
        self.precision = "float32"
        self.longest = _longest(self._model.config, self.tokenizer)
        self._vocabulary = int(self._model.get_input_embeddings().num_embeddings)
        self._padding = int(self.tokenizer.pad_token_id or 0)

    def settle(self, texts: Sequence[str]) -> float:
        """Choose the precision on evenly spaced texts; returns the mean difference seen (0 where full is used anyway).

        Half precision is kept where the scores differ by at most 0.005 on average (of a raw output: of its spread).
        """
        import torch  # loaded already by __init__

        filled = [text for text in texts if text.strip()]
        tried = filled[:: max(1, len(filled) // TRIED)][:TRIED]
        if not self._half or not tried:
            return 0.0
        full, _ = self.score(tried)
        self._model.to(torch.bfloat16)
        half, _ = self.score(tried)
        both = np.isfinite(full) & np.isfinite(half)
        scale = 1.0 if self.scorer.kind != "raw" else max(float(np.nanstd(full)), 1e-9)
        apart = float(np.abs(full - half)[both].mean()) / scale if both.any() else np.inf
        if apart <= WORST:
            self.precision = "bfloat16"
        else:
            self._model = load_whole(self.scorer.folder, "classifier").to(
                self.device
            )  # rounding to half lost digits for good
        return apart

    def score(
        self,
        texts: Sequence[str],
        *,
        on_progress: Callable[[int], None] | None = None,
        check_stop: Callable[[], None] | None = None,
    ) -> tuple[Array, Array]:
        """The score of each text and how it ended.

        Returns:
            values (n,) float64, NaN for an empty text and for one the model cannot read; ends (n,) int8: SCORED,
            EMPTY, FAILED or CUT.
        """
        values, ends = np.full(len(texts), np.nan), np.full(len(texts), SCORED, np.int8)
        ends[[i for i, text in enumerate(texts) if not text.strip()]] = EMPTY
        ids = self._tokens(texts, ends)
        filled = [i for i in range(len(texts)) if ends[i] in (SCORED, CUT)]
        done = len(texts) - len(filled)
        for batch in _batches(filled, ids, TOKEN_BUDGET[self.device]):
            if check_stop is not None:
                check_stop()
            found = self._forward([ids[i] for i in batch])
            values[batch] = found
            ends[[i for i, value in zip(batch, found, strict=True) if not np.isfinite(value)]] = FAILED
            done += len(batch)
            if on_progress is not None:
                on_progress(done)
        return np.where(np.isfinite(values), values, np.nan), ends

    def _tokens(self, texts: Sequence[str], ends: Array) -> list[list[int]]:
        """Token ids of each text, cut at the model's length; a text that cannot be read is FAILED by itself."""
        own = {"truncation": True, "max_length": self.longest, "return_attention_mask": False}
        found: list[list[int]] = []
        for i, text in enumerate(texts):
            if ends[i] == EMPTY:
                found.append([])
                continue
            try:
                told = self.tokenizer(text, return_overflowing_tokens=True, **own)
            except (TypeError, ValueError, UnicodeError):
                told = None
            rows = told["input_ids"] if told is not None else [[]]
            if not rows[0] or max(rows[0]) >= self._vocabulary:
                ends[i] = FAILED
            elif len(rows) > 1:
                ends[i] = CUT
            found.append(list(rows[0]))
        return found

    def _forward(self, ids: Sequence[Sequence[int]]) -> Array:
        """(n,) float64 scores of one batch."""
        import torch  # loaded already by __init__

        width = max(len(row) for row in ids)
        padded = np.full((len(ids), width), self._padding, np.int64)
        mask = np.zeros((len(ids), width), np.int64)
        for row, own in enumerate(ids):
            padded[row, : len(own)], mask[row, : len(own)] = own, 1
        with torch.inference_mode():
            logits = self._model(
                input_ids=torch.from_numpy(padded).to(self.device),
                attention_mask=torch.from_numpy(mask).to(self.device),
            ).logits.double()  # (n, c)
            if self.scorer.kind == "softmax":
                logits = torch.softmax(logits, dim=-1)
            elif self.scorer.kind == "sigmoid":
                logits = torch.sigmoid(logits)
            return logits[:, self.scorer.column].cpu().numpy()


def _longest(config: Any, tokenizer: Any) -> int:
    """How many tokens the model can read: positions of the RoBERTa family begin after the padding's."""
    known = getattr(config, "max_position_embeddings", None)
    places = int(known) if isinstance(known, int) and known > 0 else LONGEST
    if "roberta" in str(config.model_type) or config.model_type == "camembert":
        places -= int(config.pad_token_id or 0) + 1
    return max(4, min(LONGEST, places, int(min(tokenizer.model_max_length, 10**6))))


def _batches(rows: Sequence[int], ids: Sequence[Sequence[int]], budget: int) -> Iterator[list[int]]:
    """Rows in order of length, in batches of at most `budget` padded tokens (at least one text each)."""
    batch: list[int] = []
    for i in sorted(rows, key=lambda row: len(ids[row])):
        if batch and len(ids[i]) * (len(batch) + 1) > budget:
            yield batch
            batch = []
        batch.append(i)
    if batch:
        yield batch
