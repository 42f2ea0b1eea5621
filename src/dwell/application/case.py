"""The working copy of one vehicle in one transaction: loaded whole, changed in memory, written back once.

Only this module decides what a change of a session means for the outbox; only `visits` and `charging` change cases.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from dwell.application.places import terms_under
from dwell.application.ports import Ids, Ports, Transaction
from dwell.application.records import Event
from dwell.domain.ids import LocationId, OrganizationId, PolicyId, SessionId, VehicleId
from dwell.domain.policy.load import ConnectionLoad
from dwell.domain.registry import Location, Policy, Vehicle
from dwell.domain.session.cut import Cutter
from dwell.domain.session.record import ACTIVE, UPCOMING, Session
from dwell.domain.session.rules import Rules
from dwell.domain.session.steering import Order
from dwell.domain.session.track import Seen, Track
from dwell.domain.session.visit import Visit

if TYPE_CHECKING:
    from dwell.domain.planning import Care  # compiles much; not for those who only read


@dataclass(frozen=True, slots=True)
class Moment:
    """One transaction at one instant: what every change of a case is made with."""

    tx: Transaction
    ids: Ids
    now: datetime
    care: Care | None = None
    """What plans that are made in it keep in hand; None for the usual."""
    rules: Rules = field(default_factory=Rules)
    cases: dict[VehicleId, Case] = field(default_factory=dict)
    """Every case that was loaded in it: what one vehicle does may depend on the others."""
    seen_beside: set[LocationId] = field(default_factory=set)
    """Locations whose running vehicles are all among `cases`."""
    loads: dict[LocationId, ConnectionLoad | None] = field(default_factory=dict)
    """What the meters of connections said last, as far as anybody asked."""
    touched: dict[VehicleId, Case] = field(default_factory=dict)
    """Cases that were changed for another's sake, and are to be written with it."""

    @classmethod
    def of(cls, ports: Ports, tx: Transaction, now: datetime) -> Moment:
        """The moment of a transaction over the ports."""
        return cls(tx, ports.ids, now, ports.care, ports.rules)


@dataclass(slots=True)
class Case:
    """One vehicle's track, visit, sessions and surroundings. `cutter` and `visit` are copies, free to change."""

    vehicle: Vehicle
    policies: list[Policy]
    locations: list[Location]
    track: Track
    cutter: Cutter
    visit: Visit | None
    seen: Seen
    order: Order | None
    plan_wanted: bool
    newest_at: datetime | None
    packed_until: datetime | None
    recut_from_at: datetime | None
    held_from_at: datetime | None
    power_share: float = 1.0
    switched_at: tuple[datetime, ...] = ()
    current: Session | None = None
    """The session of the open visit: ACTIVE, or SETTLED when only silence ended it."""
    upcoming: dict[PolicyId, Session] = field(default_factory=dict)
    known: dict[SessionId, Session] = field(default_factory=dict)
    saved: dict[SessionId, Session] = field(default_factory=dict)
    withdrawn: dict[SessionId, Session] = field(default_factory=dict)
    orders: list[Order] = field(default_factory=list)
    room_w: int | None = None
    """What the connection and the others behind it leave this vehicle now; None where nothing bounds it."""
    held: bool = False
    """A start waits until the others leave room for it."""
    ceiling_w: int | None = None
    """The most that the balancer allows of what the plan wants; None where no meter of the connection speaks."""
    look_by: datetime | None = None
    """When to look again at the latest, because that meter may have fallen silent."""

    @property
    def organization_id(self) -> OrganizationId:
        return self.vehicle.organization_id

    @property
    def active(self) -> Session | None:
        """The running session, if a visit runs."""
        return self.current if self.current is not None and self.current.state == ACTIVE else None

    def policy_at(self, location: Location | None) -> Policy | None:
        """The policy that joins the vehicle and the location."""
        if location is None:
            return None
        return next((p for p in self.policies if p.location_id == location.id), None)

    def location_of(self, policy: Policy) -> Location | None:
        """The policy's location, None when it is gone."""
        return next((place for place in self.locations if place.id == policy.location_id), None)

    def save(self, session: Session) -> None:
        """Note the session as it is now to be."""
        self.saved[session.id] = session
        self.withdrawn.pop(session.id, None)

    def withdraw(self, session: Session) -> None:
        """Note that the session is no more."""
        self.saved.pop(session.id, None)
        if session.id in self.known:
            self.withdrawn[session.id] = session

    def know(self, sessions: Iterable[Session]) -> None:
        """Remember sessions as the store has them, so that only changes are written."""
        for session in sessions:
            self.known[session.id] = session


async def load_cases(
    moment: Moment, organization_id: OrganizationId, ids: Sequence[VehicleId]
) -> dict[VehicleId, Case]:
    """The cases of the vehicles that exist and are not deleted, as the store has them."""
    tx = moment.tx
    vehicles = await tx.vehicles_by_id(organization_id, ids)
    live = {vid: vehicle for vid, vehicle in vehicles.items() if vehicle.deleted_at is None}
    if not live:
        return {}
    tracks = await tx.tracks(organization_id, live)
    policies = await tx.policies_of_vehicles(organization_id, live)
    users = {vehicle.user_id for vehicle in live.values()}
    locations = await tx.locations_of_users(organization_id, users)
    unsettled = await tx.unsettled_sessions(organization_id, live)
    cases = {}
    for vid, vehicle in live.items():
        track = tracks.get(vid) or Track(organization_id=organization_id, vehicle_id=vid)
        case = Case(
            vehicle=vehicle,
            policies=policies.get(vid, []),
            locations=locations.get(vehicle.user_id, []),
            track=track,
            cutter=track.cutter.copy(),
            visit=track.visit.copy() if track.visit is not None else None,
            seen=track.seen,
            order=track.order,
            plan_wanted=track.plan_wanted,
            newest_at=track.newest_at,
            packed_until=track.packed_until,
            recut_from_at=track.recut_from_at,
            held_from_at=track.held_from_at,
            power_share=track.power_share,
            switched_at=track.switched_at,
        )
        await _place_sessions(tx, case, unsettled.get(vid, []))
        cases[vid] = case
    moment.cases.update(cases)
    return cases


async def _place_sessions(tx: Transaction, case: Case, unsettled: list[Session]) -> None:
    case.know(unsettled)
    for session in unsettled:
        if session.state == UPCOMING and session.policy_id is not None:
            case.upcoming[session.policy_id] = session
        elif session.id == case.track.session_id:
            case.current = session
    if case.current is None and case.track.session_id is not None:
        case.current = await tx.session(case.organization_id, case.track.session_id)
        if case.current is not None:
            case.know([case.current])
            case.current = _awaited(case, case.current)


def _awaited(case: Case, session: Session) -> Session:
    """A session that silence ended, under all that was said since: if its visit goes on, that counts, too."""
    policy = next((known for known in case.policies if known.id == session.policy_id), None)
    if policy is None:
        return session
    terms = terms_under(session.terms, policy, anticipated_at=session.terms.anticipated_at)
    return msgspec.structs.replace(session, terms=terms)


async def close_cases(moment: Moment, cases: Sequence[Case], wakes: dict[VehicleId, datetime | None]) -> None:
    """Write everything the cases changed: tracks, sessions, orders, and one event per changed session.

    So, too, cases that were changed for their sake; the engine looks at those soon.
    """
    tx = moment.tx
    closed = {case.vehicle.id for case in cases}
    others = [case for vehicle_id, case in moment.touched.items() if vehicle_id not in closed]
    cases = [*cases, *others]
    wakes = wakes | {case.vehicle.id: moment.now for case in others}
    moment.touched.clear()
    withdrawn = [(case, session) for case in cases for session in case.withdrawn.values()]
    changed = [
        (case, session)
        for case in cases
        for session in case.saved.values()
        if session != case.known.get(session.id)
    ]
    events = [_event(moment, session, before=None, withdrawn=True) for _, session in withdrawn]
    events += [_event(moment, session, before=case.known.get(session.id)) for case, session in changed]
    for case, session in withdrawn:
        await tx.withdraw_sessions(case.organization_id, [session.id])
    if changed:
        await tx.save_sessions([session for _, session in changed])
        wakes |= await _wake_those_beside(
            moment, cases, [session for case, session in changed if _left(case, session)]
        )
    orders = [order for case in cases for order in case.orders]
    if orders:
        await tx.save_orders(orders)
    await tx.save_tracks([_track_of(case, wakes[case.vehicle.id]) for case in cases])
    if events:
        await tx.add_events(events)


def _left(case: Case, session: Session) -> bool:
    """Whether a vehicle has left, of a connection whose limit others may have waited for."""
    before = case.known.get(session.id)
    was_running = before is not None and before.state == ACTIVE
    return was_running and session.state != ACTIVE and session.terms.grid_limit_w is not None


async def _wake_those_beside(
    moment: Moment, cases: Sequence[Case], left: Sequence[Session]
) -> dict[VehicleId, datetime | None]:
    """Have those who stay behind a connection planned anew, soon: there is more room. Returns new wakes of `cases`."""
    closing = {case.vehicle.id: case for case in cases}
    wakes: dict[VehicleId, datetime | None] = {}
    for session in left:
        if session.location_id is None:
            continue
        staying = await moment.tx.running_at(session.organization_id, session.location_id)
        for vehicle_id in staying:
            if vehicle_id in closing:
                closing[vehicle_id].plan_wanted = True
                wakes[vehicle_id] = moment.now
        tracks = await moment.tx.tracks(
            session.organization_id, [vehicle_id for vehicle_id in staying if vehicle_id not in closing]
        )
        await moment.tx.save_tracks(
            [msgspec.structs.replace(t, plan_wanted=True, wake_at=moment.now) for t in tracks.values()]
        )
    return wakes


def _track_of(case: Case, wake_at: datetime | None) -> Track:
    return msgspec.structs.replace(
        case.track,
        newest_at=case.newest_at,
        cutter=case.cutter,
        visit=case.visit,
        session_id=case.current.id if case.current is not None else None,
        seen=case.seen,
        order=case.order,
        plan_wanted=case.plan_wanted,
        packed_until=case.packed_until,
        recut_from_at=case.recut_from_at,
        held_from_at=case.held_from_at,
        power_share=case.power_share,
        switched_at=case.switched_at,
        wake_at=wake_at,
    )


def _event(moment: Moment, session: Session, *, before: Session | None, withdrawn: bool = False) -> Event:
    return Event(
        id=moment.ids.new_id(),
        organization_id=session.organization_id,
        session=session,
        created_at=moment.now,
        significant=_is_significant(before, session),
        withdrawn=withdrawn,
    )


def _is_significant(before: Session | None, after: Session) -> bool:
    """State, target or error changed: such an event never merges with another."""
    if before is None:
        return True
    return (before.state, before.mode, before.target, before.error, before.revision) != (
        after.state,
        after.mode,
        after.target,
        after.error,
        after.revision,
    )
