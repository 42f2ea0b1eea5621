"""Ingest: facts come in, sessions move on, and both are committed before anybody is answered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from dwell.application.case import Case, Moment, close_cases, load_cases
from dwell.application.poison import INDIGESTIBLE, named, set_aside
from dwell.application.ports import Ports, Quarantined, StoredFact, Transaction
from dwell.application.recut import Neighbourhood, is_final, neighbourhood, recut, recut_from
from dwell.application.upkeep import look_again, next_look
from dwell.application.visits import apply_in_order
from dwell.domain.ids import OrganizationId, VehicleId
from dwell.domain.session.cut import FLAP
from dwell.domain.session.facts import Fact, digest_of
from dwell.domain.session.incoming import Flagged, Incoming, Receipt, Rejection

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
        moment = Moment(tx, ports.ids, received_at)
        return await _ingest(moment, organization_id, items)

    return await ports.store.write(work)


async def _ingest(moment: Moment, organization_id: OrganizationId, items: Sequence[Incoming]) -> Receipt:
    wanted = {item.vehicle_id: None for item in items if item.vehicle_id is not None}
    cases = await load_cases(moment.tx, organization_id, list(wanted))
    rejected = [
        Rejection(item.index, "evse" if item.vehicle_id is None else "vehicle_id", UNKNOWN)
        for item in items
        if item.vehicle_id is None or item.vehicle_id not in cases
    ]
    flagged = [item for item in items if item.flag is not None and item.vehicle_id in cases]
    if flagged:
        await moment.tx.add_quarantined([_quarantined(organization_id, item, moment.now) for item in flagged])
    groups = _grouped(items, cases)
    offered = sum(len(group) for group in groups.values())
    taken, aside = await _take_all(moment, organization_id, cases, groups)
    doubles = sum(1 for i in items if i.fact is not None and i.vehicle_id in cases) - offered
    told = [Flagged(item.index, item.flag or "") for item in flagged] + _flags(items, aside)
    told.sort(key=lambda flag: flag.index)
    return Receipt(taken + len(flagged), offered - taken + doubles, tuple(rejected), tuple(told))


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
    late: dict[VehicleId, tuple[Neighbourhood, list[StoredFact]]] = {}
    offered: list[StoredFact] = []
    for vehicle_id, group in groups.items():
        case = cases[vehicle_id]
        earliest = min(fact.at for fact in group.values())
        if _touches_the_past(case, group.values(), earliest):
            around = await neighbourhood(moment, case, earliest)
            known = await moment.tx.facts(organization_id, vehicle_id, since=around.facts_from_at)
            late[vehicle_id] = (around, known)
            names = {stored.digest for stored in known}
        else:
            names = set()
        offered += [StoredFact(vehicle_id, name, fact) for name, fact in group.items() if name not in names]
    if not offered:
        return 0, {}
    new = await moment.tx.add_facts(organization_id, offered, received_at=moment.now)
    fresh: dict[VehicleId, list[StoredFact]] = {}
    for stored, is_new in zip(offered, new, strict=True):
        if is_new:
            fresh.setdefault(stored.vehicle_id, []).append(stored)
    changed, aside = [], dict[Name, str]()
    for vehicle_id, added in fresh.items():
        try:
            case, too_late = await _apply(moment, cases[vehicle_id], added, late.get(vehicle_id))
            changed.append(case)
            aside.update({(vehicle_id, stored.digest): LATE for stored in too_late})
        except INDIGESTIBLE as error:
            await set_aside(moment, cases[vehicle_id], added, reason=named(error))
            aside.update({(vehicle_id, stored.digest): named(error) for stored in added})
    await close_cases(moment, changed, {c.vehicle.id: next_look(c, moment.now) for c in changed})
    return sum(len(added) for added in fresh.values()), aside


def _touches_the_past(case: Case, facts: Iterable[Fact], earliest: datetime) -> bool:
    """Whether a fact is older than what is known, or young enough to undo the plug-out that settled the last visit."""
    if case.newest_at is None:
        return False
    if earliest <= case.newest_at:
        return True
    return (
        case.cutter.span is None
        and earliest <= case.newest_at + FLAP
        and any(fact.says_plugged for fact in facts)
    )


async def _apply(
    moment: Moment,
    case: Case,
    added: list[StoredFact],
    late: tuple[Neighbourhood, list[StoredFact]] | None,
) -> tuple[Case, list[StoredFact]]:
    """Bring the case up to the new facts; returns it (a fresh one if the short way led astray) and those too late."""
    facts, too_late = [stored.fact for stored in added], list[StoredFact]()
    if late is not None:
        around, known = late
        too_late = _too_late(around, added, moment.now)
        if too_late:
            await set_aside(moment, case, too_late, reason=LATE)
            gone = {stored.digest for stored in too_late}
            facts = [stored.fact for stored in added if stored.digest not in gone]
        if facts:
            await recut(moment, case, [*(stored.fact for stored in known), *facts], around)
    elif not await apply_in_order(moment, case, facts):
        again = await load_cases(moment.tx, case.organization_id, [case.vehicle.id])
        case = again[case.vehicle.id]
        await recut_from(moment, case, min(fact.at for fact in facts))
    await look_again(moment, case)
    return case, too_late


def _too_late(around: Neighbourhood, added: list[StoredFact], now: datetime) -> list[StoredFact]:
    """Facts that lie in a visit that was settled too long ago to be changed."""
    final = [s for s in around.sessions if is_final(s, now)]
    return [
        stored
        for stored in added
        if any(
            s.plugged_in_at is not None
            and s.ended_at is not None
            and s.plugged_in_at <= stored.fact.at <= s.ended_at
            for s in final
        )
    ]
