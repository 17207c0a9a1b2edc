"""Loading a network with its head out of a folder, every weight from the file: for language models and for scorers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from studio.errors import ModelError
from studio.models.quiet import quiet_loading

KINDS: dict[str, str] = {
    "causal": "AutoModelForCausalLM",
    "masked": "AutoModelForMaskedLM",
    "classifier": "AutoModelForSequenceClassification",
}


def load_whole(folder: Path, kind: str) -> Any:
    """The network in evaluation mode, float32, from safetensors only, offline, no code of the folder's own.

    Args:
        folder: config.json and *.safetensors.
        kind: one of `KINDS`.

    Raises:
        ModelError: the folder cannot be loaded, or lacks weights (a head left at random would give random numbers).
    """
    import torch  # heavy: only workers load weights
    import transformers  # heavy
    from safetensors import SafetensorError

    try:
        with quiet_loading():
            model, info = getattr(transformers, KINDS[kind]).from_pretrained(
                folder,
                local_files_only=True,
                trust_remote_code=False,
                use_safetensors=True,
                dtype=torch.float32,
                output_loading_info=True,
            )
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise ModelError(
            "The model cannot be loaded",
            got=f"{folder.name}: {str(error)[:150]}",
            fix="Choose a folder that transformers can load offline.",
        ) from error
    gaps = sorted(str(key) for which in ("missing_keys", "mismatched_keys") for key in info.get(which) or ())
    if gaps:
        raise ModelError(
            "The model's file lacks weights that it needs",
            got=f"{folder.name}: {', '.join(gaps[:3])}",
            fix="Choose a model that was saved whole, with its head.",
        )
    return model.eval()
