"""What a station's journal says of vehicles against what is stored: observations, and sessions they alone decide."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import groupby

from dwell.application.engine import BATCH, Engine, look_after_due
from dwell.application.ports import Ports, Store
from dwell.application.records import StoredFact
from dwell.application.stations.rebuilt import Difference, Outcome, Rebuilt, shown
from dwell.domain.ids import OrganizationId, VehicleId
from dwell.domain.session.incoming import EARLIEST
from dwell.domain.session.record import SETTLED, Session
from dwell.domain.session.steering import Order

LATEST = EARLIEST.replace(year=2200)
AROUND = timedelta(days=1)
"""A session is the station's alone where nobody else told of the vehicle so long before and after."""
RECENT = timedelta(hours=1)
"""A session that ended so lately may not be settled in the store yet."""
LOOKS_AT_MOST = 1_000
COMPARED = (
    "plugged_out_at",
    "inferred_end_at",
    "energy_wh",
    "energy_source",
    "rows_from_at",
    "rows_wh",
    "average_power_w",
    "peak_power_w",
)
"""Of a session: what follows from facts alone, whatever policies and prices there are."""


class _Nobody:
    """No vehicle is told anything."""

    async def give(self, order: Order) -> str:
        del order
        return "not told"


async def compare_vehicles(ports: Ports, rebuilt: Rebuilt, outcome: Outcome) -> None:
    """Whether each rebuilt observation is stored, and each session that follows from the station's alone."""
    await _let_time_pass(ports, rebuilt)
    for vehicle_id in sorted(rebuilt.vehicles):
        await _compare_observations(ports, rebuilt, outcome, vehicle_id)
        await _compare_sessions(ports, rebuilt, outcome, vehicle_id)


async def _let_time_pass(ports: Ports, rebuilt: Rebuilt) -> None:
    """A plug-out counts after a while, and silence ends a visit."""
    rebuilt.clock.at = ports.clock.now()
    engine = Engine(rebuilt.ports, _Nobody())
    for _ in range(LOOKS_AT_MOST):
        looked = await look_after_due(engine)
        if looked.due < BATCH:
            return


async def _compare_sessions(ports: Ports, rebuilt: Rebuilt, outcome: Outcome, vehicle_id: VehicleId) -> None:
    owner = rebuilt.record.organization_id
    made = [
        (one, one.plugged_in_at, one.ended_at)
        for one in await _settled(rebuilt.ports.store, owner, vehicle_id)
        if one.plugged_in_at is not None and rebuilt.is_judged(one.plugged_in_at)
    ]
    kept = {one.plugged_in_at: one for one in await _settled(ports.store, owner, vehicle_id)}
    for session, began_at, ended_at in made:
        if ended_at is None or ended_at > ports.clock.now() - RECENT:
            continue
        between = (began_at - AROUND, ended_at + AROUND)
        told = {one.digest for one in await _observations(rebuilt.ports.store, owner, vehicle_id, between)}
        if told != {one.digest for one in await _observations(ports.store, owner, vehicle_id, between)}:
            outcome.sessions_open += 1
            continue
        outcome.sessions += 1
        found = list(_session_differences(rebuilt, session, kept.get(began_at)))
        outcome.sessions_different += bool(found)
        outcome.tell(*found)


def _session_differences(rebuilt: Rebuilt, session: Session, stored: Session | None) -> Iterator[Difference]:
    began_at = session.plugged_in_at
    thing = f"session of {session.vehicle_id} from {began_at.isoformat() if began_at is not None else ''}"
    station = rebuilt.record.station.name
    if stored is None:
        yield Difference(station=station, thing=thing, field="", stored="", rebuilt="there")
        return
    for name in COMPARED:
        was, now = getattr(stored, name), getattr(session, name)
        if was != now:
            yield Difference(station=station, thing=thing, field=name, stored=shown(was), rebuilt=shown(now))


async def _settled(store: Store, owner: OrganizationId, vehicle_id: VehicleId) -> list[Session]:
    found = await store.read(lambda reader: reader.sessions_of_vehicle(owner, vehicle_id, since=EARLIEST))
    return [one for one in found if one.state == SETTLED]


async def _compare_observations(
    ports: Ports, rebuilt: Rebuilt, outcome: Outcome, vehicle_id: VehicleId
) -> None:
    owner, station = rebuilt.record.organization_id, rebuilt.record.station.name
    told = await _observations(rebuilt.ports.store, owner, vehicle_id, (EARLIEST, LATEST))
    for _, day in groupby(told, key=lambda one: one.fact.at.date()):
        facts = [one for one in day if rebuilt.is_judged(one.fact.at)]
        if not facts:
            continue
        between = (facts[0].fact.at, facts[-1].fact.at)
        known = {one.digest for one in await _observations(ports.store, owner, vehicle_id, between)}
        outcome.observations += len(facts)
        for one in facts:
            if one.digest in known:
                continue
            outcome.observations_missing += 1
            thing = f"observation of {vehicle_id} at {one.fact.at.isoformat()}"
            outcome.tell(
                Difference(station=station, thing=thing, field="", stored="", rebuilt=shown(one.fact))
            )


async def _observations(
    store: Store, owner: OrganizationId, vehicle_id: VehicleId, between: tuple[datetime, datetime]
) -> list[StoredFact]:
    return await store.read(
        lambda reader: reader.facts(owner, vehicle_id, since=between[0], until=between[1])
    )
