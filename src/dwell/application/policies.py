"""Policies come, change and go; each change reaches the sessions of the vehicle in the same transaction."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from dwell.application.asking import tell_running, under
from dwell.application.case import Case, Moment, close_cases, load_cases
from dwell.application.ports import Ports, Transaction
from dwell.application.recut import recut_from
from dwell.application.upkeep import look_again, next_look
from dwell.application.visits import anticipate, release
from dwell.domain.errors import Conflict, Fault, NotFound, Refused
from dwell.domain.ids import LocationId, OrganizationId, PolicyId, VehicleId
from dwell.domain.policy.schedule import Deadline, EveryDay, Restriction
from dwell.domain.policy.terms import Agreed, PolicyTerms, agreed_since
from dwell.domain.registry import Policy


async def create_policy(
    ports: Ports,
    organization_id: OrganizationId,
    vehicle_id: VehicleId,
    location_id: LocationId,
    *,
    terms: PolicyTerms | None = None,
) -> Policy:
    """Join a vehicle and a location of its user. Makes the UPCOMING session, or takes over the visit that runs there.

    Raises NotFound for an unknown vehicle or location, Conflict where the two are joined already.
    """
    now = ports.clock.now()

    async def work(tx: Transaction) -> Policy:
        moment = Moment.of(ports, tx, now)
        # Before the tracks, as a change of the location takes them: and none may go or move beside us.
        location = await tx.hold_location(organization_id, location_id)
        case = await _case(moment, organization_id, vehicle_id)
        if location is None or all(place.id != location_id for place in case.locations):
            raise NotFound("There is no such location of the vehicle's user.")
        if case.policy_at(location) is not None:
            raise Conflict("The vehicle has a policy at this location already.")
        agreed = (Agreed(now, checked(terms or PolicyTerms())),)
        policy = Policy(
            id=PolicyId(ports.ids.new_id()),
            organization_id=organization_id,
            vehicle_id=vehicle_id,
            location_id=location_id,
            user_id=case.vehicle.user_id,
            agreed=agreed,
            created_at=now,
            updated_at=now,
        )
        await tx.save_policy(policy)
        case.policies.append(policy)
        anticipate(moment, case, policy)
        running = case.active
        if running is not None and running.location_id == location_id and case.visit is not None:
            await recut_from(moment, case, case.visit.plugged_in_at)
        await _close(moment, case)
        return policy

    return await ports.store.write(work, about=[vehicle_id])


async def change_policy(
    ports: Ports,
    organization_id: OrganizationId,
    policy_id: PolicyId,
    *,
    battery_reserve_percent: float | None = None,
    schedule: tuple[Deadline | None, ...] | None = None,
    every_day: EveryDay | None = None,
    days: Mapping[int, Deadline | None] | None = None,
    restrictions: tuple[Restriction, ...] | None = None,
) -> Policy:
    """Agree on other terms from now on; parts that are None stay. Raises NotFound, Refused.

    `schedule` replaces the week; `every_day` is then laid over all of it, and `days` replaces single ones, by weekday
    (0 = Monday), in the transaction that has read the others: of two callers who each name a part, both are heard.
    """
    now = ports.clock.now()

    async def work(tx: Transaction) -> Policy:
        moment = Moment.of(ports, tx, now)
        policy, case = await _policy_case(moment, organization_id, policy_id)
        terms = laid_over(
            policy.terms,
            battery_reserve_percent=battery_reserve_percent,
            schedule=schedule,
            every_day=every_day,
            days=days,
            restrictions=restrictions,
        )
        if checked(terms) == policy.terms:
            return policy
        changed = msgspec.structs.replace(
            policy, agreed=_agreed(moment, policy.agreed, terms), updated_at=now
        )
        await tx.save_policy(changed)
        case.policies = [changed if p.id == policy_id else p for p in case.policies]
        waiting = case.upcoming.get(policy_id)
        if waiting is not None:
            case.upcoming[policy_id] = under(waiting, changed)
            case.save(case.upcoming[policy_id])
        if case.active is not None and case.active.policy_id == policy_id:
            await tell_running(moment, case, changed, at=now)
        await _close(moment, case)
        return changed

    return await ports.store.write(work)


async def delete_policy(ports: Ports, organization_id: OrganizationId, policy_id: PolicyId) -> None:
    """End the policy: its UPCOMING session goes, a running one is observed only from now on. Raises NotFound."""
    now = ports.clock.now()

    async def work(tx: Transaction) -> None:
        moment = Moment.of(ports, tx, now)
        policy, case = await _policy_case(moment, organization_id, policy_id)
        await tx.save_policy(msgspec.structs.replace(policy, deleted_at=now, updated_at=now))
        case.policies = [p for p in case.policies if p.id != policy_id]
        waiting = case.upcoming.pop(policy_id, None)
        if waiting is not None:
            case.withdraw(waiting)
        if case.active is not None and case.active.policy_id == policy_id:
            release(case)
        await _close(moment, case)

    await ports.store.write(work)


def laid_over(
    terms: PolicyTerms,
    *,
    battery_reserve_percent: float | None = None,
    schedule: tuple[Deadline | None, ...] | None = None,
    every_day: EveryDay | None = None,
    days: Mapping[int, Deadline | None] | None = None,
    restrictions: tuple[Restriction, ...] | None = None,
) -> PolicyTerms:
    """The terms with what is said of them, as `change_policy` takes it."""
    week = (every_day or EveryDay()).over(terms.schedule if schedule is None else schedule)
    return PolicyTerms(
        terms.battery_reserve_percent if battery_reserve_percent is None else battery_reserve_percent,
        _with_days(week, days or {}),
        terms.restrictions if restrictions is None else restrictions,
    )


def checked(terms: PolicyTerms) -> PolicyTerms:
    """The terms, if they can be kept. Raises Refused."""
    if not any(terms.schedule):
        raise Refused.because(Fault(field="schedule", message="must have a deadline on at least one day"))
    return terms


def _with_days(
    week: tuple[Deadline | None, ...], days: Mapping[int, Deadline | None]
) -> tuple[Deadline | None, ...]:
    return tuple(days.get(weekday, deadline) for weekday, deadline in enumerate(week))


def _agreed(moment: Moment, before: tuple[Agreed, ...], terms: PolicyTerms) -> tuple[Agreed, ...]:
    """Earlier terms stay as long as a late fact may still ask for them."""
    now = moment.now
    lasting = agreed_since(before, now - moment.rules.look_back)
    return (*(entry for entry in lasting if entry.from_at < now), Agreed(now, terms))


async def _policy_case(
    moment: Moment, organization_id: OrganizationId, policy_id: PolicyId
) -> tuple[Policy, Case]:
    policy = await moment.tx.policy(organization_id, policy_id)
    if policy is None or policy.deleted_at is not None:
        raise NotFound("There is no such policy.")
    return policy, await _case(moment, organization_id, policy.vehicle_id)


async def _case(moment: Moment, organization_id: OrganizationId, vehicle_id: VehicleId) -> Case:
    cases = await load_cases(moment, organization_id, [vehicle_id])
    if vehicle_id not in cases:
        raise NotFound("There is no such vehicle.")
    return cases[vehicle_id]


async def _close(moment: Moment, case: Case) -> None:
    await look_again(moment, case)
    await close_cases(moment, [case], {case.vehicle.id: next_look(moment, case)})
