"""Who may do what, and that a refusal leaves a trace."""

from __future__ import annotations

import pytest

from studio.access.roles import ROLES, may, require
from studio.errors import AccessError
from studio.records import Actor


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("needed", ROLES)
def test_a_role_may_do_what_its_rank_and_lower_ranks_may(role, needed):
    order = ["viewer", "annotator", "reviewer", "analyst", "admin"]
    assert may(role, needed) is (order.index(role) >= order.index(needed))


@pytest.mark.parametrize("role", ["", "root", "Admin", "admin "])
def test_an_unknown_role_may_nothing(role):
    assert not any(may(role, needed) for needed in ROLES)
    with pytest.raises(AccessError, match="needs the role viewer"):
        require(Actor("x", role), "viewer", "test.act")
