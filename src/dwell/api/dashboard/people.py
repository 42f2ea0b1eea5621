"""Who the vehicles belong to, for the lists that can be filtered by user."""

from __future__ import annotations

import msgspec

from dwell.api.shared.answers import Answer, answer_json
from dwell.api.shared.operations import Call
from dwell.application.ports import Reader

USERS_AT_MOST = 500


class Person(msgspec.Struct, frozen=True):
    """A user, by the caller's own name for it."""

    id: str
    name: str


async def get_people(call: Call) -> Answer:
    """The organization's first USERS_AT_MOST users."""

    async def look(reader: Reader) -> list[Person]:
        found = await reader.users(call.organization_id, limit=USERS_AT_MOST)
        return [Person(user.id, user.reference) for user in found]

    return answer_json(200, await call.backend.ports.store.read(look))
