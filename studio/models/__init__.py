"""The only place weights are loaded; torch and transformers are imported inside functions."""

from __future__ import annotations

from studio.errors import ModelError


def choose_device(wanted: str = "auto") -> str:
    """The torch device all weights of this process go to: cuda, mps or cpu.

    Args:
        wanted: `Settings.device`; auto takes the first of cuda, mps, cpu that works.

    Raises:
        ModelError: a device was named that this machine does not have.
    """
    import torch  # heavy: the server never imports it

    has = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if wanted == "auto":
        return next(name for name, there in has.items() if there)
    if not has.get(wanted, False):
        raise ModelError(
            "This machine does not have the device that was asked for",
            got=wanted,
            fix="Set STUDIO_DEVICE to auto or cpu, or run `python -m studio doctor`.",
        )
    return wanted
