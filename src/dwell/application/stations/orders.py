"""Remote starts and stops: stored first, then told to the station, and what comes of it stored again."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta

import msgspec

from dwell.application.audit import note as note_act
from dwell.application.case import Moment
from dwell.application.ports import Ports
from dwell.application.ports import Transaction as Tx
from dwell.application.station_ports import OFFLINE
from dwell.application.stations.acts import begin, journal
from dwell.application.stations.desk import STOP_AGAIN_AFTER, Desk
from dwell.application.users import user_named, write_naming_user
from dwell.domain.audit import Change
from dwell.domain.errors import Conflict, NotFound, PeerFault, Refused
from dwell.domain.ids import OrganizationId, StationId, TransactionId, UserId
from dwell.domain.station.equipment import IdToken, TokenKind, evse_key
from dwell.domain.station.facts import StartOrdered, StartRefused, StopAccepted, TimePassed, TransactionFact
from dwell.domain.station.orders import StartCharging, StationOrder, StopCharging, Verdict
from dwell.domain.station.registry import StationRecord, TokenRecord
from dwell.domain.station.reports import ConnectorState
from dwell.domain.station.transaction import RUNNING, Status, Transaction

START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 10.0
"""How long the caller of a stop waits for the station."""
STOPS_WITHIN = timedelta(hours=1)
"""A stop that is not answered is ordered again for so long."""
DUE_AT_ONCE = 200
OUT_OF_SERVICE = frozenset({ConnectorState.UNAVAILABLE, ConnectorState.FAULTED})


@dataclass(frozen=True, slots=True)
class _Begun:
    transaction: Transaction
    is_new: bool


async def order_start(
    ports: Ports, organization_id: OrganizationId, *, evse: str, user_reference: str
) -> Transaction:
    """Order a start at an EVSE for a user; answers once that is stored. While one is under way it is that one.

    Raises NotFound for an EVSE that is not known, Conflict (occupied, out_of_service, offline).
    """
    now = ports.clock.now()

    async def work(tx: Tx) -> _Begun:
        place = await tx.evse_place(organization_id, evse_key(evse))
        held = await tx.hold_station(organization_id, place.station_id) if place is not None else None
        if place is None or held is None:
            raise NotFound("There is no such EVSE.")
        moment = Moment.of(ports, tx, now)
        desk = Desk(moment, held)
        user = await user_named(moment, organization_id, user_reference)
        here = [one for one in await desk.known() if one.evse_number == place.number]
        starting = next((one for one in here if one.status is Status.STARTING), None)
        if starting is not None and starting.user_id == user.id:
            return _Begun(starting, is_new=False)
        if starting is not None or any(one.status in RUNNING for one in here):
            raise Conflict("The EVSE is occupied.", code="occupied")
        _check_ready(ports, held, place.number)
        begun = await _begin(desk, place.number, user.id)
        await desk.close()
        _audited(tx, begun, "started")
        return _Begun(begun, is_new=True)

    begun = await write_naming_user(ports, work)
    if begun.is_new:
        ports.stations.soon(_hand_out_start(ports, begun.transaction))
    return begun.transaction


def _check_ready(ports: Ports, record: StationRecord, number: int) -> None:
    standing = record.standings.get(number)
    if standing is not None and standing.state in OUT_OF_SERVICE:
        raise Conflict("The EVSE is out of service.", code="out_of_service")
    if not ports.stations.is_connected(record.id):
        raise Conflict("The station is offline.", code="offline")


async def _begin(desk: Desk, number: int, user_id: UserId) -> Transaction:
    """The transaction of a remote start: the one that waits there already, or a new one."""
    token = _token_for(user_id)
    if await desk.moment.tx.id_token(desk.organization_id, token.text) is None:
        record = TokenRecord(
            organization_id=desk.organization_id, token=token, created_at=desk.moment.now, user_id=user_id
        )
        await desk.moment.tx.save_id_token(record)
    fact = StartOrdered(at=desk.moment.now, remote_start_id=desk.next_number(), token=token, user_id=user_id)
    begun = await begin(desk, number, fact)
    journal(desk, begun, fact)
    return begun


def _token_for(user_id: UserId) -> IdToken:
    """The token by which a user is known to stations when we start for him: 20 characters, as OCPP 1.6 has it."""
    digest = hashlib.blake2b(user_id.encode(), digest_size=9, person=b"dwell-token").hexdigest()
    return IdToken(f"DW{digest}".upper(), TokenKind.REMOTE)


async def _hand_out_start(ports: Ports, transaction: Transaction) -> None:
    """Tell the station. What it refuses has failed; where it says nothing, time will tell (`start_by_at`)."""
    if transaction.token is None or transaction.remote_start_id is None:
        return
    order = StartCharging(
        token=transaction.token,
        remote_start_id=transaction.remote_start_id,
        evse_number=transaction.evse_number,
    )
    why = await _refusal(ports, transaction.station_id, order)
    if why is not None:
        await note(ports, transaction, StartRefused(at=ports.clock.now(), why=why))


async def _refusal(ports: Ports, station_id: StationId, order: StationOrder) -> str | None:
    """Why a start did not come off, in a word; None while it may."""
    try:
        answer = await ports.stations.give(station_id, order, timeout_s=START_TIMEOUT_S)
    except PeerFault as fault:
        return "offline" if fault.code == OFFLINE else None
    except Refused as refused:
        return refused.code
    return None if answer.verdict in {Verdict.ACCEPTED, Verdict.SCHEDULED} else answer.verdict.lower()


async def order_stop(
    ports: Ports, organization_id: OrganizationId, transaction_id: TransactionId
) -> Transaction:
    """Order the end of a transaction that runs, and wait for the station's word. Again: the same, unchanged.

    Raises NotFound, Conflict where it does not run or the station refuses, PeerFault where it does not answer: the
    order is given again then.
    """
    found = await _transaction(ports, organization_id, transaction_id)
    if found.status is Status.REMOTE_STOPPED:
        return found
    if found.status is not Status.ACTIVE or found.reference is None:
        raise Conflict("The session is not active.", code="not_active")
    try:
        return await _stop(ports, found)
    except PeerFault:
        await _want_stop(ports, found)
        raise


async def _stop(ports: Ports, transaction: Transaction) -> Transaction:
    order = StopCharging(reference=transaction.reference or "")
    answer = await ports.stations.give(transaction.station_id, order, timeout_s=STOP_TIMEOUT_S)
    if answer.verdict not in {Verdict.ACCEPTED, Verdict.SCHEDULED}:
        raise Conflict("The station refused to stop.", code="stop_refused")
    return await note(ports, transaction, StopAccepted(at=ports.clock.now()), did="stopped")


async def _want_stop(ports: Ports, transaction: Transaction) -> None:
    now = ports.clock.now()

    async def work(tx: Tx) -> None:
        desk, held = await _desk(ports, tx, transaction)
        if held.status is Status.ACTIVE:
            desk.put(msgspec.structs.replace(held, stop_wanted_at=now))
        await desk.close()

    await ports.store.write(work)


async def look_after_transactions(ports: Ports) -> int:
    """Let time pass for the transactions that are due, and order their stops again. Returns how many were due."""
    now = ports.clock.now()

    async def work(tx: Tx) -> list[tuple[OrganizationId, TransactionId]]:
        return await tx.due_transactions(now, limit=DUE_AT_ONCE)

    due = await ports.store.write(work)
    for organization_id, transaction_id in due:
        found = await _transaction(ports, organization_id, transaction_id)
        if found.status is Status.ACTIVE and found.stop_wanted_at is not None:
            await _stop_again(ports, found)
        else:
            connected = ports.stations.is_connected(found.station_id)
            await note(ports, found, TimePassed(at=now, connected=connected))
    return len(due)


async def _stop_again(ports: Ports, transaction: Transaction) -> None:
    now = ports.clock.now()
    ordered_at = transaction.stop_wanted_at or now
    try:
        if now - ordered_at < STOPS_WITHIN:
            if await _is_stop_ours(ports, transaction):
                await _stop(ports, transaction)
            return
    except PeerFault:
        return  # it is wanted as before, and ordered again later
    except Conflict:
        pass
    await _forget_stop(ports, transaction)


async def _is_stop_ours(ports: Ports, transaction: Transaction) -> bool:
    """Whether it falls to us to order the stop again: of several processes that see it due, to one."""
    now = ports.clock.now()

    async def work(tx: Tx) -> bool:
        desk, held = await _desk(ports, tx, transaction)
        wanted_at = held.stop_wanted_at
        if held.status is not Status.ACTIVE or wanted_at is None or now < wanted_at + STOP_AGAIN_AFTER:
            return False
        desk.put(msgspec.structs.replace(held, stop_wanted_at=now))
        await desk.close()
        return True

    return await ports.store.write(work)


async def _forget_stop(ports: Ports, transaction: Transaction) -> None:
    async def work(tx: Tx) -> None:
        desk, held = await _desk(ports, tx, transaction)
        desk.put(msgspec.structs.replace(held, stop_wanted_at=None))
        await desk.close()

    await ports.store.write(work)


async def note(
    ports: Ports, transaction: Transaction, fact: TransactionFact, *, did: str | None = None
) -> Transaction:
    """Advance a transaction by what we know of it ourselves; `did`: what whoever acts has done to it."""

    async def work(tx: Tx) -> Transaction:
        desk, held = await _desk(ports, tx, transaction)
        after = desk.advance(held, fact)
        if after != held:
            journal(desk, after, fact)
        desk.put(after)  # also unchanged: its next look is worked out anew
        await desk.close()
        if did is not None:
            _audited(tx, after, did)
        return after

    return await ports.store.write(work)


def _audited(tx: Tx, transaction: Transaction, did: str) -> None:
    change = Change(thing="transaction", thing_id=transaction.id, action=did)
    note_act(tx, transaction.organization_id, change)


async def _desk(ports: Ports, tx: Tx, transaction: Transaction) -> tuple[Desk, Transaction]:
    """The station's desk and the transaction as it stands now."""
    record = await tx.hold_station(transaction.organization_id, transaction.station_id)
    held = await tx.transaction(transaction.organization_id, transaction.id)
    if record is None or held is None:
        raise NotFound("There is no such session.")
    return Desk(Moment.of(ports, tx, ports.clock.now()), record), held


async def _transaction(
    ports: Ports, organization_id: OrganizationId, transaction_id: TransactionId
) -> Transaction:
    found = await ports.store.read(lambda reader: reader.transaction(organization_id, transaction_id))
    if found is None:
        raise NotFound("There is no such session.")
    return found
