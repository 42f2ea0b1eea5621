"""People's passwords: setting them, and the one check by which anybody signs in, be it for a token or a page.

A login is the name that one person of the whole installation signs in by; only an operator gives it out, so that no
tenant learns of another's by trying. Whether it is known or not, the check costs one slow hash, and is rated by login
from each network and by login from everywhere: guessing is slow, and a guesser elsewhere does not lock its victim out.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import msgspec

from dwell.application.ports import Ports, Reader, Transaction
from dwell.application.rates import RateLimit, network_of
from dwell.domain.errors import Conflict, Fault, NotFound, Refused
from dwell.domain.ids import OrganizationId, UserId
from dwell.domain.registry import Credential, User

PASSWORD = "password"
SHORTEST = 12
LONGEST = 256
LOGIN_LENGTH = 254
FAILURES_PER_MINUTE = 10
"""For one login, from one network."""
FAILURES_PER_MINUTE_EVERYWHERE = 100
"""For one login, from all of them together."""

_TAKEN = "Another user signs in by this name."


class PasswordHasher(Protocol):
    """Slow hashes of passwords, worked out beside the loop. Raises Unavailable where too many wait for one."""

    async def hashed(self, password: str) -> bytes:
        """A salted hash that tells how it was made."""
        ...

    async def matches(self, password: str, known: bytes | None) -> bool:
        """Whether the hash is the password's. None is nobody's, and costs the same."""
        ...


@dataclass(frozen=True, slots=True)
class TooSoon:
    """There were too many failures: whether the password was right is not looked at for so many seconds."""

    wait_s: float


class Passwords:
    """The check, with its rates. `monotonic_s` is a clock that never goes back. Single-threaded."""

    def __init__(self, hasher: PasswordHasher, monotonic_s: Callable[[], float]) -> None:
        self.hasher = hasher
        self._monotonic_s = monotonic_s
        self._near = RateLimit(FAILURES_PER_MINUTE)
        self._everywhere = RateLimit(FAILURES_PER_MINUTE_EVERYWHERE)

    async def check(self, ports: Ports, login: str, password: str, *, address: str) -> User | TooSoon | None:
        """The user whose login and password these are; None where they do not belong together. Raises Unavailable."""
        name = login_of(login)
        buckets = ((self._near, f"{network_of(address)} {name}"), (self._everywhere, name))
        wait_s = max(rate.wait_s(key, self._monotonic_s()) for rate, key in buckets)
        if wait_s > 0:
            return TooSoon(wait_s)
        # A failure is paid for before the attempt, and given back for any other end: many at once see each other's.
        for rate, key in buckets:
            rate.charge(key, self._monotonic_s(), units=1)
        failed = False
        try:
            found = await self._matching(ports, name, password)
            failed = found is None
        finally:
            for rate, key in buckets if not failed else ():
                rate.refund(key, self._monotonic_s(), units=1)
        return found

    async def _matching(self, ports: Ports, name: str, password: str) -> User | None:
        async def look(reader: Reader) -> tuple[Credential | None, User | None]:
            found = await reader.credential(PASSWORD, name)
            known = found if found is not None and found.revoked_at is None else None
            owner, user_id = (known.organization_id, known.user_id) if known is not None else ("", "")
            return known, await reader.user(OrganizationId(owner), UserId(user_id))

        known, user = await ports.store.read(look)
        matched = await self.hasher.matches(
            password_of(password)[: LONGEST + 1], known.secret_hash if known is not None else None
        )
        return user if matched else None


async def set_password(
    ports: Ports,
    hasher: PasswordHasher,
    organization_id: OrganizationId,
    user_id: UserId,
    *,
    login: str,
    password: str,
) -> None:
    """Let the user sign in by these, and by no others; tokens issued to it before are void.

    Raises Refused, with every fault, NotFound, and Conflict for a login that is another's.
    """
    name, chosen = login_of(login), password_of(password)
    _check(name, chosen)
    secret_hash, now = await hasher.hashed(chosen), ports.clock.now()
    new = Credential(
        organization_id=organization_id,
        kind=PASSWORD,
        name=name,
        secret_hash=secret_hash,
        created_at=now,
        user_id=user_id,
    )

    async def work(tx: Transaction) -> None:
        user = await _user(tx, organization_id, user_id)
        known = await tx.credential(PASSWORD, name)
        if known is not None and known.revoked_at is None and known.user_id != user_id:
            raise Conflict(_TAKEN, code="login_taken")
        if user.login != name:
            await _end(tx, user, ports)
        await tx.save_credential(new)
        await tx.save_user(
            msgspec.structs.replace(user, login=name, generation=user.generation + 1, updated_at=now)
        )

    await ports.store.write(work)


async def check_new(ports: Ports, login: str, password: str) -> None:
    """Whether a user yet to be made could sign in by these. Raises Refused, with every fault, and Conflict."""
    name = login_of(login)
    _check(name, password_of(password))

    async def look(reader: Reader) -> Credential | None:
        return await reader.credential(PASSWORD, name)

    known = await ports.store.read(look)
    if known is not None and known.revoked_at is None:
        raise Conflict(_TAKEN, code="login_taken")


async def remove_password(ports: Ports, organization_id: OrganizationId, user_id: UserId) -> None:
    """The user can sign in no more, and its tokens are void from the next request on. Raises NotFound."""
    now = ports.clock.now()

    async def work(tx: Transaction) -> None:
        user = await _user(tx, organization_id, user_id)
        await _end(tx, user, ports)
        await tx.save_user(
            msgspec.structs.replace(user, login="", generation=user.generation + 1, updated_at=now)
        )

    await ports.store.write(work)


async def _end(tx: Transaction, user: User, ports: Ports) -> None:
    """The user's login, if it has one, is nobody's from now on."""
    known = await tx.credential(PASSWORD, user.login) if user.login else None
    if known is not None and known.user_id == user.id:
        await tx.save_credential(msgspec.structs.replace(known, revoked_at=ports.clock.now()))


async def _user(tx: Transaction, organization_id: OrganizationId, user_id: UserId) -> User:
    user = await tx.user(organization_id, user_id)
    if user is None:
        raise NotFound("There is no such user.")
    return user


def _check(name: str, password: str) -> None:
    faults = [*_login_faults(name), *_password_faults(password, name)]
    if faults:
        raise Refused.because(*faults)


def login_of(text: str) -> str:
    """A login as it is compared: in one form of Unicode and one case."""
    return unicodedata.normalize("NFKC", text[: LOGIN_LENGTH + 1].strip()).casefold()


def password_of(text: str) -> str:
    """A password as it is hashed: in one form of Unicode, whichever keyboard it came from."""
    return unicodedata.normalize("NFKC", text[: LONGEST * 4])


def _login_faults(name: str) -> list[Fault]:
    if 1 <= len(name) <= LOGIN_LENGTH and name.isprintable() and " " not in name:
        return []
    return [Fault(field="login", message=f"must be 1 to {LOGIN_LENGTH} printable characters without spaces")]


def _password_faults(password: str, name: str) -> list[Fault]:
    if not SHORTEST <= len(password) <= LONGEST:
        return [Fault(field="password", message=f"must have {SHORTEST} to {LONGEST} characters")]
    if any(unicodedata.category(letter) in {"Cc", "Cs"} for letter in password):
        return [Fault(field="password", message="must not hold control characters")]
    if password.casefold() == name or len(set(password)) < 4:
        return [Fault(field="password", message="is too easy to guess")]
    return []
