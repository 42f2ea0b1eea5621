"""The way to a vehicle through the station it charges at: its plan as a profile that the station keeps by itself.

A station that refuses one kind of profile, or accepts it and goes on as before, is tried with the next one, down to
plain starts and stops; where it stands is kept with it. Vehicles that charge at no connected station go the other way.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from dwell.application.ports import Ports, Reader, VehicleOrders
from dwell.application.ports import Transaction as Tx
from dwell.application.station_ports import StationOrders
from dwell.application.stations.orders import order_start
from dwell.application.stations.read_back import read_back
from dwell.domain.errors import Conflict, PeerFault, Refused
from dwell.domain.ids import OrganizationId, SessionId, VehicleId
from dwell.domain.planning.profile import Step, Wiring, express
from dwell.domain.session.record import ACTIVE, Promise, Session
from dwell.domain.session.steering import START, Order, wish_at
from dwell.domain.station.ladder import (
    PROFILES,
    Ladder,
    Rung,
    after_answer,
    after_measured,
    after_read_back,
    after_silence,
    first_rung,
)
from dwell.domain.station.orders import OrderAnswer, SetProfile, StationOrder, StopCharging, Verdict
from dwell.domain.station.profile import Purpose
from dwell.domain.station.read_back import ReadBack
from dwell.domain.station.registry import StationRecord
from dwell.domain.station.transaction import RUNNING, Transaction
from dwell.domain.units import W_PER_KW

TIMEOUT_S = 15.0
FAR = timedelta(days=2)
"""How long a power is told for that no plan ends."""
PROFILE_ID = 1_000
"""Ours have this number and the EVSE's: a new one takes the place of the one before it."""
STACK_LEVEL = 1
_PURPOSES = {
    Rung.TX_PROFILE: Purpose.TRANSACTION,
    Rung.TX_DEFAULT_PROFILE: Purpose.DEFAULT,
    Rung.STATION_MAX_PROFILE: Purpose.STATION_MAX,
}
_TAKEN = frozenset({Verdict.ACCEPTED, Verdict.SCHEDULED, Verdict.REBOOT_REQUIRED})


@dataclass(frozen=True, slots=True)
class Plugged:
    """A vehicle at an EVSE of a connected station; the transaction is None where none runs."""

    record: StationRecord
    evse_number: int
    transaction: Transaction | None
    session: Session | None


@dataclass(frozen=True, slots=True)
class StationWay:
    """The way to vehicles at connected stations, and to all others `beyond`."""

    ports: Ports
    beyond: VehicleOrders

    async def give(self, order: Order) -> str:
        """What the station made of it. Raises PeerFault where it does not answer or takes nothing."""
        found = await self._at_station(order)
        if found is None:
            return await self.beyond.give(order)
        running = found.transaction
        if running is None:
            return await self._begin(order, found)
        if order.attempts > 1:  # it was told before, and its meter shows that it does not obey
            found = await self._climb(found, after_measured(_ladder_of(found.record), obeyed=False))
        return await self._tell(order, found, running)

    async def _at_station(self, order: Order) -> Plugged | None:
        async def look(reader: Reader) -> Plugged | None:
            return await plugged(reader, self.ports.stations, order.organization_id, order)

        return await self.ports.store.read(look)

    async def _begin(self, order: Order, found: Plugged) -> str:
        """No transaction runs: a start makes one, and for a stop there is nothing to do."""
        evse, session = found.record.station.evse(found.evse_number), found.session
        if order.kind != START or evse is None or session is None:
            return "no transaction runs at the station"
        user_id = session.user_id
        user = await self.ports.store.read(lambda reader: reader.user(order.organization_id, user_id))
        try:
            await order_start(
                self.ports,
                order.organization_id,
                evse=evse.evse,
                user_reference=user.reference if user is not None else user_id,
            )
        except Conflict as conflict:
            raise PeerFault(conflict.message, code=conflict.code) from conflict
        return "the station was told to begin"

    async def _tell(self, order: Order, found: Plugged, running: Transaction) -> str:
        """On the first rung that the station takes; where it takes none, it cannot be steered."""
        while (rung := _ladder_of(found.record).rung) is not None:
            ladder = _ladder_of(found.record)
            profile = self._profile(rung, order, found, running) if rung in PROFILES else None
            try:
                answer = await self._on(profile, order, found, running)
            except PeerFault:
                await self._climb(found, after_silence(ladder))
                raise
            except Refused:  # this version cannot say it
                answer = OrderAnswer(verdict=Verdict.NOT_SUPPORTED)
            after = after_answer(ladder, answer.verdict)
            found = await self._climb(found, after)
            if answer.verdict in _TAKEN:
                if profile is not None:
                    found, ignored = await self._read_back(profile, found)
                    if ignored:  # told again, three times in all, and then in another way
                        continue
                return f"{rung.name.lower()}: {answer.said or answer.verdict.lower()}"
            if after.rung is rung:
                raise PeerFault(
                    f"The station refused ({answer.said or answer.verdict}).", code="station_refused"
                )
        raise PeerFault("The station takes no order that could steer it.", code="station_not_steerable")

    async def _read_back(self, profile: SetProfile, found: Plugged) -> tuple[Plugged, bool]:
        """Keep what the station says of the profile that it took; whether it ignores it."""
        shown = await read_back(self.ports, found.record, profile, _wiring_of(found))
        if shown is None:
            return found, False
        ladder = _ladder_of(found.record)
        after = after_read_back(ladder, ignored=shown.ignored)
        return await self._climb(found, after, shown=shown), after != ladder

    async def _on(
        self, profile: SetProfile | None, order: Order, found: Plugged, running: Transaction
    ) -> OrderAnswer:
        if profile is not None:
            return await self._give(found, profile)
        if _ladder_of(found.record).rung is Rung.START_STOP:
            if order.kind == START:
                return OrderAnswer(verdict=Verdict.ACCEPTED, said="it runs")
            return await self._give(found, StopCharging(reference=running.reference or ""))
        return OrderAnswer(
            verdict=Verdict.NOT_SUPPORTED
        )  # configuration keys that limit are each maker's own

    async def _give(self, found: Plugged, order: StationOrder) -> OrderAnswer:
        return await self.ports.stations.give(found.record.id, order, timeout_s=TIMEOUT_S)

    def _profile(self, rung: Rung, order: Order, found: Plugged, running: Transaction) -> SetProfile:
        now = self.ports.clock.now()
        whole_station = rung is Rung.STATION_MAX_PROFILE
        promise = found.session.promise if found.session is not None else None
        expressed = express(
            steps_of(order, promise, now),
            _wiring_of(found),
            profile_id=PROFILE_ID + (0 if whole_station else found.evse_number),
            now=now,
            purpose=_PURPOSES[rung],
            stack_level=STACK_LEVEL,
            transaction_reference=running.reference if rung is Rung.TX_PROFILE else None,
        )
        return SetProfile(profile=expressed.profile, evse_number=0 if whole_station else found.evse_number)

    async def _climb(self, found: Plugged, ladder: Ladder, *, shown: ReadBack | None = None) -> Plugged:
        """Keep where the station stands now, and what it showed."""
        if ladder == _ladder_of(found.record) and shown is None:
            return found

        async def work(tx: Tx) -> StationRecord:
            held = await tx.hold_station(found.record.organization_id, found.record.id)
            record = held or found.record
            kept = msgspec.structs.replace(record, ladder=ladder, read_back=shown or record.read_back)
            if held is not None:
                await tx.save_station(kept)
            return kept

        record = await self.ports.store.write(work)
        return Plugged(record, found.evse_number, found.transaction, found.session)


def steps_of(order: Order, promise: Promise | None, now: datetime) -> list[Step]:
    """What the vehicle may draw from now on: now what was ordered, later what is planned."""
    power_kw = order.power_w / W_PER_KW if order.kind == START else 0.0
    if promise is None:
        return [Step(now, now + FAR, power_kw)]
    until = wish_at(promise, now).until or now + FAR
    later = [
        Step(block.start_at, block.end_at, power_w / W_PER_KW)
        for block, power_w in zip(promise.blocks, promise.powers_w, strict=True)
        if block.start_at >= until
    ]
    return [Step(now, until, power_kw), *later]


async def plugged(
    reader: Reader, stations: StationOrders, organization_id: OrganizationId, order: Order
) -> Plugged | None:
    """Where the order's vehicle charges, if that is a connected station of the organization."""
    session = await reader.session(organization_id, order.session_id)
    record = await _station_of(reader, stations, organization_id, order.vehicle_id)
    if record is None:
        return None
    found, number = record
    running = [
        one
        for one in await reader.transactions_of_station((organization_id, found.id))
        if one.status in RUNNING and one.evse_number == number
    ]
    own = next((one for one in running if one.vehicle_id in (order.vehicle_id, None)), None)
    return Plugged(found, number, own, session)


async def _station_of(
    reader: Reader, stations: StationOrders, organization_id: OrganizationId, vehicle_id: VehicleId
) -> tuple[StationRecord, int] | None:
    """The connected station and EVSE that the vehicle was linked to last and has not left."""
    after = ""
    while page := await reader.stations(organization_id, after=after):
        for record in page:
            for number, standing in record.standings.items():
                if standing.vehicle_id == vehicle_id and stations.is_connected(record.id):
                    return record, number
        after = page[-1].id
    return None


async def send_plans_again(way: StationWay, record: StationRecord) -> None:
    """After a boot or a new connection: what runs at the station is told its plan anew."""
    station = (record.organization_id, record.id)

    async def look(reader: Reader) -> list[Order]:
        found = []
        for one in await reader.transactions_of_station(station):
            if one.status not in RUNNING or one.vehicle_id is None:
                continue
            track = await reader.track(record.organization_id, one.vehicle_id)
            session_id: SessionId | None = track.session_id if track is not None else None
            session = (
                await reader.session(record.organization_id, session_id) if session_id is not None else None
            )
            if track is None or track.order is None or session is None or session.state != ACTIVE:
                continue
            found.append(msgspec.structs.replace(track.order, attempts=1))
        return found

    for order in await way.ports.store.read(look):
        await way.give(order)


def _ladder_of(record: StationRecord) -> Ladder:
    if record.ladder is not None:
        return record.ladder
    return first_rung(smart_charging=True, evses=len(record.station.evses))


def _wiring_of(found: Plugged) -> Wiring:
    evse = found.record.station.evse(found.evse_number)
    connector = evse.connectors[0] if evse is not None and evse.connectors else None
    if connector is None:
        return Wiring()
    return Wiring(phases=connector.phases, voltage_v=connector.voltage_v)
