"""Users: named by the caller, made on first use."""

from __future__ import annotations

from dwell.application.case import Moment
from dwell.domain.ids import OrganizationId, UserId
from dwell.domain.registry import User


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
