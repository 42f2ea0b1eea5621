"""Settled sessions as a list with pages, and as CSV. Pages go by key, so the millionth is as quick as the first."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import msgspec

from dwell.api.shared.answers import Answer, answer_json
from dwell.api.shared.operations import Call, Parameter
from dwell.api.shared.problems import HttpRefusal, Issue
from dwell.application.board import names_of
from dwell.application.ports import Reader
from dwell.application.queries import settled_sessions
from dwell.application.records import PageKey, SessionFilter
from dwell.application.valuation import valuation_view
from dwell.domain.ids import LocationId, PolicyId, SessionId, VehicleId
from dwell.domain.instants import read_instant, write_instant
from dwell.domain.policy.schedule import local_instant
from dwell.domain.session.record import Session
from dwell.domain.session.words import OUTCOMES

PAGE = 50
CSV_PAGE = 200
READ_AT_MOST = 2_000
"""So many sessions are looked through for one page where an outcome or a user is asked for, which no index knows."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_OUTCOMES = ("REACHED", "MISSED")
_DAY_LENGTH = len("2026-01-31")
FILTERS = (
    Parameter(name="from", description="Plugged in at or after this instant, or this day of the location."),
    Parameter(name="to", description="Over at or before this instant, or by the end of this day."),
    Parameter(name="vehicle", description="Of this vehicle."),
    Parameter(name="policy", description="Of this policy."),
    Parameter(name="location", description="At this location."),
    Parameter(name="user", description="Of this user."),
    Parameter(name="outcome", description="`REACHED` or `MISSED`."),
)
LIST_QUERY = (*FILTERS, Parameter(name="after", description="Where the page before ended."))
CSV_QUERY = (*FILTERS, Parameter(name="per", description="`session` or `quarter`."))
_BY_SESSION = (
    *("session", "vehicle", "start", "end", "timezone", "energy_kwh", "soc_from_percent", "soc_to_percent"),
    *("cost", "baseline_cost", "savings", "currency", "outcome", "reason"),
)
_BY_QUARTER = ("session", "vehicle", "start", "end", "timezone", "energy_kwh", "cost", "baseline_cost")


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
    reason_en: str
    reason_de: str


class ListPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page, newest plug-in first; `next` goes on where it ends, also where none of what was read was wanted."""

    sessions: list[Listed]
    next: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A filter, and what is looked for in each session that it lets through."""

    by: SessionFilter
    user_id: str | None
    outcome: str | None

    @property
    def is_exact(self) -> bool:
        """Whether the store finds exactly what is wanted."""
        return self.user_id is None and self.outcome is None

    def takes(self, session: Session) -> bool:
        """Whether the session is wanted."""
        state = session.outcome.state if session.outcome is not None else None
        return self.user_id in {None, session.user_id} and self.outcome in {None, state}


async def get_sessions(call: Call) -> Answer:
    """A page of settled sessions."""
    asked, key = await _asked(call), _key(call.query.get("after"))
    found, read = list[Session](), 0
    following: str | None = None
    while len(found) < PAGE and read < READ_AT_MOST:
        size = PAGE if asked.is_exact else CSV_PAGE
        page = await _page(call, asked, key, size)
        read += len(page)
        wanted = [one for one in page if asked.takes(one)][: PAGE - len(found)]
        found += wanted
        ended = len(page) < size and len(found) < PAGE
        following = None if ended else _next(wanted[-1] if len(found) == PAGE else page[-1])
        if following is None:
            break
        key = _key(following)
    return answer_json(200, ListPage(sessions=await _rows(call, found), next=following))


async def get_csv(call: Call) -> Answer:
    """One row a session, or one a quarter hour; however many there are, a page at a time."""
    per = call.query.get("per", "session")
    if per not in {"session", "quarter"}:
        raise HttpRefusal(
            400, "The query has faults.", issues=[Issue("per", "must be `session` or `quarter`")]
        )
    headers = {"content-disposition": f'attachment; filename="sessions-{per}.csv"'}
    lines = _lines(call, await _asked(call), quarters=per == "quarter")
    return Answer(200, media_type="text/csv; charset=utf-8", headers=headers, stream=lines)


async def _lines(call: Call, asked: Asked, *, quarters: bool) -> AsyncIterator[bytes]:
    yield _written([_BY_QUARTER if quarters else _BY_SESSION])
    key: PageKey | None = None
    while True:
        page = await _page(call, asked, key, CSV_PAGE)
        for one in await _rows(call, [session for session in page if asked.takes(session)]):
            yield _written(await _quarters(call, one) if quarters else [_row(one)])
        following = _next(page[-1]) if len(page) == CSV_PAGE else None
        if following is None:
            return
        key = _key(following)


async def _page(call: Call, asked: Asked, key: PageKey | None, limit: int) -> list[Session]:
    return await settled_sessions(
        call.backend.ports, call.organization_id, asked.by, after=key, before=None, limit=limit
    )


async def _rows(call: Call, sessions: list[Session]) -> list[Listed]:
    ids = {session.vehicle_id for session in sessions}
    names = await names_of(call.backend.ports, call.organization_id, ids)
    return [_listed(session, names) for session in sessions]


def _row(one: Listed) -> tuple[object, ...]:
    span = (_at(one.plugged_in_at, one.timezone), _at(one.ended_at, one.timezone), one.timezone)
    charge = (one.energy_wh / 1000, one.soc_from_percent, one.soc_to_percent)
    money = (*map(plain_figure, (one.cost, one.baseline_cost, one.savings)), one.currency)
    return (one.id, _harmless(one.vehicle), *span, *charge, *money, one.outcome, one.reason)


async def _quarters(call: Call, one: Listed) -> list[tuple[object, ...]]:
    view = await valuation_view(call.backend.ports, call.organization_id, SessionId(one.id))
    name, zone = _harmless(one.vehicle), one.timezone
    return [
        (
            *(one.id, name, _at(q.start_at, zone), _at(q.end_at, zone), zone),
            *(q.energy_wh / 1000, plain_figure(q.cost), plain_figure(q.baseline_cost)),
        )
        for q in view.quarters
    ]


def _written(rows: Sequence[tuple[object, ...]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def plain_figure(amount: Decimal | None) -> str:
    """Every digit, and no exponent, which not every spreadsheet reads."""
    return "" if amount is None else f"{amount:f}"


def _harmless(text: str) -> str:
    """A spreadsheet takes what begins like a formula for one."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _at(instant: datetime | None, timezone: str) -> str:
    """The local time with its offset, so that no hour of the year is meant twice."""
    return instant.astimezone(ZoneInfo(timezone)).isoformat(timespec="seconds") if instant is not None else ""


def _listed(session: Session, names: dict[str, str]) -> Listed:
    money, words = session.valuation, OUTCOMES[session.reason]
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
        reason_en=words.en,
        reason_de=words.de,
    )


async def _asked(call: Call) -> Asked:
    """What the query asks for. Raises HttpRefusal with every fault."""
    given, issues, read = call.query, list[Issue](), dict[str, datetime]()
    zone = await _zone(call, given.get("location"))
    for name, days in (("from", 0), ("to", 1)):
        if text := given.get(name):
            try:
                read[name] = _instant(text, zone, days)
            except (ValueError, OverflowError):
                issues.append(
                    Issue(name, "must be a day, as 2026-01-31, or an instant, as 2026-01-31T12:00:00Z")
                )
    if given.get("outcome") not in {None, "", *_OUTCOMES}:
        issues.append(Issue("outcome", f"must be one of {', '.join(_OUTCOMES)}"))
    if issues:
        raise HttpRefusal(400, "The query has faults.", issues=issues)
    vehicle, policy, location = (given.get(name) for name in ("vehicle", "policy", "location"))
    by = SessionFilter(
        plugged_in_from=read.get("from"),
        plugged_out_to=read.get("to"),
        vehicle_id=VehicleId(vehicle) if vehicle else None,
        policy_id=PolicyId(policy) if policy else None,
        location_id=LocationId(location) if location else None,
    )
    return Asked(by=by, user_id=given.get("user") or None, outcome=given.get("outcome") or None)


async def _zone(call: Call, location_id: str | None) -> str:
    """The time zone that days are meant in: the location's, or that of the organization's first."""

    async def look(reader: Reader) -> str:
        if location_id:
            place = await reader.location(call.organization_id, LocationId(location_id))
            if place is not None:
                return place.timezone
        first = await reader.locations(call.organization_id, limit=1)
        return first[0].timezone if first else "UTC"

    return await call.backend.ports.store.read(look)


def _instant(text: str, zone: str, days: int) -> datetime:
    """The instant, or where a day was given its local beginning, `days` later. Raises ValueError."""
    if len(text) != _DAY_LENGTH:
        return read_instant(text)
    return local_instant(date.fromisoformat(text) + timedelta(days=days), 0, zone).astimezone(UTC)


def _next(last: Session) -> str | None:
    return f"{write_instant(last.plugged_in_at)}|{last.id}" if last.plugged_in_at is not None else None


def _key(text: str | None) -> PageKey | None:
    if not text:
        return None
    at, _, session_id = text.partition("|")
    try:
        return PageKey(read_instant(at), session_id)
    except ValueError as error:
        raise HttpRefusal(400, "The page before did not end there.") from error
