"""Write a demo corpus to disk: the one part of the package that touches files."""

from __future__ import annotations

import json
import os
from pathlib import Path

from studio.demo.corpus import DemoCorpus
from studio.errors import CorpusError


def write_corpus(corpus: DemoCorpus, path: Path | str) -> tuple[Path, Path]:
    """Write the examples as UTF-8 JSONL to `path` and the truth beside it as `<stem>.truth.json`; gives both paths.

    Each file is written under a temporary name and renamed, so a reader never sees half of one.

    Raises:
        CorpusError: the folder is missing or cannot be written.
    """
    target = Path(path)
    beside = target.with_name(f"{target.stem}.truth.json")
    lines = corpus.frame.to_dict(orient="records")
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    try:
        _write(target, text)
        _write(beside, json.dumps(corpus.truth, ensure_ascii=False, indent=1) + "\n")
    except OSError as error:
        raise CorpusError(
            "The demo corpus cannot be written",
            got=f"{target} ({error.strerror})",
            fix="Choose a folder that exists and that you may write to.",
        ) from error
    return target, beside


def _write(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_text(text, encoding="utf-8", newline="\n")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
