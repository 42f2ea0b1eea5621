"""Passwords: who may sign in by what, how often one may try, and that nothing tells the unknown from the wrong."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from time import perf_counter

import pytest

from application.storage import builders as b
from application.storage.builders import AnyStore, put
from dwell.adapters.ids import SystemIds
from dwell.adapters.passwords import WAITING_AT_MOST, Argon2Passwords
from dwell.application.credentials import Keyring, caller_of_token, issue_user_token
from dwell.application.passwords import (
    FAILURES_PER_MINUTE,
    FAILURES_PER_MINUTE_EVERYWHERE,
    Passwords,
    TooSoon,
    remove_password,
    set_password,
)
from dwell.application.ports import Ports
from dwell.application.usage import Usage
from dwell.domain.errors import Conflict, NotFound, Refused, Unavailable
from dwell.domain.ids import UserId
from dwell.domain.registry import User
from dwell.simulation.clock import VirtualClock

pytestmark = pytest.mark.anyio
GOOD = "correct horse battery"
BERT = UserId("0198f5a0-0000-7000-8000-0000000000a2")


class PlainHasher:
    """A hasher that hashes nothing, for what does not depend on it."""

    async def hashed(self, password: str) -> bytes:
        return password.encode()

    async def matches(self, password: str, known: bytes | None) -> bool:
        return known == password.encode("utf-8", "surrogatepass")


class House:
    """Ports with two users, and the check with a clock of its own."""

    def __init__(self, store: AnyStore) -> None:
        self.ports = Ports(store, VirtualClock(b.NOON), SystemIds())
        self.hasher = PlainHasher()
        self.now_s = 0.0
        self.passwords = Passwords(self.hasher, lambda: self.now_s)

    async def set(self, login: str = "anna@x", password: str = GOOD, user_id: UserId = b.ANNA) -> None:
        await set_password(self.ports, self.hasher, b.OURS, user_id, login=login, password=password)

    async def check(self, login: str, password: str, address: str = "10.0.0.1") -> User | TooSoon | None:
        return await self.passwords.check(self.ports, login, password, address=address)


@pytest.fixture
async def house(store: AnyStore) -> House:
    await put(store, "add_user", b.user())
    await put(store, "add_user", b.user(id=BERT, reference="bert"))
    return House(store)


def named(found: User | TooSoon | None) -> str | None:
    return found.id if isinstance(found, User) else None


async def test_only_login_and_password_together_are_somebodys(house: House) -> None:
    assert await house.check("anna@x", GOOD) is None
    await house.set()
    assert named(await house.check("anna@x", GOOD)) == b.ANNA
    assert named(await house.check(" ANNA@X ", GOOD)) == b.ANNA
    for login, password in [
        ("anna@x", GOOD + " "),
        ("anna@x", ""),
        ("bert", GOOD),
        ("", ""),
        ("\x00", "\ud800"),
    ]:
        assert await house.check(login, password) is None


async def test_one_form_of_unicode_is_as_good_as_another(house: House) -> None:
    await house.set(password="Scho\u0308ne Gr\u00fc\u00dfe 1")
    assert named(await house.check("anna@x", "Sch\u00f6ne Gru\u0308\u00dfe 1")) == b.ANNA


async def test_a_new_password_or_login_replaces_the_old_one(house: House) -> None:
    await house.set()
    await house.set(password=GOOD + "!")
    assert await house.check("anna@x", GOOD) is None
    await house.set(login="anna@y")
    assert await house.check("anna@x", GOOD) is None
    assert named(await house.check("anna@y", GOOD)) == b.ANNA
    await house.set(login="anna@x", user_id=BERT)
    assert named(await house.check("anna@x", GOOD)) == BERT
    await remove_password(house.ports, b.OURS, BERT)
    await remove_password(house.ports, b.OURS, BERT)
    assert await house.check("anna@x", GOOD) is None


async def test_a_login_is_one_persons_in_the_whole_installation(house: House) -> None:
    await house.set()
    with pytest.raises(Conflict):
        await house.set(user_id=BERT)
    assert named(await house.check("anna@x", GOOD)) == b.ANNA


async def test_two_who_are_given_one_login_at_once_do_not_both_get_it(house: House) -> None:
    found = await asyncio.gather(
        house.set(), house.set(user_id=BERT, password=GOOD + "!"), return_exceptions=True
    )
    assert [type(one) for one in found if one is not None] == [Conflict]
    winner, password = (b.ANNA, GOOD) if found[0] is None else (BERT, GOOD + "!")
    assert named(await house.check("anna@x", password)) == winner


async def test_a_token_for_a_password_that_is_changed_meanwhile_is_void(house: House) -> None:
    keyring = Keyring(b"k" * 32)
    lifetime = timedelta(hours=1)

    async def opens(user: User) -> bool:
        text = await issue_user_token(house.ports, keyring, user, dialect="partner", lifetime=lifetime)
        dialects, usage = frozenset({"partner"}), Usage()
        caller = await caller_of_token(house.ports, keyring, text, dialects=dialects, usage=usage)
        return caller is not None and caller.user_id == user.id

    await house.set()
    found = await house.check("anna@x", GOOD)
    assert isinstance(found, User)
    assert await opens(found)
    await house.set(password=GOOD + "!")
    assert not await opens(found)


async def test_a_user_that_there_is_not_gets_none(house: House) -> None:
    with pytest.raises(NotFound):
        await house.set(user_id=UserId("nobody"))
    with pytest.raises(NotFound):
        await set_password(house.ports, house.hasher, b.THEIRS, b.ANNA, login="a", password=GOOD)
    with pytest.raises(NotFound):
        await remove_password(house.ports, b.THEIRS, b.ANNA)
    assert await house.check("a", GOOD) is None


@pytest.mark.parametrize(
    ("login", "password", "fields"),
    [
        ("", "short", ["login", "password"]),
        ("a b", GOOD, ["login"]),
        ("x" * 255, GOOD, ["login"]),
        ("anna@x", "x" * 257, ["password"]),
        ("anna@x", "tab\there and there", ["password"]),
        ("anna@x", "aaaaaaaaaaaaab", ["password"]),
        ("anna@example.com", "Anna@Example.com", ["password"]),
    ],
)
async def test_every_fault_is_named(house: House, login: str, password: str, fields: list[str]) -> None:
    with pytest.raises(Refused) as caught:
        await house.set(login, password)
    assert [fault.field for fault in caught.value.faults] == fields


async def test_failures_are_rated_by_login_and_network_and_success_is_free(house: House) -> None:
    await house.set()
    for _ in range(FAILURES_PER_MINUTE * 3):
        assert named(await house.check("anna@x", GOOD)) == b.ANNA
    for _ in range(FAILURES_PER_MINUTE):
        assert await house.check("anna@x", "wrong") is None
    assert await house.check("Anna@x", GOOD) == TooSoon(60 / FAILURES_PER_MINUTE)
    assert named(await house.check("anna@x", GOOD, "10.0.0.2")) == b.ANNA
    assert await house.check("nobody", GOOD) is None
    house.now_s = 60 / FAILURES_PER_MINUTE
    assert named(await house.check("anna@x", GOOD)) == b.ANNA


async def test_a_guesser_with_many_addresses_is_held_to_a_rate_too(house: House) -> None:
    await house.set()
    for number in range(FAILURES_PER_MINUTE_EVERYWHERE):
        assert await house.check("anna@x", "wrong", f"10.0.0.{number}") is None
    assert isinstance(await house.check("anna@x", GOOD, "10.1.0.1"), TooSoon)


async def test_guesses_at_once_are_held_to_the_rate(sqlite_store: AnyStore) -> None:
    await put(sqlite_store, "add_user", b.user())
    house = House(sqlite_store)
    await house.set()
    found = await asyncio.gather(*(house.check("anna@x", "wrong") for _ in range(3 * FAILURES_PER_MINUTE)))
    assert len([one for one in found if one is None]) == FAILURES_PER_MINUTE


async def test_argon2id_tells_right_from_wrong_and_nobody_from_neither() -> None:
    hasher = Argon2Passwords()
    one, other = await hasher.hashed(GOOD), await hasher.hashed(GOOD)
    assert one.startswith(b"$argon2id$v=19$m=19456,t=2,p=1$")
    assert one != other
    assert await hasher.matches(GOOD, one)
    assert not await hasher.matches(GOOD + "x", one)
    assert not await hasher.matches("", None)
    assert not await hasher.matches(GOOD, b"nonsense")


async def test_nobodys_password_takes_as_long_as_somebodys() -> None:
    hasher = Argon2Passwords()
    known = await hasher.hashed(GOOD)
    await hasher.matches(GOOD, known)

    async def fastest_s(hash_: bytes | None) -> float:
        times = []
        for _ in range(5):
            started_s = perf_counter()
            await hasher.matches("wrong", hash_)
            times.append(perf_counter() - started_s)
        return min(times)

    assert 0.5 < await fastest_s(None) / await fastest_s(known) < 2


async def test_the_loop_runs_on_and_a_crowd_is_told_to_come_again() -> None:
    hasher = Argon2Passwords()
    waiting = [asyncio.create_task(hasher.matches("x", None)) for _ in range(WAITING_AT_MOST)]
    await asyncio.sleep(0)
    with pytest.raises(Unavailable):
        await hasher.matches("x", None)
    turns = 0
    while not waiting[0].done():
        await asyncio.sleep(0)
        turns += 1
    assert turns > 10
    assert not any(await asyncio.gather(*waiting))
    assert not await hasher.matches("x", None)
