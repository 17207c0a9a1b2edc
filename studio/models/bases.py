"""Where the weights of a base model lie, and whether they may be used: local files, safetensors, known checksums."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from studio.errors import ModelError
from studio.models import minilm


def folder(base: str, allow_list: Sequence[str] = ()) -> Path:
    """Folder of a base's weights: `minilm` from its package, or a path that the host allowed.

    Raises:
        MissingPackage: the package with MiniLM's weights is not installed.
        ModelError: the weights are not the known ones, or the path is not allowed.
    """
    if base == "minilm":
        return minilm.model_folder()
    if base not in allow_list:
        raise ModelError(
            "This base model is not on the allow-list", got=base, fix="Ask the host to add its folder to STUDIO_MODELS."
        )
    return Path(base)


def check_folder(place: Path) -> None:
    """Refuse a folder without config.json or without safetensors weights (pickled weights can run code).

    Raises:
        ModelError: the folder is not usable.
    """
    if not (place / "config.json").exists():
        raise ModelError("The model folder has no config.json", got=str(place), fix="Choose a model folder.")
    if not any(place.glob("*.safetensors")):
        raise ModelError(
            "The model folder has no safetensors weights",
            got=str(place),
            fix="Convert the weights to safetensors; pickled weights are never read.",
        )


def tokenizer(place: Path) -> Any:
    """The fast tokenizer of a model folder.

    Raises:
        ModelError: the folder has none.
    """
    from transformers import PreTrainedTokenizerFast  # heavy: only workers tokenise

    try:
        if not (place / "tokenizer.json").exists():
            raise OSError("tokenizer.json is missing")
        return PreTrainedTokenizerFast.from_pretrained(place, local_files_only=True)
    except (OSError, ValueError) as error:
        raise ModelError(
            "The model folder has no readable tokenizer",
            got=f"{place.name}: {error}",
            fix="Choose a folder with tokenizer.json.",
        ) from error
