"""Who may do what. An act is `<room>.<verb>`; a role may do what its rank and every lower rank may."""

from __future__ import annotations

from studio.errors import AccessError
from studio.records import Actor

ROLES: tuple[str, ...] = ("viewer", "annotator", "reviewer", "analyst", "admin")


def may(role: str, needed: str) -> bool:
    """True when `role` ranks at least as high as `needed`; an unknown role may nothing."""
    if role not in ROLES or needed not in ROLES:
        return False
    return ROLES.index(role) >= ROLES.index(needed)


def require(actor: Actor, needed: str, act: str) -> None:
    """Refuse an act above the actor's role.

    Raises:
        AccessError: the role ranks below the needed one.
    """
    if not may(actor.role, needed):
        raise AccessError(
            f"The act {act} needs the role {needed}",
            got=f"{actor.name} is {actor.role}",
            fix="Ask an admin of this workspace for that role.",
        )
