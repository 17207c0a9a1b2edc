"""Why a run failed, in one of eight words, from the exception that ended it."""

from __future__ import annotations

import errno
from collections.abc import Iterator

from studio.errors import (
    AccessError,
    AnnotationError,
    CorpusError,
    MeasureError,
    MissingPackage,
    ModelError,
    PlanError,
    SelectionError,
    StudioError,
)
from studio.records import REASONS

_DISK = {errno.ENOSPC, errno.EFBIG, errno.EDQUOT}
_DISK_TEXT = ("No space left on device", "os error 28", "File too large", "os error 27", "Disk quota exceeded")
_GPU_TEXT = (
    "CUDA out of memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_ALLOC_FAILED",
    "MPS backend out of memory",
)
_HOST_TEXT = ("can't allocate memory", "Cannot allocate memory", "std::bad_alloc")


def reason_of(error: BaseException) -> str:
    """The reason code of an exception; looks through the exceptions that caused it.

    Packages wrap the same trouble in types of their own (safetensors, pyarrow, torch), so their texts are read too.
    """
    chain = list(_chain(error))
    for link in chain:
        text = str(link)
        if isinstance(link, OSError) and link.errno in _DISK or any(part in text for part in _DISK_TEXT):
            return "disk_full"
        if type(link).__name__ == "OutOfMemoryError" or any(part in text for part in _GPU_TEXT):
            return "oom_gpu"
        if isinstance(link, MemoryError) or any(part in text for part in _HOST_TEXT):
            return "oom_host"
    for link in chain:
        if isinstance(link, MeasureError):
            return "metric_error"
        if isinstance(link, CorpusError | AnnotationError | SelectionError):
            return "data_error"
        if isinstance(link, PlanError | ModelError | MissingPackage | AccessError):
            return "config_error"
    return "unknown"


def three_parts(error: BaseException) -> dict[str, str]:
    """What happened, what was got, what to do, as FAILED.json carries them."""
    if isinstance(error, StudioError):
        return {"what": error.what, "got": error.got_text(), "fix": error.fix}
    return {"what": type(error).__name__, "got": str(error)[:500], "fix": ""}


def exit_code(reason: str) -> int:
    """The worker's exit code for a reason, so that it is known even when nothing could be written."""
    return 10 + REASONS.index(reason)


def reason_of_exit(code: int | None) -> str | None:
    """The reason an exit code stands for; None for any other code."""
    return REASONS[code - 10] if code is not None and 10 <= code < 10 + len(REASONS) else None


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__ or current.__context__
