"""How many tokens a rendered conversation has under a tokenizer on this machine, and how many of them are learnt."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from studio.errors import ModelError

FILE = "tokenizer.json"


def count(folder: Path, text: str, learnt: Sequence[tuple[int, int]] = ()) -> tuple[int, int]:
    """Tokens of a text, and those that begin inside one of the learnt places (start, end in code points).

    Special tokens of the template are in the text already, so none are added.

    Raises:
        ModelError: the folder has no tokenizer.json, or it cannot be read.
    """
    encoded = _load(str(folder)).encode(text, add_special_tokens=False)
    inside = sum(any(start <= place < end for start, end in learnt) for place, _ in encoded.offsets)
    return len(encoded.ids), inside


@lru_cache(maxsize=4)
def _load(folder: str):
    from tokenizers import Tokenizer  # a compiled package the server needs here only

    try:
        return Tokenizer.from_file(str(Path(folder) / FILE))
    except Exception as error:  # the package raises plain Exception for every kind of bad file
        raise ModelError("The tokenizer cannot be read", got=Path(folder).name,
                         fix="Give a folder that holds tokenizer.json.") from error  # fmt: skip
