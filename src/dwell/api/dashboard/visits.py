"""One session with all that is known of it, and a person's word to a vehicle."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from dwell.api.dashboard.views import Curve, SessionRow, curve_of, session_of
from dwell.api.shared.answers import Answer, answer_json
from dwell.api.shared.operations import Call
from dwell.application.board import FACTS_AT_MOST, name_of, session_with_facts
from dwell.application.boost import boost, disarm_boost
from dwell.application.vehicles import VehicleChange, change_vehicle
from dwell.domain.ids import SessionId, VehicleId
from dwell.domain.planning.german import in_german
from dwell.domain.session.facts import Fact
from dwell.domain.session.record import Promise
from dwell.domain.session.steering import Order

PAUSE = timedelta(hours=4)
MARGIN = timedelta(hours=1)


class OrderRow(msgspec.Struct, frozen=True, kw_only=True):
    """What the vehicle was told, and what became of it: confirmed is what it was seen to do, not what it answered."""

    id: str
    created_at: datetime
    kind: str
    power_w: int
    state: str
    attempts: int
    sent_at: datetime | None
    confirmed_at: datetime | None
    answer: str | None


class PlanLine(msgspec.Struct, frozen=True, kw_only=True):
    """A block of the plan in force, and why it is there."""

    type: str
    start: datetime
    end: datetime
    power_w: int
    energy_wh: int
    reason_en: str
    reason_de: str


class SessionPage(msgspec.Struct, frozen=True, kw_only=True):
    """All of a session's page beside what the dialects show: the row, its facts in order, and prices around it.

    `transactions` are those by which stations metered it. Switches and pause are the vehicle's of now.
    """

    now: datetime
    session: SessionRow
    vehicle: str
    user_id: str
    vehicle_id: str
    policy_id: str | None
    timezone: str
    energy_wh: int
    smart_charging: bool
    link_valid: bool
    silent_since: datetime | None
    paused_until: datetime | None
    plan: list[PlanLine]
    plan_sentence_de: str | None
    facts: list[Fact]
    orders: list[OrderRow]
    transactions: list[str]
    curve: Curve | None


async def get_session_page(call: Call) -> Answer:
    """One session."""
    ports = call.backend.ports
    found = await session_with_facts(
        ports, call.organization_id, SessionId(call.path["sessionId"]), margin=MARGIN
    )
    session, vehicle, now = found.session, found.vehicle, ports.clock.now()
    zone = session.terms.zone
    curve = (
        curve_of(zone, found.curve, *found.window) if found.curve is not None and zone is not None else None
    )
    return answer_json(
        200,
        SessionPage(
            now=now,
            session=session_of(session, now),
            vehicle=name_of(vehicle) if vehicle is not None else session.vehicle_id,
            user_id=session.user_id,
            vehicle_id=session.vehicle_id,
            policy_id=session.policy_id,
            timezone=session.terms.timezone,
            energy_wh=session.energy_wh,
            smart_charging=vehicle.smart_charging if vehicle is not None else False,
            link_valid=vehicle.link_valid if vehicle is not None else False,
            silent_since=found.silent_since,
            paused_until=vehicle.paused_until if vehicle is not None else None,
            plan=plan_of(session.promise) if session.promise is not None else [],
            plan_sentence_de=in_german(session.promise.sentence) if session.promise is not None else None,
            transactions=found.transactions,
            facts=[stored.fact for stored in found.facts[:FACTS_AT_MOST]],
            orders=[order_of(one) for one in found.orders],
            curve=curve,
        ),
    )


def plan_of(promise: Promise) -> list[PlanLine]:
    """The plan block by block."""
    rows = zip(promise.blocks, promise.powers_w, promise.reasons, strict=True)
    return [
        PlanLine(
            type=block.type,
            start=block.start_at,
            end=block.end_at,
            power_w=power_w,
            energy_wh=block.energy_wh,
            reason_en=reason,
            reason_de=in_german(reason),
        )
        for block, power_w, reason in rows
    ]


def order_of(order: Order) -> OrderRow:
    """An order as the page lists it."""
    return OrderRow(
        id=order.id,
        created_at=order.created_at,
        kind=order.kind,
        power_w=order.power_w,
        state=order.state,
        attempts=order.attempts,
        sent_at=order.sent_at,
        confirmed_at=order.confirmed_at,
        answer=order.answer,
    )


async def post_boost(call: Call) -> Answer:
    """Charge at once."""
    await boost(call.backend.ports, call.organization_id, VehicleId(call.path["vehicleId"]))
    call.backend.changed()
    return Answer(204)


async def delete_boost(call: Call) -> Answer:
    """Back to the plan."""
    await disarm_boost(call.backend.ports, call.organization_id, VehicleId(call.path["vehicleId"]))
    call.backend.changed()
    return Answer(204)


async def post_pause(call: Call) -> Answer:
    """Nothing but the reserve for PAUSE."""
    return await _paused(call, call.backend.ports.clock.now() + PAUSE)


async def delete_pause(call: Call) -> Answer:
    """The pause ends."""
    return await _paused(call, None)


async def _paused(call: Call, until: datetime | None) -> Answer:
    change = VehicleChange(paused_until=until)
    await change_vehicle(call.backend.ports, call.organization_id, VehicleId(call.path["vehicleId"]), change)
    call.backend.changed()
    return Answer(204)
