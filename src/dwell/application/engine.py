"""What time does: visits end, deadlines pass, plans are made, orders go out.

One transaction looks after every vehicle that is due; only after its commit are the orders handed out (by the worker
beside the loop, or in step with a virtual clock by `run_due`), and nothing is lost if that fails: an order is believed
when the vehicle obeys, and repeated when it does not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from dwell.application.case import Case, Moment, close_cases, load_cases
from dwell.application.charging import Grids
from dwell.application.poison import INDIGESTIBLE, RETRY_AFTER, named
from dwell.application.ports import Ports, Reader, Transaction, VehicleOrders
from dwell.application.recut import recut_from
from dwell.application.sharing import plan_running
from dwell.application.steer import is_fresh, steer, wants_plan
from dwell.application.upkeep import look_again, next_look
from dwell.domain.errors import DwellError, Fault, Unavailable
from dwell.domain.ids import OrganizationId, VehicleId
from dwell.domain.planning import Care
from dwell.domain.session.steering import PENDING, SENT, Order
from dwell.domain.session.track import Track

BATCH = 200
"""How many vehicles are looked after in one transaction."""


@dataclass(slots=True)
class Looked:
    """What one look did: how many vehicles were due, the orders to hand out, plans found unsound, and failures.

    `plans_s` holds for each plan made the seconds it took, prices and verification included.
    """

    due: int = 0
    orders: list[Order] = field(default_factory=list)
    plan_faults: list[tuple[VehicleId, tuple[Fault, ...]]] = field(default_factory=list)
    failures: list[tuple[VehicleId, str]] = field(default_factory=list)
    undelivered: list[tuple[VehicleId, str]] = field(default_factory=list)
    plans_s: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Engine:
    """The ports, the way to the vehicles, the price grids that plans share, and the care that they are made with.

    `stopwatch_s` never goes back.
    """

    ports: Ports
    orders: VehicleOrders
    grids: Grids = field(default_factory=Grids)
    care: Care = field(default_factory=Care)
    stopwatch_s: Callable[[], float] = lambda: 0.0


async def look_after_due(engine: Engine, *, limit: int = BATCH) -> Looked:
    """Look after up to `limit` vehicles that are due now. The orders this gave are committed, not yet handed out."""
    now = engine.ports.clock.now()

    async def work(tx: Transaction) -> Looked:
        return await _look(Moment.of(engine.ports, tx, now), engine, limit)

    return await engine.ports.store.write(work)


async def run_due(engine: Engine, *, limit: int = BATCH) -> Looked:
    """`look_after_due`, and the orders handed out before it returns: for a clock that waits for us."""
    looked = await look_after_due(engine, limit=limit)
    if looked.orders:
        looked.undelivered = await _hand_out(engine, looked.orders)
    return looked


async def next_wake_at(ports: Ports) -> datetime | None:
    """When the next vehicle is due."""

    async def work(reader: Reader) -> datetime | None:
        return await reader.next_wake_at()

    return await ports.store.read(work)


async def _look(moment: Moment, engine: Engine, limit: int) -> Looked:
    due = await moment.tx.due_tracks(moment.now, limit=limit)
    looked = Looked(due=len(due))
    by_organization: dict[OrganizationId, list[Track]] = {}
    for track in due:
        by_organization.setdefault(track.organization_id, []).append(track)
    for organization_id, tracks in by_organization.items():
        cases = await load_cases(moment, organization_id, [t.vehicle_id for t in tracks])
        tended = [case for case in cases.values() if await _is_tended(moment, case, engine, looked)]
        await close_cases(moment, tended, {c.vehicle.id: next_look(moment, c) for c in tended})
        left = {case.vehicle.id for case in tended}
        await _put_off(moment, [t for t in tracks if t.vehicle_id not in left], cases)
    return looked


async def _put_off(moment: Moment, tracks: list[Track], cases: dict[VehicleId, Case]) -> None:
    """Vehicles that are gone wake no more; those that could not be looked after do so later."""
    later = moment.now + RETRY_AFTER
    put_off = [msgspec.structs.replace(t, wake_at=later if t.vehicle_id in cases else None) for t in tracks]
    if put_off:
        await moment.tx.save_tracks(put_off)


async def _is_tended(moment: Moment, case: Case, engine: Engine, looked: Looked) -> bool:
    """Look after one vehicle. False where the engine could not: it is named in `looked`, the others go on."""
    try:
        await _tend(moment, case, engine, looked)
    except INDIGESTIBLE as error:
        looked.failures.append((case.vehicle.id, named(error)))
        moment.touched.pop(case.vehicle.id, None)
        return False
    return True


async def _tend(moment: Moment, case: Case, engine: Engine, looked: Looked) -> None:
    if case.recut_from_at is not None:
        since, case.recut_from_at = case.recut_from_at, None
        await recut_from(moment, case, since)
        case.recut_from_at = None  # it may ask for itself again, and has just had its way
    await look_again(moment, case)
    if case.plan_wanted and case.visit is not None and is_fresh(moment, case.visit):
        started_s = engine.stopwatch_s()
        faults = await plan_running(moment, case, engine.grids, engine.care)
        looked.plans_s.append(engine.stopwatch_s() - started_s)
        if faults:
            looked.plan_faults.append((case.vehicle.id, faults))
        steer(moment, case)
        case.plan_wanted = wants_plan(case, moment.now)
    if case.order is not None and case.order.state == PENDING:
        case.order = msgspec.structs.replace(case.order, state=SENT, sent_at=moment.now)
        case.orders.append(case.order)
        looked.orders.append(case.order)


async def hand_out(engine: Engine, order: Order) -> str | None:
    """Give one order, if it is still wanted, and note what was answered. Returns why it could not be told, or None.

    An order that was dropped or replaced since its commit is not given: the vehicle would hear of an old plan. While
    the store cannot say, nothing is given either; what was not given comes again.
    """
    try:
        if not await _is_still_wanted(engine.ports, order):
            return None
        answered, told = await _give(engine, order)
        await _note_answers(engine.ports, [answered])
    except Unavailable as error:
        return error.message
    return None if told else answered.answer


async def _is_still_wanted(ports: Ports, order: Order) -> bool:
    async def work(reader: Reader) -> bool:
        track = await reader.track(order.organization_id, order.vehicle_id)
        known = track.order if track is not None else None
        return known is not None and (known.id, known.state, known.attempts) == (
            order.id,
            SENT,
            order.attempts,
        )

    return await ports.store.read(work)


async def _hand_out(engine: Engine, orders: Sequence[Order]) -> list[tuple[VehicleId, str]]:
    """Give the orders, all at once, and note what was answered. Returns those that could not be told, and why."""
    given = await asyncio.gather(*(_give(engine, order) for order in orders))
    await _note_answers(engine.ports, [order for order, _ in given])
    return [(order.vehicle_id, order.answer or "") for order, told in given if not told]


async def _note_answers(ports: Ports, answers: Sequence[Order]) -> None:
    async def work(tx: Transaction) -> None:
        for order in answers:
            tracks = await tx.tracks(order.organization_id, [order.vehicle_id])
            track = tracks.get(order.vehicle_id)
            if track is not None and track.order is not None and track.order.id == order.id:
                # The vehicle may have obeyed already: only the answer is news.
                noted = msgspec.structs.replace(track.order, answer=order.answer)
                await tx.save_tracks([msgspec.structs.replace(track, order=noted)])
                await tx.save_orders([noted])

    await ports.store.write(work)


async def _give(engine: Engine, order: Order) -> tuple[Order, bool]:
    """The order with what was answered, and whether it could be told at all."""
    try:
        answer = await engine.orders.give(order)
    except DwellError as error:
        return msgspec.structs.replace(order, answer=error.message), False
    return msgspec.structs.replace(order, answer=answer), True
