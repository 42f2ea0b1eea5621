"""Boost: start the vehicle now, or at its next plug-in, whatever the plan says."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import msgspec

from dwell.application.asking import ask, moment_to_ask
from dwell.application.case import Case, Moment
from dwell.application.controls import case_now, take_effect
from dwell.application.ports import Ports, Reader, Transaction
from dwell.application.queries import NO_VEHICLE
from dwell.domain.errors import NotFound
from dwell.domain.ids import OrganizationId, VehicleId
from dwell.domain.policy.override import Immediate
from dwell.domain.registry import Vehicle
from dwell.domain.session.boost import (
    FULL_PERCENT,
    BoostRefused,
    BoostState,
    boost_state,
    is_armed,
    is_boosting,
    refusal_of,
)
from dwell.domain.session.record import ACTIVE, UPCOMING
from dwell.domain.session.track import Seen


@dataclass(frozen=True, slots=True, kw_only=True)
class BoostView:
    """What a boost is worth now, and whether one is armed for the next plug-in."""

    state: BoostState
    for_next_session: bool


async def boost(ports: Ports, organization_id: OrganizationId, vehicle_id: VehicleId) -> None:
    """Charge at once, full; unplugged, arm that for the next plug-in, wherever a policy waits for it. Ends a pause.

    Boosting twice is boosting once. Raises NotFound, and BoostRefused with state and reason.
    """
    now = ports.clock.now()

    async def work(tx: Transaction) -> None:
        moment = Moment.of(ports, tx, now)
        case = await case_now(moment, organization_id, vehicle_id)
        _refuse_in_vain(moment, case)
        if case.vehicle.paused_until is not None:
            case.vehicle = msgspec.structs.replace(case.vehicle, paused_until=None, updated_at=now)
            await tx.save_vehicle(case.vehicle)
            case.plan_wanted = True
        moment = moment_to_ask(_after_what_was_seen(moment, case), case)
        leaving = _is_leaving(case)
        sessions = [case.active] if case.active is not None else []
        if case.active is None or leaving:
            sessions += case.upcoming.values()
        for session in sessions:
            wanted = Immediate(minimum_charge_percent=FULL_PERCENT)
            await ask(moment, case, session, wanted, also_next=leaving)
        await take_effect(moment, case)

    await ports.store.write(work)


async def disarm_boost(ports: Ports, organization_id: OrganizationId, vehicle_id: VehicleId) -> None:
    """Take back what was armed for the next plug-in; a boost that runs goes on. Raises NotFound."""
    now = ports.clock.now()

    async def work(tx: Transaction) -> None:
        moment = Moment.of(ports, tx, now)
        case = await case_now(moment, organization_id, vehicle_id)
        moment = moment_to_ask(_after_what_was_seen(moment, case), case)
        if case.active is not None and _is_leaving(case):
            await ask(moment, case, case.active, None, also_next=True)
        for session in list(case.upcoming.values()):
            if is_armed(session, moment.now):
                await ask(moment, case, session, None)
        await take_effect(moment, case)

    await ports.store.write(work)


async def boost_of(ports: Ports, organization_id: OrganizationId, vehicle_id: VehicleId) -> BoostView:
    """What a boost of the vehicle is worth now. Raises NotFound; a deleted vehicle is still known."""
    now = ports.clock.now()

    async def look(reader: Reader) -> BoostView:
        vehicle = await reader.vehicle(organization_id, vehicle_id)
        if vehicle is None:
            raise NotFound(NO_VEHICLE)
        return await boost_seen(reader, vehicle, now)

    return await ports.store.read(look)


async def boost_seen(reader: Reader, vehicle: Vehicle, now: datetime) -> BoostView:
    """What a boost of the vehicle is worth at `now`."""
    organization_id, vehicle_id = vehicle.organization_id, vehicle.id
    track = await reader.track(organization_id, vehicle_id)
    running = [
        session
        for session in await reader.sessions_of_vehicle(organization_id, vehicle_id, since=now)
        if session.state == ACTIVE
    ]
    policies = (await reader.policies_of_vehicles(organization_id, [vehicle_id])).get(vehicle_id, [])
    found = [await reader.unsettled_session_of_policy(organization_id, p.id) for p in policies]
    waiting = [session for session in found if session is not None and session.state == UPCOMING]
    state = boost_state(
        vehicle,
        track.seen if track is not None else Seen(),
        active=running[0] if running else None,
        waiting=waiting,
        now=now,
    )
    return BoostView(state=state, for_next_session=any(is_armed(session, now) for session in waiting))


def _is_leaving(case: Case) -> bool:
    """Whether the vehicle was seen unplugged while its session runs on, lest the plug has but slipped."""
    return case.active is not None and case.seen.plugged_in is False


def _after_what_was_seen(moment: Moment, case: Case) -> Moment:
    """The moment, later than the plug was seen to be out: what is said then is no longer of the visit before."""
    seen_at = case.seen.at
    if not _is_leaving(case) or seen_at is None or seen_at < moment.now:
        return moment
    return replace(moment, now=seen_at + timedelta(microseconds=1))


def _refuse_in_vain(moment: Moment, case: Case) -> None:
    """Raise BoostRefused where a boost could do nothing."""
    active, waiting = case.active, list(case.upcoming.values())
    if active is not None and is_boosting(active) and not active.charging:
        return
    reason = refusal_of(case.vehicle, case.seen, active=active, waiting=waiting)
    if reason is not None:
        state = boost_state(case.vehicle, case.seen, active=active, waiting=waiting, now=moment.now)
        raise BoostRefused(state, reason)
