"""The small grammar fragments are written in: `[one|other|]` picks an alternative, `{field}` takes a fact."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

from studio.demo.dice import Dice

_BRACKET = re.compile(r"\[([^\[\]]*)\]")
_FIELD = re.compile(r"\{(\w+)\}")
_SPACES = re.compile(r" {2,}")
_LOOSE = re.compile(r" +([,.?!;])")


@cache
def _parts(fragment: str) -> tuple[str | tuple[str, ...], ...]:
    pieces: list[str | tuple[str, ...]] = []
    for position, piece in enumerate(_BRACKET.split(fragment)):
        if position % 2:
            pieces.append(tuple(piece.split("|")))
        elif piece:
            pieces.append(piece)
    return tuple(pieces)


@cache
def fields(fragment: str) -> frozenset[str]:
    """The names of all fields a fragment may use, in any alternative."""
    return frozenset(_FIELD.findall(fragment))


def expand(fragment: str, facts: Mapping[str, str], dice: Dice) -> str:
    """One reading of a fragment: an alternative picked in each bracket, every field filled from `facts`.

    Raises:
        KeyError: the fragment uses a field that `facts` lacks, which is a slip in a fragment module.
    """
    text = "".join(part if isinstance(part, str) else dice.pick(part) for part in _parts(fragment))
    if "{" in text:
        text = _FIELD.sub(lambda match: facts[match.group(1)], text)
    return _LOOSE.sub(r"\1", _SPACES.sub(" ", text)).strip()
