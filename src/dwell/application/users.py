"""Users: named by the caller, made on first use."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from dwell.application.case import Moment
from dwell.application.ports import Ports, Transaction
from dwell.domain.errors import Conflict
from dwell.domain.ids import OrganizationId, UserId
from dwell.domain.registry import User

T = TypeVar("T")
_MADE_MEANWHILE = "user_exists"


async def write_naming_user(ports: Ports, work: Callable[[Transaction], Awaitable[T]]) -> T:
    """Run work that uses `user_named`; again, if another made the same user between its look and its commit."""
    try:
        return await ports.store.write(work)
    except Conflict as conflict:
        if conflict.code != _MADE_MEANWHILE:
            raise
    return await ports.store.write(work)


async def user_named(moment: Moment, organization_id: OrganizationId, reference: str) -> User:
    """The organization's user of that reference; made now if there is none yet."""
    known = await moment.tx.user_by_reference(organization_id, reference)
    if known is not None:
        return known
    user = User(
        id=UserId(moment.ids.new_id()),
        organization_id=organization_id,
        reference=reference,
        created_at=moment.now,
    )
    await moment.tx.add_user(user)
    return user
