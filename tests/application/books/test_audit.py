"""The audit log: in the change's own transaction, without secrets, and red once anything of it was altered."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import msgspec
import pytest

from dwell.application.audit import acting, newest_entries, verify_chain
from dwell.application.credentials import Keyring, add_api_key, create_organization, revoke
from dwell.application.policies import change_policy, create_policy, delete_policy
from dwell.application.ports import Ports, Reader, Transaction
from dwell.application.prices import Published, import_prices
from dwell.domain.audit import (
    INSTALLATION,
    START,
    Actor,
    Change,
    Entry,
    Head,
    Verifier,
    entry_after,
    read_head,
)
from dwell.domain.errors import Conflict, Refused
from dwell.domain.ids import OrganizationId
from dwell.domain.policy.schedule import Deadline
from house import BUILT_AT, CAR, HOME, ORGANIZATION, ZONE, a_house, hourly_prices
from stores import AnyStore

pytestmark = pytest.mark.anyio

ANNA = Actor(kind="client", name="dwell_cid_anna", address="192.0.2.7")
AT = datetime(2026, 3, 25, 12, tzinfo=UTC)
TEN = 10


async def entries_of(ports: Ports, organization_id: OrganizationId = ORGANIZATION) -> list[Entry]:
    """The whole chain, oldest first."""
    return (await newest_entries(ports, organization_id, before=None, limit=1000))[::-1]


async def test_every_change_is_noted_with_what_was_before_and_after(store: AnyStore) -> None:
    house = await a_house(store, with_policy=False)
    ports = acting(house.ports, ANNA, ORGANIZATION)
    policy = await create_policy(ports, ORGANIZATION, CAR, HOME)
    await change_policy(ports, ORGANIZATION, policy.id, battery_reserve_percent=35)
    await change_policy(ports, ORGANIZATION, policy.id, battery_reserve_percent=35)
    await delete_policy(ports, ORGANIZATION, policy.id)
    entries = await entries_of(ports)
    assert [(e.number, e.change.thing, e.change.action) for e in entries] == [
        (1, "policy", "created"),
        (2, "policy", "changed"),
        (3, "policy", "deleted"),
    ]
    assert {(e.actor, e.change.thing_id, e.at) for e in entries} == {(ANNA, policy.id, BUILT_AT)}
    changed = entries[1].change
    reserves = [
        msgspec.json.decode(text)["agreed"]["terms"]["battery_reserve_percent"]
        for text in (changed.before, changed.after)
    ]
    assert reserves == [20, 35]
    assert await verify_chain(ports, ORGANIZATION) == (Head(3, entries[-1].hash), None)


async def test_what_was_not_committed_is_not_noted(store: AnyStore) -> None:
    house = await a_house(store)
    ports = acting(house.ports, ANNA, ORGANIZATION)
    with pytest.raises(Conflict):
        await create_policy(ports, ORGANIZATION, CAR, HOME)
    assert house.policy is not None
    with pytest.raises(Refused):
        await change_policy(ports, ORGANIZATION, house.policy.id, schedule=(None,) * 7)
    assert await entries_of(ports) == []


async def test_credentials_are_noted_without_their_secrets(store: AnyStore) -> None:
    house = await a_house(store)
    keyring, ports = Keyring(b"k" * 32), acting(house.ports, ANNA)
    new = await create_organization(ports, keyring, "Acme")
    key = await add_api_key(ports, keyring, new.organization_id)
    await revoke(ports, keyring, key)
    entries = await entries_of(ports, new.organization_id)
    said = [(e.change.thing, e.change.action) for e in entries]
    assert said == [
        ("organization", "created"),
        ("client", "created"),
        ("api_key", "created"),
        ("api_key", "created"),
        ("api_key", "revoked"),
    ]
    text = msgspec.json.encode(entries).decode()
    hashed = keyring.digest("client", new.client_secret)
    for secret in (new.client_secret, new.api_key, key, "secret_hash", hashed.hex()):
        assert secret not in text


async def test_prices_by_hand_are_in_the_installations_chain(store: AnyStore) -> None:
    house = await a_house(store, with_prices=False)
    ports, slots = acting(house.ports, ANNA), hourly_prices(3)
    document = Published("csv", "prices.csv", slots)
    await import_prices(ports, ZONE, "EUR", slots, documents=[document])
    await import_prices(ports, ZONE, "EUR", slots, documents=[document])
    [entry] = await entries_of(ports, INSTALLATION)
    assert (entry.change.thing, entry.change.thing_id, entry.change.before) == ("prices", ZONE, "")
    assert msgspec.json.decode(entry.change.after)["slots"] == len(slots)

    async def origins(reader: Reader) -> list[str]:
        found = await reader.price_origins(ZONE, slots[0].start_at, slots[-1].end_at)
        return [origin.document for origin in found]

    assert await ports.store.read(origins) == ["prices.csv"]


async def test_many_writers_of_one_organization_make_one_chain(store: AnyStore) -> None:
    house = await a_house(store)
    assert house.policy is not None
    policy_id = house.policy.id
    # Each actor's ports on their own, and half of them without taking turns, as another process would come.
    acted = [acting(house.ports, ANNA, ORGANIZATION if n % 2 else OrganizationId(str(n))) for n in range(TEN)]
    await asyncio.gather(
        *(
            change_policy(ports, ORGANIZATION, policy_id, days={n % 7: Deadline(f"0{n}:00", 50.0 + n)})
            for n, ports in enumerate(acted)
        )
    )
    entries = await entries_of(house.ports)
    assert [e.number for e in entries] == list(range(1, TEN + 1))
    head, broken = await verify_chain(house.ports, ORGANIZATION)
    assert (head.number, broken) == (TEN, None)
    afters = [e.change.after for e in entries]
    assert [e.change.before for e in entries][1:] == afters[:-1]


def a_chain(length: int, actor: Actor = ANNA) -> list[Entry]:
    head, chain = Head(0, START), list[Entry]()
    for n in range(length):
        change = Change(thing="policy", thing_id=str(n), action="changed", before="{}", after=f'{{"n":{n}}}')
        chain.append(entry_after(head, ORGANIZATION, AT, actor=actor, change=change))
        head = Head(chain[-1].number, chain[-1].hash)
    return chain


def verified(chain: list[Entry], anchor: Head | None = None) -> int | None:
    """The number of the first broken link."""
    verifier = Verifier(ORGANIZATION, anchor)
    verifier.take(chain)
    broken = verifier.finish()
    return broken.number if broken is not None else None


@pytest.mark.parametrize(
    "changes",
    [
        {"at": AT.replace(year=2025)},
        {"actor": Actor(kind="client", name="another", address=ANNA.address)},
        {"actor": Actor(kind="client", name=ANNA.name, address="192.0.2.8")},
        {"change": Change(thing="policy", thing_id="4", action="changed", before="{}", after='{"n":5}')},
        {"change": Change(thing="vehicle", thing_id="4", action="changed", before="{}", after='{"n":4}')},
        {"hash": bytes(32)},
        {"previous_hash": bytes(32)},
        {"number": 6},
        {"organization_id": OrganizationId("another")},
    ],
)
def test_an_altered_entry_is_found(changes: dict[str, object]) -> None:
    chain = a_chain(TEN)
    assert verified(chain) is None
    chain[4] = msgspec.structs.replace(chain[4], **changes)
    assert verified(chain) == 5


def test_entries_that_changed_places_or_are_missing_are_found() -> None:
    chain = a_chain(TEN)
    assert verified([*chain[:3], chain[4], chain[3], *chain[5:]]) == 4
    assert verified([*chain[:3], *chain[4:]]) == 4
    assert verified(chain[1:]) == 1
    of_another_life = a_chain(TEN, Actor(kind="cli", name="root"))
    assert verified(of_another_life) is None
    assert verified([*chain[:4], *of_another_life[4:]]) == 5


def test_a_tail_that_was_cut_or_written_anew_is_found_by_the_head_kept_outside() -> None:
    chain = a_chain(TEN)
    anchor = read_head(str(Head(8, chain[7].hash)))
    assert verified(chain, anchor) is None
    assert verified(chain[:7]) is None
    assert verified(chain[:7], anchor) == 8
    head = Head(6, chain[5].hash)
    forged = [*chain[:6]]
    for n in range(4):
        change = Change(thing="policy", thing_id=f"forged {n}", action="changed")
        forged.append(entry_after(head, ORGANIZATION, AT, actor=ANNA, change=change))
        head = Head(forged[-1].number, forged[-1].hash)
    assert verified(forged) is None
    assert verified(forged, anchor) == 8


async def test_a_row_altered_in_the_database_is_found(database: AnyStore) -> None:
    house = await a_house(database)
    assert house.policy is not None
    ports = acting(house.ports, ANNA, ORGANIZATION)
    for n in range(4):
        await change_policy(ports, ORGANIZATION, house.policy.id, battery_reserve_percent=30 + n)

    async def tamper(tx: Transaction) -> None:
        rows = tx._rows  # type: ignore[attr-defined]  # as somebody with the database's password would
        [_, forged, *_] = await tx.audit_entries(ORGANIZATION)
        altered = msgspec.structs.replace(forged, actor=Actor(kind="client", name="somebody else"))
        await rows.run(
            "UPDATE audit_log SET body = :body WHERE organization_id = :organization_id AND number = :number",
            body=msgspec.msgpack.encode(altered),
            organization_id=ORGANIZATION,
            number=2,
        )

    await database.write(tamper)
    head, broken = await verify_chain(house.ports, ORGANIZATION)
    assert (head.number, broken.number if broken is not None else None) == (1, 2)


async def test_a_long_chain_is_walked_to_its_end(store: AnyStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dwell.application.audit.PAGE", 3)
    house = await a_house(store)
    chain = a_chain(TEN)

    async def fill(tx: Transaction) -> None:
        for entry in chain:
            await tx.add_audit_entry(entry)

    await store.write(fill)
    assert (await verify_chain(house.ports, ORGANIZATION))[0] == Head(TEN, chain[-1].hash)
    page = await newest_entries(house.ports, ORGANIZATION, before=8, limit=2)
    assert [entry.number for entry in page] == [7, 6]


def test_a_head_that_is_none_is_refused() -> None:
    for text in ("", "1", "x:" + "0" * 64, "1:" + "0" * 62, "1:" + "g" * 64):
        with pytest.raises(ValueError, match="hex"):
            read_head(text)
