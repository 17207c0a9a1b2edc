"""Loading weights without the table transformers prints, and with a line of our own where it would matter."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

log = logging.getLogger(__name__)


@contextmanager
def quiet_loading() -> Iterator[None]:
    """Errors only and no progress bar from transformers inside the block; both are as before afterwards.

    Every load of an encoder leaves the pooler of its file out, and transformers reports that as a table each time.
    """
    from transformers.utils import logging as transformers_logging  # heavy: the server never imports it

    verbosity = transformers_logging.get_verbosity()
    had_bar = transformers_logging.is_progress_bar_enabled()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        transformers_logging.set_verbosity(verbosity)
        if had_bar:
            transformers_logging.enable_progress_bar()


def warn_of_gaps(name: str, info: Mapping[str, Any]) -> None:
    """Say in the log which weights a file lacks: they start at random, which an unused pooler never does."""
    for kind in ("missing_keys", "mismatched_keys"):
        keys = sorted(str(key) for key in info.get(kind) or ())
        if keys:
            log.warning("base=%s %s n=%d first=%s", name, kind.replace("_", " "), len(keys), keys[0])
