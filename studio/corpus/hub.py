"""A dataset of the hub as a file: rows streamed through `datasets` into JSON lines, under limits.

Only data files are read (Parquet, JSON, CSV ...); a dataset that brings code of its own is refused by the library.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import orjson

from studio.corpus.reading.features import namers
from studio.errors import CorpusError

MOST_ROWS = 1_000_000  # ours: as many as one import is measured with
_ID = re.compile(r"[A-Za-z0-9][\w.-]{0,95}(/[A-Za-z0-9][\w.-]{0,95})?")
_PROGRESS_EVERY = 1_000


def check_id(dataset_id: str) -> str:
    """The id as the hub writes it: `name` or `owner/name`, never a path or an address.

    Raises:
        CorpusError: anything else.

    Example:
        >>> check_id(" owner/name ")
        'owner/name'
    """
    found = dataset_id.strip()
    if not _ID.fullmatch(found) or ".." in found:
        raise CorpusError("This is no dataset id", got=dataset_id, fix="Write it as on the hub, such as owner/name.")
    return found


def offline(dataset_id: str) -> CorpusError:
    """The refusal where the host has not turned the network on."""
    return CorpusError(
        "The hub is not reached from here",
        got=dataset_id,
        fix="Ask the host to allow the network (STUDIO_NETWORK=1), or download the files.",
    )


def open_stream(dataset_id: str, config: str | None, split: str) -> Any:
    """A streaming dataset of the hub; nothing else in the library reaches the network for data.

    Raises:
        CorpusError: it is not there, needs code of its own, or cannot be reached.
    """
    import datasets  # 1 s to load

    found = check_id(dataset_id)
    if Path(found).exists():  # the library would read that folder instead of the hub
        raise CorpusError("This is no dataset id", got=dataset_id, fix="Write it as on the hub, such as owner/name.")
    try:
        return datasets.load_dataset(found, config or None, split=split, streaming=True)
    except (OSError, ValueError, RuntimeError) as error:
        raise _unreadable(dataset_id, error) from error


def _unreadable(dataset_id: str, error: Exception) -> CorpusError:
    said = (str(error).splitlines() or [type(error).__name__])[0]
    return CorpusError(
        "The dataset cannot be read from the hub",
        got=f"{dataset_id}: {said[:200]}",
        fix="Check its id, configuration and split, and whether this machine reaches the hub.",
    )


def write_rows(
    stream: Any,
    path: Path,
    *,
    name: str,
    most_rows: int = MOST_ROWS,
    most_bytes: int,
    on_progress: Callable[[int, int], None] | None = None,
) -> tuple[int, bool]:
    """Write rows as JSON lines; returns how many, and whether the dataset goes on beyond the limits.

    Class labels become their names (also in lists, such as tags), times ISO text; images, sound and other bytes are
    left out.

    Args:
        stream: a streaming dataset, or any rows with `features` (a mapping from name to feature) or None.
        path: the file to write.
        name: the dataset, for messages.
        most_rows: after so many rows it ends.
        most_bytes: after so many bytes it ends.
        on_progress: called with (rows, most rows); may raise to stop.

    Raises:
        CorpusError: the hub cannot be read any further.
    """
    n, n_bytes = 0, 0
    rows = iter(_plain_rows(stream))
    try:
        with path.open("wb") as handle:
            for row in rows:
                if n >= most_rows or n_bytes >= most_bytes:
                    return n, True
                line = orjson.dumps(row, default=_text, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_NON_STR_KEYS)
                handle.write(line)
                n, n_bytes = n + 1, n_bytes + len(line)
                if on_progress and n % _PROGRESS_EVERY == 0:
                    on_progress(n, most_rows)
    except (OSError, ValueError, RuntimeError) as error:
        raise _unreadable(name, error) from error
    return n, False


def _plain_rows(stream: Any) -> Iterable[dict[str, Any]]:
    features: Mapping[str, Any] = getattr(stream, "features", None) or {}
    media = [name for name, feature in features.items() if type(feature).__name__ in ("Image", "Audio", "Video", "Pdf")]
    rows = stream.remove_columns(media) if media else stream
    described = features.to_dict() if hasattr(features, "to_dict") else features
    naming = namers(described)
    for row in rows:
        kept = {name: value for name, value in row.items() if not isinstance(value, bytes)}
        yield kept | {name: names(kept[name]) for name, names in naming.items() if name in kept}


def _text(value: Any) -> Any:
    return None if isinstance(value, bytes | bytearray | memoryview) else str(value)
