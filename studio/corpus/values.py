"""What one value of a record is: a scalar as it was written, or the list or object it holds."""

from __future__ import annotations

import ast
import json
import math
from typing import Any

from studio.corpus.readers import Lexeme

__all__ = ["Lexeme", "as_text", "nested"]
MOST_LITERAL = 200_000  # characters of a list written as text that are looked at; ours


def as_text(value: Any) -> str | None:
    """A scalar as it was written: numbers keep their digits, booleans are true and false, null stays missing.

    Example:
        >>> [as_text(v) for v in (7, True, Lexeme("1e5"), None, "NA")]
        ['7', 'true', '1e5', None, 'NA']
    """
    if value is None:
        return None
    if isinstance(value, str):
        return str(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else None
    return str(value)


def nested(value: Any) -> Any:
    """The list or object a value is, or holds as JSON or as a Python literal; None for every other value.

    Tables keep lists as text: JSON from databases, `['a', 'b']` from pandas.

    Example:
        >>> nested('["a"]'), nested("['a', 1]"), nested("[not a list"), nested("plain")
        (['a'], ['a', 1], None, None)
    """
    if isinstance(value, list | dict):
        return value
    if not isinstance(value, str):
        return None
    text = value.strip()
    if len(text) < 2 or len(text) > MOST_LITERAL or text[0] + text[-1] not in ("[]", "{}"):
        return None
    try:
        found = json.loads(text, parse_float=Lexeme)
    except (ValueError, RecursionError):
        try:
            found = ast.literal_eval(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
            return None
    return found if isinstance(found, list | dict) else None
