"""Stations for the pages: the list, one of them with what it said last, and starting and stopping a charge there."""

from __future__ import annotations

from datetime import datetime

import msgspec

from dwell.api.shared.answers import Answer, answer_json
from dwell.api.shared.documents import read_document
from dwell.api.shared.operations import Call, Parameter
from dwell.application.stations.board import (
    Charge,
    StationLine,
    StationPage,
    start_for,
    starters,
    station_lines,
    station_page,
)
from dwell.application.stations.orders import order_stop
from dwell.domain.ids import StationId, TransactionId
from dwell.domain.registry import User
from dwell.domain.station.equipment import Connector, Evse
from dwell.domain.station.ladder import Ladder, Rung
from dwell.domain.station.registry import OURS, Boot, FrameRow, Standing
from dwell.domain.station.transaction import RUNNING, Transaction
from dwell.domain.tariff.driver import DriverTariff

PAYLOAD_AT_MOST = 4_000
"""Characters of a message that the page is told; a certificate may have more."""
NAME_AT_MOST = 255
NUMBER_AT_MOST = 999
LINES_QUERY = (Parameter(name="after", description="The id at which the page before ended."),)
PAGE_QUERY = (
    Parameter(name="watch", description="A transaction of the station that is told of, over or not."),
)


class EvseRow(msgspec.Struct, frozen=True, kw_only=True):
    """An EVSE as it last spoke of itself; `standing` None where it never did."""

    number: int
    evse: str
    connectors: tuple[Connector, ...]
    standing: Standing | None
    running: bool


class Steering(msgspec.Struct, frozen=True, kw_only=True):
    """How plans are put: the rung in use (None: nothing works), whether the meter has proven it, what failed."""

    rung: str | None
    proven: bool
    tries: int
    ruled_out: tuple[str, ...]


class StationRow(msgspec.Struct, frozen=True, kw_only=True):
    """A station in the list."""

    id: str
    name: str
    location: str | None
    timezone: str
    connected: bool
    heard_at: datetime | None
    boot: Boot | None
    steering: Steering | None
    evses: tuple[EvseRow, ...]


class StationRows(msgspec.Struct, frozen=True, kw_only=True):
    """Stations by id; `next` goes on where they end."""

    now: datetime
    stations: tuple[StationRow, ...]
    next: str | None


class ChargeRow(msgspec.Struct, frozen=True, kw_only=True):
    """A transaction; power in W as read at `power_at`."""

    id: str
    evse_number: int
    status: str
    auth_type: str
    why: str | None
    user_reference: str | None
    token: str | None
    vehicle: str | None
    created_at: datetime
    started_at: datetime | None
    energy_wh: int
    power_w: int | None
    power_at: datetime | None
    stop_wanted_at: datetime | None


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """What a station said, or (`ours`) we did: in a word, and of the rest, `length` characters, the first ones."""

    received_at: datetime
    ours: bool
    protocol: str
    action: str
    payload: str
    length: int


class StationAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """All of a station's page. Tariffs and vehicles by EVSE number."""

    now: datetime
    station: StationRow
    charges: tuple[ChargeRow, ...]
    watched: ChargeRow | None
    tariffs: dict[int, DriverTariff]
    vehicles: dict[int, str]
    messages: tuple[Message, ...]


class Starter(msgspec.Struct, frozen=True, kw_only=True):
    """What can be written as the one for whom is started, and whose it is."""

    who: str
    label: str


class Ordered(msgspec.Struct, frozen=True, kw_only=True):
    """The transaction that an order belongs to, as it stands now."""

    id: str
    status: str


async def get_stations(call: Call) -> Answer:
    """A page of stations."""
    ports, after = call.backend.ports, call.query.get("after", "")
    lines, following = await station_lines(ports, call.organization_id, after=after)
    rows = tuple(_row(line) for line in lines)
    return answer_json(200, StationRows(now=ports.clock.now(), stations=rows, next=following))


async def get_station(call: Call) -> Answer:
    """One station."""
    ports, watch = call.backend.ports, call.query.get("watch")
    found = await station_page(
        ports,
        call.organization_id,
        StationId(call.path["stationId"]),
        watch=TransactionId(watch) if watch else None,
    )
    return answer_json(200, _page(found, ports.clock.now()))


async def get_starters(call: Call) -> Answer:
    """Whom a charge can be started for."""
    found = await starters(call.backend.ports, call.organization_id)
    users = [Starter(who=one.reference, label=_full_name(one)) for one in found.users]
    references = {one.id: one.reference for one in found.users}
    owners = [(one.token.text, one.user_id) for one in found.tokens if one.user_id is not None]
    tokens = [Starter(who=text, label=references.get(user_id, "")) for text, user_id in owners]
    return answer_json(200, {"starters": [*users, *tokens]})


def _full_name(user: User) -> str:
    return " ".join(part for part in (user.first_name, user.last_name) if part)


async def post_start(call: Call) -> Answer:
    """Order a start; answers once it is stored, and the page watches what comes of it."""
    body = read_document(await call.body())
    number = body.integer("evse", 1, NUMBER_AT_MOST, required=True)
    who = body.text("who", at_most=NAME_AT_MOST, required=True)
    body.end()
    begun = await start_for(
        call.backend.ports,
        call.organization_id,
        StationId(call.path["stationId"]),
        number=number or 0,
        who=who or "",
    )
    return _ordered(call, begun)


async def post_stop(call: Call) -> Answer:
    """Order a stop, and wait for the station's word."""
    wanted = TransactionId(call.path["transactionId"])
    return _ordered(call, await order_stop(call.backend.ports, call.organization_id, wanted))


def _ordered(call: Call, transaction: Transaction) -> Answer:
    call.backend.changed()
    return answer_json(200, Ordered(id=transaction.id, status=transaction.status))


def _page(found: StationPage, now: datetime) -> StationAnswer:
    return StationAnswer(
        now=now,
        station=_row(found.line),
        charges=tuple(_charge(one) for one in found.charges),
        watched=_charge(found.watched) if found.watched is not None else None,
        tariffs=found.tariffs,
        vehicles=found.vehicles,
        messages=tuple(_message(one) for one in found.frames),
    )


def _row(line: StationLine) -> StationRow:
    record, place = line.record, line.place
    running = {one.evse_number for one in line.open if one.status in RUNNING}
    return StationRow(
        id=record.id,
        name=record.station.name,
        location=place.name if place is not None else None,
        timezone=place.timezone if place is not None else "UTC",
        connected=line.connected,
        heard_at=line.heard_at,
        boot=record.boot,
        steering=_steering(record.ladder) if record.ladder is not None else None,
        evses=tuple(_evse(one, record.standings.get(one.number), running) for one in record.station.evses),
    )


def _evse(evse: Evse, standing: Standing | None, running: set[int]) -> EvseRow:
    return EvseRow(
        number=evse.number,
        evse=evse.evse,
        connectors=evse.connectors,
        standing=standing,
        running=evse.number in running,
    )


def _steering(ladder: Ladder) -> Steering:
    return Steering(
        rung=ladder.rung.name if ladder.rung is not None else None,
        proven=ladder.proven,
        tries=ladder.tries,
        ruled_out=tuple(Rung(rung).name for rung in ladder.ruled_out),
    )


def _charge(charge: Charge) -> ChargeRow:
    one, power = charge.transaction, charge.power
    return ChargeRow(
        id=one.id,
        evse_number=one.evse_number,
        status=one.status,
        auth_type=one.auth_type,
        why=one.why,
        user_reference=charge.user_reference,
        token=one.token.text if one.token is not None else None,
        vehicle=charge.vehicle,
        created_at=one.created_at,
        started_at=one.started_at,
        energy_wh=one.energy_wh,
        power_w=power.power_w if power is not None else None,
        power_at=power.at if power is not None else None,
        stop_wanted_at=one.stop_wanted_at,
    )


def _message(frame: FrameRow) -> Message:
    ours = frame.protocol == OURS
    action, payload = _act_parts(frame.text) if ours else _parts(frame.text)
    return Message(
        received_at=frame.received_at,
        ours=ours,
        protocol=frame.protocol,
        action=action,
        payload=payload[:PAYLOAD_AT_MOST],
        length=len(payload),
    )


def _parts(text: bytes) -> tuple[str, str]:
    """The journal's `["Action",{…}]`, the payload as it came; what is anything else is shown as it is."""
    try:
        action, payload = msgspec.json.decode(text, type=tuple[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return "", text.decode(errors="replace")
    return action, bytes(payload).decode(errors="replace")


class _ActFact(msgspec.Struct):
    type: str


class _Act(msgspec.Struct):
    fact: _ActFact


def _act_parts(text: bytes) -> tuple[str, str]:
    """What we did, in a word, and the row as it is kept."""
    try:
        return msgspec.json.decode(text, type=_Act).fact.type, text.decode(errors="replace")
    except (msgspec.DecodeError, UnicodeDecodeError):
        return "", text.decode(errors="replace")


ROWS = (
    ("GET", "/stations", get_stations),
    ("GET", "/stations/{stationId}", get_station),
    ("POST", "/stations/{stationId}/start", post_start),
    ("POST", "/transactions/{transactionId}/stop", post_stop),
    ("GET", "/starters", get_starters),
)
QUERIES = {"/stations": LINES_QUERY, "/stations/{stationId}": PAGE_QUERY}
