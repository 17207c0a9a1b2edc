"""Who may put a name to a decision: somebody who has said a name, and never the person who made the proposal."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection

from studio.errors import AccessError
from studio.records import Actor

NOBODY = "local"  # what acts carry in local mode until a browser has declared a name


def same_person(one: str, other: str) -> bool:
    """True for names that a reader would take for the same: width, case and blanks do not tell people apart.

    Example:
        >>> same_person("Ann  Lee", "ann lee"), same_person("Ａｎｎ", "ANN"), same_person("Ann", "Anna")
        (True, True, False)
    """
    return _plain(one) == _plain(other)


def _plain(name: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def is_named(actor: Actor) -> bool:
    """True when the actor has a name of their own: a login, or one a browser declared."""
    return actor.verified or (bool(actor.name.strip()) and not same_person(actor.name, NOBODY))


def require_name(actor: Actor) -> None:
    """Refuse an act that must carry a name.

    Raises:
        AccessError: nobody has said who they are.
    """
    if not is_named(actor):
        raise AccessError(
            "A proposal and a decision on one carry a name, and none has been given",
            fix="Type your name in the field below the menu, then do it again.",
        )


def is_own(actor: Actor, proposer: str, known_as: Collection[str] = ()) -> bool:
    """True when the proposer is the actor, under the present name or one the same browser tab proposed under."""
    return any(same_person(name, proposer) for name in (actor.name, *known_as))


def refuse_own(actor: Actor, proposer: str, known_as: Collection[str] = ()) -> None:
    """Refuse a decision on one's own proposal; the role does not matter, an admin's is refused too.

    Raises:
        AccessError: the actor made the proposal.
    """
    if is_own(actor, proposer, known_as):
        raise AccessError(
            "Nobody decides on a proposal of their own",
            got=proposer,
            fix="Send its link to somebody else; you may withdraw it or make a new one.",
        )
