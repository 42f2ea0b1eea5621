"""Ingest: facts come in, sessions move on, and both are committed before anybody is answered."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from dwell.application.case import Case, Moment, close_cases, load_cases
from dwell.application.poison import INDIGESTIBLE, named, set_aside
from dwell.application.ports import Ports, Transaction
from dwell.application.records import Quarantined, StoredFact
from dwell.application.recut import Neighbourhood, neighbourhoods, recut, recut_from, recut_stretch
from dwell.application.upkeep import look_again, next_look
from dwell.application.visits import apply_in_order, is_final
from dwell.domain.ids import OrganizationId, VehicleId
from dwell.domain.session.cut import FLAP
from dwell.domain.session.facts import Fact, digest_of
from dwell.domain.session.incoming import Flagged, Incoming, Receipt, Rejection

Late = list[tuple[Neighbourhood, list[StoredFact]]]
"""The stretches that late facts touch, in order, each with the facts that are known there."""

RECUT_AT_ONCE = 5_000
"""A late fact among more facts than this waits for the engine."""
UNKNOWN = "unknown"
LATE = "late"

Name = tuple[VehicleId, bytes]
"""A fact's: the vehicle and the digest."""


async def ingest(
    ports: Ports,
    organization_id: OrganizationId,
    items: Sequence[Incoming],
    *,
    received_at: datetime,
) -> Receipt:
    """Store the facts and move the sessions of their vehicles on, in one transaction.

    Items that name no vehicle of the organization are rejected; flagged ones are kept raw and never applied.
    Raises Unavailable when nothing could be stored.
    """

    async def work(tx: Transaction) -> Receipt:
        moment = Moment.of(ports, tx, received_at)
        return await ingest_within(moment, organization_id, items)

    about = {item.vehicle_id for item in items if item.vehicle_id is not None}
    return await ports.store.write(work, about=about)


async def ingest_within(
    moment: Moment, organization_id: OrganizationId, items: Sequence[Incoming]
) -> Receipt:
    """`ingest`, as a part of a transaction that is under way."""
    wanted = {item.vehicle_id: None for item in items if item.vehicle_id is not None}
    cases = await load_cases(moment, organization_id, list(wanted))
    rejected = [
        Rejection(item.index, "evse" if item.vehicle_id is None else "vehicle_id", UNKNOWN)
        for item in items
        if item.vehicle_id is None or item.vehicle_id not in cases
    ]
    flagged = [item for item in items if item.flag is not None and item.vehicle_id in cases]
    kept = await moment.tx.add_quarantined(
        [_quarantined(organization_id, item, moment.now) for item in flagged]
    )
    groups = _grouped(items, cases)
    offered = sum(len(group) for group in groups.values())
    taken, aside = await _take_all(moment, organization_id, cases, groups)
    doubles = sum(1 for i in items if i.fact is not None and i.vehicle_id in cases) - offered
    doubles += len(flagged) - sum(kept)
    told = [Flagged(item.index, item.flag or "") for item in flagged] + _flags(items, aside)
    told.sort(key=lambda flag: flag.index)
    return Receipt(taken + sum(kept), offered - taken + doubles, tuple(rejected), tuple(told))


def _flags(items: Sequence[Incoming], aside: Mapping[Name, str]) -> list[Flagged]:
    """The items whose facts were set aside, each fact by the first item that brought it."""
    left = dict(aside)
    found = list[Flagged]()
    for item in items if left else ():
        if item.fact is not None and item.vehicle_id is not None:
            reason = left.pop((item.vehicle_id, digest_of(item.fact)), None)
            if reason is not None:
                found.append(Flagged(item.index, reason))
    return found


def _grouped(items: Sequence[Incoming], cases: dict[VehicleId, Case]) -> dict[VehicleId, dict[bytes, Fact]]:
    """The facts by vehicle, each named by its digest; the first of a name stays."""
    groups: dict[VehicleId, dict[bytes, Fact]] = {}
    for item in items:
        if item.fact is not None and item.vehicle_id in cases and item.vehicle_id is not None:
            groups.setdefault(item.vehicle_id, {}).setdefault(digest_of(item.fact), item.fact)
    return groups


def _quarantined(organization_id: OrganizationId, item: Incoming, now: datetime) -> Quarantined:
    return Quarantined(
        organization_id=organization_id,
        vehicle_id=item.vehicle_id,
        received_at=now,
        reason=item.flag or "",
        raw=item.raw,
    )


async def _take_all(
    moment: Moment,
    organization_id: OrganizationId,
    cases: dict[VehicleId, Case],
    groups: dict[VehicleId, dict[bytes, Fact]],
) -> tuple[int, dict[Name, str]]:
    """Store and apply the groups; returns how many facts were new, and why some of them were set aside."""
    late: dict[VehicleId, Late] = {}
    offered: list[StoredFact] = []
    for vehicle_id, group in groups.items():
        case = cases[vehicle_id]
        names: set[bytes] = set()
        instants = _past(case, group.values())
        if instants:
            late[vehicle_id] = await _late(moment, case, instants)
            names = {stored.digest for _, known in late[vehicle_id] for stored in known}
        offered += [StoredFact(vehicle_id, name, fact) for name, fact in group.items() if name not in names]
    if not offered:
        return 0, {}
    new = await moment.tx.add_facts(organization_id, offered, received_at=moment.now)
    fresh: dict[VehicleId, list[StoredFact]] = {}
    for stored, is_new in zip(offered, new, strict=True):
        if is_new:
            fresh.setdefault(stored.vehicle_id, []).append(stored)
    changed, aside, taken = list[Case](), dict[Name, str](), 0
    for vehicle_id, added in fresh.items():
        case, stretches = cases[vehicle_id], late.get(vehicle_id, [])
        facts, too_late = _parted(moment, stretches, added)
        if too_late:
            taken += await set_aside(moment, case, too_late, reason=LATE)
            aside.update({(vehicle_id, stored.digest): LATE for stored in too_late})
        try:
            changed.append(await _apply(moment, case, [stored.fact for stored in facts], stretches))
            taken += len(facts)
        except INDIGESTIBLE as error:
            taken += await set_aside(moment, case, facts, reason=named(error))
            aside.update({(vehicle_id, stored.digest): named(error) for stored in facts})
    await close_cases(moment, changed, {c.vehicle.id: next_look(moment, c) for c in changed})
    return taken, aside


def _past(case: Case, facts: Iterable[Fact]) -> list[datetime]:
    """The instants, ascending, at which the facts change what is known; none where all only add to it.

    A fact may be newer than all that is known and still undo the plug-out that settled the last visit.
    """
    newest_at = case.newest_at
    if newest_at is None:
        return []
    instants = sorted({fact.at for fact in facts})
    coming = instants[bisect_right(instants, newest_at) :]
    if (
        coming
        and case.cutter.span is None
        and coming[0] <= newest_at + FLAP
        and any(fact.says_plugged for fact in facts)
    ):
        return instants
    return instants[: len(instants) - len(coming)]


async def _late(moment: Moment, case: Case, instants: list[datetime]) -> Late:
    """What the late facts may touch, and the facts that are known there."""
    found = []
    for around in await neighbourhoods(moment, case, instants):
        known = await moment.tx.facts(
            case.organization_id, case.vehicle.id, since=around.facts_from_at, until=around.meet_at
        )
        found.append((around, known))
    return found


async def _apply(moment: Moment, case: Case, facts: list[Fact], late: Late) -> Case:
    """Bring the case up to the new facts; returns it, or a fresh one where a shorter way led astray."""
    if facts and not await _is_applied(moment, case, facts, late):
        again = await load_cases(moment, case.organization_id, [case.vehicle.id])
        case = again[case.vehicle.id]
        await recut_from(moment, case, min(fact.at for fact in facts), with_final=False)
    await look_again(moment, case)
    return case


async def _is_applied(moment: Moment, case: Case, facts: list[Fact], late: Late) -> bool:
    """Apply late facts to the stretches they touch, newer ones in order. False where that led astray."""
    newest_at = case.newest_at
    for around, known in late:
        stretch = [stored.fact for stored in known]
        if around.meet_at is None and _is_put_off(moment, case, around, stretch):
            case.recut_from_at = min(around.begin_at, case.recut_from_at or around.begin_at)
        elif around.meet_at is None:  # to the end: also what is newer
            await recut(moment, case, [*stretch, *(f for f in facts if f.at >= around.begin_at)], around)
            return True
        elif not await _is_stretch_cut(moment, case, facts, (around, stretch)):
            return False
    return await apply_in_order(
        moment, case, [fact for fact in facts if newest_at is None or fact.at > newest_at]
    )


def _is_put_off(moment: Moment, case: Case, around: Neighbourhood, known: list[Fact]) -> bool:
    """Whether the engine is to cut the neighbourhood again, once for many late facts: nobody waits for it then.

    Not where a session is final: the engine would rework it as for a price. Newer facts than all known ones still go in
    order.
    """
    if case.newest_at is None or any(is_final(moment, session) for session in around.sessions):
        return False
    return len(known) > RECUT_AT_ONCE


async def _is_stretch_cut(
    moment: Moment, case: Case, facts: list[Fact], stretch: tuple[Neighbourhood, list[Fact]]
) -> bool:
    around, known = stretch
    meet_at = around.meet_at
    coming = [fact for fact in facts if meet_at is not None and around.begin_at <= fact.at < meet_at]
    return not coming or await recut_stretch(moment, case, [*known, *coming], around)


def _parted(moment: Moment, late: Late, added: list[StoredFact]) -> tuple[list[StoredFact], list[StoredFact]]:
    """The facts that count, and those that lie in a visit that was settled too long ago to be changed."""
    final = [
        (s.plugged_in_at, s.ended_at)
        for around, _ in late
        for s in around.sessions
        if is_final(moment, s) and s.plugged_in_at is not None and s.ended_at is not None
    ]
    if not final:
        return added, []
    parts: tuple[list[StoredFact], list[StoredFact]] = ([], [])
    for stored in added:
        parts[any(first <= stored.fact.at <= last for first, last in final)].append(stored)
    return parts
