"""What `datasets` says about columns: names of label numbers, and translations as one column per language.

The hub's files keep class labels as numbers, their names in the features (in Parquet under the schema's metadata), and
a translation as an object with a text per language. Numbers become their names, -1 (no label, by the same convention)
becomes nothing, a number without a name stays, and an object `translation` becomes the columns `translation.<code>`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import orjson

from studio.corpus.reading.record import Read

TRANSLATION = "translation"
_KEY = b"huggingface"
_MOST_BYTES = 4 * 1024 * 1024
_CODE = re.compile(r"[A-Za-z]{2,8}([_-][A-Za-z0-9]{1,8}){0,3}")
_LISTS = ("Sequence", "List", "LargeList")
Namer = Callable[[Any], Any]


def of_metadata(metadata: Mapping[bytes, bytes] | None) -> Mapping[str, Any]:
    """The features a Parquet file's metadata describes; empty for one that says nothing or something unreadable."""
    raw = (metadata or {}).get(_KEY, b"")
    if not raw or len(raw) > _MOST_BYTES:
        return {}
    try:
        found = orjson.loads(raw)["info"]["features"]
    except (ValueError, KeyError, TypeError):
        return {}
    return found if isinstance(found, dict) else {}


def namers(features: Mapping[str, Any]) -> dict[str, Namer]:
    """Column -> what turns its label numbers into names; columns without any are left out."""
    return {name: found for name, feature in features.items() if (found := namer(feature)) is not None}


def namer(feature: Any) -> Namer | None:
    """What turns the label numbers of one feature into their names, also inside lists; None where it has none.

    Example:
        >>> tag = namer({"_type": "Sequence", "feature": {"_type": "ClassLabel", "names": ["O", "B-PER"]}})
        >>> tag([1, 0, -1, 7])
        ['B-PER', 'O', None, 7]
    """
    if isinstance(feature, list) and len(feature) == 1:
        feature = {"_type": "List", "feature": feature[0]}
    if not isinstance(feature, dict):
        return None
    if feature.get("_type") == "ClassLabel":
        names = feature.get("names")
        if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
            return None
        return lambda value: _name(value, names)
    if feature.get("_type") in _LISTS:
        inner = namer(feature.get("feature"))
        return None if inner is None else lambda value: _each(value, inner)
    return None


def _name(value: Any, names: list[str]) -> Any:
    if type(value) is not int:
        return value
    return names[value] if 0 <= value < len(names) else None if value == -1 else value


def _each(value: Any, inner: Namer) -> Any:
    return [inner(item) for item in value] if isinstance(value, list) else value


# --- translations -----------------------------------------------------------------------------------------------------
def is_translation(value: Any) -> bool:
    """True for an object with a text per language.

    Example:
        >>> is_translation({"en": "Hi", "zh": "你好"}), is_translation({"en": "Hi"}), is_translation({"text": "a b"})
        (True, False, False)
    """
    return (
        isinstance(value, dict)
        and len(value) > 1
        and all(isinstance(code, str) and _CODE.fullmatch(code) for code in value)
        and all(text is None or isinstance(text, str) for text in value.values())
    )


def apart(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """The record with the languages of its translation as columns; any other record as it is."""
    inner = values.get(TRANSLATION)
    if not is_translation(inner):
        return values
    found: dict[str, Any] = {}
    for name, value in values.items():
        if name == TRANSLATION:
            found |= {f"{TRANSLATION}.{code}": text for code, text in inner.items()}
        else:
            found[name] = value
    return found


def has_languages(columns: tuple[str, ...]) -> bool:
    """True for columns made by `apart`."""
    return any(name.startswith(f"{TRANSLATION}.") for name in columns)


def taken_apart(reads: Iterator[Read]) -> Iterator[Read]:
    """The records with their translations taken apart; what stood in the file stays as `raw`."""
    for read in reads:
        yield read if read.values is None else read._replace(values=apart(read.values))
