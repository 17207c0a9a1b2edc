"""`@act("room.verb", "role")`: the role is checked before and an audit-log row is written with every act."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from studio.access.roles import require
from studio.errors import AccessError, StudioError
from studio.records import Actor
from studio.store import audit_log
from studio.workflows.studio import Studio

F = TypeVar("F", bound=Callable[..., Any])
_PLAIN = (str, int, float, bool, type(None))


def act(name: str, needed: str, *, log: bool = True) -> Callable[[F], F]:
    """Make a function `f(studio, actor, *, ...)` an act of the studio.

    Args:
        name: `<room>.<verb>`, stored in the audit log.
        needed: lowest role that may do it.
        log: False only for acts that write nothing (a read that is checked), or that write their own entry per item.

    Raises:
        AccessError: from the wrapped function, when the role is too low; the refusal is logged too.
    """

    def wrap(function: F) -> F:
        @functools.wraps(function)
        def run(studio: Studio, actor: Actor, *args: Any, **values: Any) -> Any:
            try:
                require(actor, needed, name)
            except AccessError:
                audit_log.add(studio.store, actor, act=name, outcome="refused", detail=_detail(function, args, values))
                raise
            try:
                result = function(studio, actor, *args, **values)
            except StudioError as error:
                if log:
                    detail = _detail(function, args, values) | {"error": error.line()[:300]}
                    audit_log.add(studio.store, actor, act=name, outcome="failed", detail=detail)
                raise
            if log:
                detail = _detail(function, args, values)
                if isinstance(result, _PLAIN):
                    detail["result"] = result
                audit_log.add(studio.store, actor, act=name, outcome="done", detail=detail)
            return result

        run.act_name = name  # type: ignore[attr-defined]
        run.act_role = needed  # type: ignore[attr-defined]
        return run  # type: ignore[return-value]

    return wrap


def _detail(function: Callable[..., Any], args: tuple[Any, ...], values: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments as short JSON: enough to know what was done, never a corpus text at length."""
    bound = inspect.signature(function).bind_partial(None, None, *args, **values).arguments
    return {name: _short(value) for name, value in list(bound.items())[2:] if not callable(value)}


def _short(value: Any) -> Any:
    if isinstance(value, str):
        value = value.encode("utf-8", "replace").decode("utf-8")  # half characters cannot be stored
        return value if len(value) <= 120 else value[:119] + "…"
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, Path):
        return value.name
    if isinstance(value, Mapping):
        return {str(key)[:60]: _short(item) for key, item in list(value.items())[:30]}
    if isinstance(value, list | tuple | set | frozenset):
        return [_short(item) for item in list(value)[:10]] + (["…"] if len(value) > 10 else [])
    return type(value).__name__
