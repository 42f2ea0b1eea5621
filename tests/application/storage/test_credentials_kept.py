"""Credentials by kind, their last use and their end, on every store; and how much there is of everything."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from msgspec import structs

from application.storage import builders as b
from application.storage.builders import AnyStore, get, put
from dwell.adapters.ids import SystemIds
from dwell.application.credentials import API_KEY, TOKEN, Keyring, create_organization, credentials_of
from dwell.application.ports import Ports
from dwell.application.records import Tally
from dwell.application.retention import TOKENS_KEPT, forget_tokens
from dwell.application.usage import COARSE, Usage
from dwell.domain.errors import NotFound
from dwell.domain.ids import OrderId
from dwell.domain.registry import Credential
from dwell.domain.session.record import ACTIVE, UPCOMING
from dwell.domain.session.steering import CONFIRMED, SENT
from dwell.simulation.clock import VirtualClock

pytestmark = pytest.mark.anyio
NOW = datetime(2026, 1, 10, 12, tzinfo=UTC)


def token(number: int, expires_at: datetime) -> Credential:
    return b.credential(kind=TOKEN, name=f"t-{number}", expires_at=expires_at)


async def test_all_of_a_kind_are_read_page_by_page(store: AnyStore) -> None:
    ours = [token(n, NOW) for n in range(7)]
    for one in (*ours, b.credential(kind=API_KEY, name="t-1")):
        await put(store, "save_credential", one)
    seen, after = list[Credential](), None
    while page := await get(store, "credentials", TOKEN, after=after, limit=3):
        assert len(page) <= 3
        seen += page
        after = page[-1]
    assert sorted(seen, key=lambda one: one.name) == ours


async def test_expired_tokens_go_and_the_others_stay(store: AnyStore) -> None:
    ports = Ports(store, VirtualClock(NOW), SystemIds())
    kept = [token(1, NOW + timedelta(hours=1)), token(2, NOW - TOKENS_KEPT + timedelta(seconds=1))]
    key = b.credential(kind=API_KEY, name="k-1")
    for one in (*kept, key, token(3, NOW - TOKENS_KEPT), token(4, NOW - timedelta(days=9))):
        await put(store, "save_credential", one)
    assert await forget_tokens(ports) == 2
    assert await forget_tokens(ports) == 0
    assert {one.name for one in await get(store, "credentials", TOKEN)} == {"t-1", "t-2"}
    assert await get(store, "credential", API_KEY, "k-1") == key


async def test_the_last_use_is_written_coarsely_and_never_undoes_a_revocation(store: AnyStore) -> None:
    clock = VirtualClock(NOW)
    ports, usage = Ports(store, clock, SystemIds()), Usage()
    key = b.credential(kind=API_KEY, name="k-1")
    await put(store, "save_credential", key)

    async def used(at: datetime) -> int:
        usage.note(API_KEY, "k-1", at)
        return await usage.write(ports)

    assert await used(NOW) == 1
    assert await usage.write(ports) == 0
    assert await used(NOW + COARSE - timedelta(seconds=1)) == 0
    revoked = structs.replace(key, revoked_at=NOW)
    await put(store, "save_credential", revoked)
    assert await used(NOW + COARSE) == 1
    assert await get(store, "credential", API_KEY, "k-1") == structs.replace(
        revoked, last_used_at=NOW + COARSE
    )
    usage.note(API_KEY, "gone", NOW)
    assert await usage.write(ports) == 0


async def test_an_organizations_credentials_are_listed_without_any_others(store: AnyStore) -> None:
    ports, keyring = Ports(store, VirtualClock(NOW), SystemIds()), Keyring(b"k" * 32)
    ours, _ = [await create_organization(ports, keyring, name) for name in ("Acme", "Other")]
    found = await credentials_of(ports, ours.organization_id)
    assert sorted(one.kind for one in found) == ["api_key", "client"]
    assert {one.organization_id for one in found} == {ours.organization_id}
    with pytest.raises(NotFound):
        await credentials_of(ports, b.OURS)


async def test_how_much_there_is_is_counted(store: AnyStore) -> None:
    nothing = await get(store, "tally", orders_since=NOW)
    assert nothing == Tally(sessions={}, orders={}, events=0)
    await put(store, "add_organization", b.organization())
    await put(
        store,
        "save_sessions",
        [
            b.session("s-1", state=UPCOMING, policy_id="p-1"),
            b.session("s-2", state=ACTIVE, policy_id="p-2"),
            b.session("s-3", state=ACTIVE, policy_id="p-3"),
            b.session("s-4", state=ACTIVE, policy_id=None),
        ],
    )
    milliseconds = int(NOW.timestamp() * 1000)
    before, at, after = (str(UUID(int=(milliseconds + n) << 80 | 7 << 76)) for n in (-1, 0, 1))
    states = {before: SENT, at: SENT, after: CONFIRMED}
    await put(store, "save_orders", [b.order(id=OrderId(id), state=state) for id, state in states.items()])
    await put(store, "add_events", [b.event(f"e-{n}", b.session(f"s-{n}")) for n in range(3)])
    assert await get(store, "tally", orders_since=NOW) == Tally(
        sessions={UPCOMING: 1, ACTIVE: 2}, orders={SENT: 1, CONFIRMED: 1}, events=3
    )
