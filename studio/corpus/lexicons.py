"""Groups by the identity terms in a text: the lists are those of `studio.lexicons`, cut down to one axis."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

from studio.lexicons import AXES, builtin, matcher

SEVERAL: Mapping[str, str] = {"en": "several", "zh": "多类"}
NONE: Mapping[str, str] = {"en": "none named", "zh": "未提及"}
ATTRIBUTES: tuple[str, ...] = AXES
# Rules saved under the names the lists had before they grew go on working.
_EARLIER: Mapping[str, str] = {"ethnicity": "race_ethnicity", "orientation": "sexual_orientation"}


def is_known(attribute: str) -> bool:
    """True for an axis, also by a name it had before."""
    return _EARLIER.get(attribute, attribute) in ATTRIBUTES


@cache
def terms_of(attribute: str, language: str) -> Mapping[str, tuple[str, ...]]:
    """Value -> its unambiguous terms, of one axis of the built-in list."""
    axis = _EARLIER.get(attribute, attribute)
    found: dict[str, tuple[str, ...]] = {}
    for term in builtin(language).terms:
        if term.axis == axis and not term.is_ambiguous:
            found[term.group] = (*found.get(term.group, ()), term.term)
    return found


def value_of(attribute: str, language: str) -> Callable[[str], str]:
    """A function of a text: the one value it names on this axis, SEVERAL, or NONE; ambiguous terms are not heard."""
    axis, find = _EARLIER.get(attribute, attribute), matcher(builtin(language)).find
    several, none = SEVERAL[language], NONE[language]

    def of(text: str) -> str:
        found = {m.term.group for m in find(text) if m.term.axis == axis and not m.term.is_ambiguous}
        return none if not found else several if len(found) > 1 else found.pop()

    return of
