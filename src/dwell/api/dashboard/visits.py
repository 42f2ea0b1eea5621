"""Sessions one by one, as a list with pages, and as CSV; and a person's word to a vehicle."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

import msgspec

from dwell.api.dashboard.views import Curve, SessionRow, curve_of, session_of
from dwell.api.shared.answers import Answer, answer_json
from dwell.api.shared.operations import Call, Parameter
from dwell.api.shared.problems import HttpRefusal, Issue
from dwell.application.board import FACTS_AT_MOST, name_of, session_with_facts
from dwell.application.boost import boost, disarm_boost
from dwell.application.queries import Window, settled_sessions, vehicle_views
from dwell.application.records import PageKey, SessionFilter
from dwell.application.valuation import valuation_view
from dwell.application.vehicles import VehicleChange, change_vehicle
from dwell.domain.ids import LocationId, PolicyId, SessionId, VehicleId
from dwell.domain.instants import read_instant, write_instant
from dwell.domain.session.facts import Fact
from dwell.domain.session.record import Session

PAGE = 50
CSV_PAGE = 200
NAMES_AT_MOST = 500
PAUSE = timedelta(hours=4)
MARGIN = timedelta(hours=1)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
FILTERS = (
    Parameter(name="from", description="Plugged in at or after this instant."),
    Parameter(name="to", description="Over at or before this instant."),
    Parameter(name="policy", description="Of this policy."),
    Parameter(name="location", description="At this location."),
)
LIST_QUERY = (*FILTERS, Parameter(name="after", description="Where the page before ended."))
CSV_QUERY = (*FILTERS, Parameter(name="per", description="`session` or `quarter`."))


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """A settled session in the list. Money in `currency`, None where prices are missing."""

    id: str
    vehicle_id: str
    vehicle: str
    timezone: str
    plugged_in_at: datetime | None
    ended_at: datetime | None
    energy_wh: int
    soc_from_percent: float | None
    soc_to_percent: float | None
    currency: str | None
    cost: Decimal | None
    baseline_cost: Decimal | None
    savings: Decimal | None
    outcome: str | None
    reason: str


class ListPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page, newest plug-in first; `next` goes on where it ends."""

    sessions: list[Listed]
    next: str | None


class SessionPage(msgspec.Struct, frozen=True, kw_only=True):
    """All of a session's page beside what the dialects show: the row, its facts in order, and prices around it."""

    now: datetime
    session: SessionRow
    vehicle: str
    user_id: str
    vehicle_id: str
    policy_id: str | None
    timezone: str
    energy_wh: int
    facts: list[Fact]
    curve: Curve | None


async def get_session_page(call: Call) -> Answer:
    """One session."""
    ports = call.backend.ports
    found = await session_with_facts(
        ports, call.organization_id, SessionId(call.path["sessionId"]), margin=MARGIN
    )
    session, now = found.session, ports.clock.now()
    zone = session.terms.zone
    curve = (
        curve_of(zone, found.curve, *found.window) if found.curve is not None and zone is not None else None
    )
    return answer_json(
        200,
        SessionPage(
            now=now,
            session=session_of(session, now),
            vehicle=name_of(found.vehicle) if found.vehicle is not None else session.vehicle_id,
            user_id=session.user_id,
            vehicle_id=session.vehicle_id,
            policy_id=session.policy_id,
            timezone=session.terms.timezone,
            energy_wh=session.energy_wh,
            facts=[stored.fact for stored in found.facts[:FACTS_AT_MOST]],
            curve=curve,
        ),
    )


async def get_sessions(call: Call) -> Answer:
    """A page of settled sessions."""
    page = await settled_sessions(
        call.backend.ports,
        call.organization_id,
        _filter(call),
        after=_key(call.query.get("after")),
        before=None,
        limit=PAGE,
    )
    names = await _names(call)
    return answer_json(
        200,
        ListPage(
            sessions=[_listed(one, names) for one in page], next=_next(page) if len(page) == PAGE else None
        ),
    )


async def get_csv(call: Call) -> Answer:
    """One row a session, or one a quarter hour; however many there are, a page at a time."""
    per = call.query.get("per", "session")
    if per not in {"session", "quarter"}:
        raise HttpRefusal(
            400, "The query has faults.", issues=[Issue("per", "must be `session` or `quarter`")]
        )
    wanted, names = _filter(call), await _names(call)
    headers = {"content-disposition": f'attachment; filename="sessions-{per}.csv"'}
    return Answer(
        200,
        media_type="text/csv",
        headers=headers,
        stream=_lines(call, wanted, names, quarters=per == "quarter"),
    )


async def _lines(
    call: Call, wanted: SessionFilter, names: dict[str, str], *, quarters: bool
) -> AsyncIterator[bytes]:
    columns = ("start", "end", "energy_kwh", "cost", "baseline_cost")
    yield _written(
        [
            ("session", "vehicle", *columns)
            if quarters
            else ("session", "vehicle", *columns, "savings", "currency", "outcome", "reason")
        ]
    )
    key: PageKey | None = None
    while True:
        page = await settled_sessions(
            call.backend.ports, call.organization_id, wanted, after=key, before=None, limit=CSV_PAGE
        )
        for session in page:
            one = _listed(session, names)
            yield _written(await _quarters(call, one) if quarters else [_row(one)])
        if len(page) < CSV_PAGE:
            return
        key = _key(_next(page))


def _row(one: Listed) -> tuple[object, ...]:
    span = (_at(one.plugged_in_at), _at(one.ended_at))
    money = (one.cost, one.baseline_cost, one.savings, one.currency)
    return (one.id, _harmless(one.vehicle), *span, one.energy_wh / 1000, *money, one.outcome, one.reason)


async def _quarters(call: Call, one: Listed) -> list[tuple[object, ...]]:
    view = await valuation_view(call.backend.ports, call.organization_id, SessionId(one.id))
    name = _harmless(one.vehicle)
    return [
        (one.id, name, _at(q.start_at), _at(q.end_at), q.energy_wh / 1000, q.cost, q.baseline_cost)
        for q in view.quarters
    ]


def _written(rows: Sequence[tuple[object, ...]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def _harmless(text: str) -> str:
    """A spreadsheet takes what begins like a formula for one."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _at(instant: datetime | None) -> str:
    return write_instant(instant) if instant is not None else ""


def _listed(session: Session, names: dict[str, str]) -> Listed:
    money = session.valuation
    return Listed(
        id=session.id,
        vehicle_id=session.vehicle_id,
        vehicle=names.get(session.vehicle_id, session.vehicle_id),
        timezone=session.terms.timezone,
        plugged_in_at=session.plugged_in_at,
        ended_at=session.ended_at,
        energy_wh=session.energy_wh,
        soc_from_percent=session.soc_from_percent,
        soc_to_percent=session.soc_to_percent,
        currency=money.currency if money is not None else None,
        cost=money.cost if money is not None else None,
        baseline_cost=money.baseline_cost if money is not None else None,
        savings=money.savings if money is not None else None,
        outcome=session.outcome.state if session.outcome is not None else None,
        reason=session.reason,
    )


async def _names(call: Call) -> dict[str, str]:
    views = await vehicle_views(
        call.backend.ports, call.organization_id, user_reference=None, window=Window(limit=NAMES_AT_MOST)
    )
    return {view.vehicle.id: name_of(view.vehicle) for view in views}


def _filter(call: Call) -> SessionFilter:
    issues, read = list[Issue](), dict[str, datetime]()
    for name in ("from", "to"):
        if text := call.query.get(name):
            try:
                read[name] = read_instant(text)
            except ValueError:
                issues.append(Issue(name, "must be an instant, as 2026-01-31T12:00:00Z"))
    if issues:
        raise HttpRefusal(400, "The query has faults.", issues=issues)
    policy, location = call.query.get("policy"), call.query.get("location")
    return SessionFilter(
        plugged_in_from=read.get("from"),
        plugged_out_to=read.get("to"),
        policy_id=PolicyId(policy) if policy else None,
        location_id=LocationId(location) if location else None,
    )


def _next(page: list[Session]) -> str | None:
    last = page[-1]
    return f"{write_instant(last.plugged_in_at)}|{last.id}" if last.plugged_in_at is not None else None


def _key(text: str | None) -> PageKey | None:
    if not text:
        return None
    at, _, session_id = text.partition("|")
    try:
        return PageKey(read_instant(at), session_id)
    except ValueError as error:
        raise HttpRefusal(400, "The page before did not end there.") from error


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
