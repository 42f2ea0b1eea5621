"""Users: named by the caller and made on first use, or made as people with a name, an address and a role."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from dwell.application.case import Moment
from dwell.application.ports import Ports, Reader, Transaction
from dwell.domain.errors import Conflict, Fault, NotFound, Refused
from dwell.domain.ids import OrganizationId, UserId
from dwell.domain.registry import USER, Role, User

T = TypeVar("T")
_MADE_MEANWHILE = "user_exists"
NO_USER = "There is no such user."
_LENGTHS: Mapping[str, int] = {"email": 254, "first_name": 200, "last_name": 200, "external_id": 128}
_FORMS: Mapping[str, tuple[re.Pattern[str], str]] = {
    "email": (re.compile(r"[^@\s]+@[^@\s]+"), "must be an e-mail address"),
    "external_id": (
        re.compile(r"(?!\.{1,2}\Z)[^/\\\ufffd]+"),
        "must be fit for a path: no slashes, and more than dots",
    ),
}


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """What is known of a user: how to reach and name it, and the caller's own reference (None: it has none)."""

    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    external_id: str | None = None


async def add_user(
    ports: Ports, organization_id: OrganizationId, person: Person, *, role: Role = USER
) -> User:
    """A new user. Raises Refused, and Conflict for a reference that is another's."""
    _check(person)
    now, user_id = ports.clock.now(), UserId(ports.ids.new_id())
    user = User(
        id=user_id,
        organization_id=organization_id,
        reference=person.external_id or user_id,
        created_at=now,
        updated_at=now,
        email=person.email,
        first_name=person.first_name,
        last_name=person.last_name,
        role=role,
    )

    async def work(tx: Transaction) -> User:
        await _reference_is_free(tx, user)
        await tx.add_user(user)
        return user

    return await ports.store.write(work)


async def change_user(
    ports: Ports, organization_id: OrganizationId, user_id: UserId, changed: Callable[[Person], Person]
) -> User:
    """Change what is known of a user. Raises Refused, NotFound, and Conflict for a reference that is another's."""
    now = ports.clock.now()

    async def work(tx: Transaction) -> User:
        known = await _user(tx, organization_id, user_id)
        person = changed(person_of(known))
        _check(person)
        user = msgspec.structs.replace(
            known,
            reference=person.external_id or known.id,
            email=person.email,
            first_name=person.first_name,
            last_name=person.last_name,
        )
        if user == known:
            return known
        await _reference_is_free(tx, user)
        user = msgspec.structs.replace(user, updated_at=now)
        await tx.save_user(user)
        return user

    return await ports.store.write(work)


async def set_role(ports: Ports, organization_id: OrganizationId, user_id: UserId, role: Role) -> User:
    """What the user may do from the next request on. Raises NotFound."""
    now = ports.clock.now()

    async def work(tx: Transaction) -> User:
        known = await _user(tx, organization_id, user_id)
        user = msgspec.structs.replace(known, role=role, updated_at=now)
        await tx.save_user(user)
        return user

    return await ports.store.write(work)


async def user_by_id(ports: Ports, organization_id: OrganizationId, user_id: UserId) -> User:
    """One user. Raises NotFound."""

    async def look(reader: Reader) -> User:
        return await _user(reader, organization_id, user_id)

    return await ports.store.read(look)


async def user_by_reference(ports: Ports, organization_id: OrganizationId, reference: str) -> User:
    """The user whom the caller calls so. Raises NotFound."""

    async def look(reader: Reader) -> User:
        user = await reader.user_by_reference(organization_id, reference)
        if user is None:
            raise NotFound(NO_USER)
        return user

    return await ports.store.read(look)


async def users_page(
    ports: Ports, organization_id: OrganizationId, *, after_id: str = "", limit: int
) -> list[User]:
    """Users by id, that is in order of creation."""

    async def look(reader: Reader) -> list[User]:
        return await reader.users(organization_id, after_id=after_id, limit=limit)

    return await ports.store.read(look)


def person_of(user: User) -> Person:
    """What is known of the user."""
    return Person(
        email=user.email,
        first_name=user.first_name,
        last_name=user.last_name,
        external_id=user.reference if user.reference != user.id else None,
    )


async def _user(reader: Reader, organization_id: OrganizationId, user_id: UserId) -> User:
    user = await reader.user(organization_id, user_id)
    if user is None:
        raise NotFound(NO_USER)
    return user


async def _reference_is_free(tx: Transaction, user: User) -> None:
    named = await tx.user_by_reference(user.organization_id, user.reference)
    if named is not None and named.id != user.id:
        raise Conflict("Another user has this external id.", code="external_id_taken")


def faults_of(person: Person) -> list[Fault]:
    """Everything that is wrong with what is said of a person."""
    faults = list[Fault]()
    for name, most in _LENGTHS.items():
        text = getattr(person, name)
        if text is not None and not (text.isprintable() and 1 <= len(text) <= most):
            faults.append(Fault(field=name, message=f"must be 1 to {most} printable characters"))
        elif text is not None and name in _FORMS and not _FORMS[name][0].fullmatch(text):
            faults.append(Fault(field=name, message=_FORMS[name][1]))
    return faults


def _check(person: Person) -> None:
    """Raises Refused with every fault."""
    faults = faults_of(person)
    if faults:
        raise Refused.because(*faults)
