"""What a station reports: each message is one transaction of the store, and is answered after its commit.

Nothing that a station sends once is refused here. What fits no transaction is kept (`quarantine`, reason orphan) and
answered like any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

import msgspec

from dwell.application.case import Moment
from dwell.application.ports import Ports
from dwell.application.ports import Transaction as Tx
from dwell.application.records import Quarantined
from dwell.application.stations.desk import Desk, close_desks, verdict_on
from dwell.application.stations.vehicles import (
    tell_of_charging,
    tell_of_ended,
    tell_of_readings,
    tell_of_started,
    tell_of_status,
)
from dwell.domain.errors import NotFound
from dwell.domain.ids import OrganizationId, StationId
from dwell.domain.station.equipment import WHOLE_STATION, Evse
from dwell.domain.station.evidence import fact_of
from dwell.domain.station.facts import BecameAvailable, Ended, Metered, NextStarted, Plugged, Started
from dwell.domain.station.matching import ended_transaction, metered_transaction, started_transaction
from dwell.domain.station.registry import EVSES_AT_MOST, Boot, FrameRow, Standing, Taken
from dwell.domain.station.replies import (
    Acknowledgement,
    BootReply,
    CertificateReply,
    DataReply,
    Registration,
    StationReply,
    TimeReply,
    TokenReply,
    TokenStatus,
    TokenVerdict,
    TransactionReply,
)
from dwell.domain.station.reports import (
    AuthorizationAsked,
    CertificateAsked,
    ConnectorState,
    ConnectorStatusReported,
    DataTransferred,
    MeterReported,
    StationAlive,
    StationBooted,
    StationReport,
    TransactionEnded,
    TransactionStarted,
    TransactionUpdated,
)
from dwell.domain.station.transaction import OPEN, RUNNING, Transaction

ORPHAN = "orphan"
BEGINS_WITH_CABLE = frozenset({"Preparing", "Occupied"})
"""Words of a connector by which a visit begins; the other occupied ones belong to a transaction, or follow it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A message of a station: `at` is its instant in our time, `moved` how much that differs from its own stamp.

    `frame` is the message as it came, its secrets blackened; `interval_s` what a boot is told.
    """

    report: StationReport
    at: datetime
    received_at: datetime
    protocol: str
    frame: bytes
    moved: timedelta = timedelta(0)
    interval_s: int = 300
    again: Taken | None = None
    """What it was taken with before, where the journal is told again."""


async def take_report(
    ports: Ports, organization_id: OrganizationId, station_id: StationId, heard: Heard
) -> StationReply:
    """Store what the message says and what follows from it, then give the answer.

    Raises NotFound for a station that is gone, Unavailable when nothing could be stored.
    """

    async def work(tx: Tx) -> StationReply:
        found = await (tx.hold_station if _changes_station(heard.report) else tx.station)(
            organization_id, station_id
        )
        if found is None:
            raise NotFound("There is no such station.")
        desk = Desk(Moment.of(ports, tx, heard.received_at), found, again=heard.again)
        reply = await _take(desk, heard)
        await desk.close()
        return reply

    return await ports.store.write(work)


async def take_reports(
    ports: Ports, organization_id: OrganizationId, told: Sequence[tuple[StationId, Heard]]
) -> list[StationReply | None]:
    """`take_report` for messages of different stations in one transaction: all of them, or none.

    None in place of a reply where the station is gone. Only for messages that `may_go_together`.
    Raises Unavailable when nothing could be stored, and whatever one of the messages leads to.
    """
    ids = [station_id for station_id, _ in told]

    async def work(tx: Tx) -> list[StationReply | None]:
        moment = Moment.of(ports, tx, max(heard.received_at for _, heard in told))
        found = await tx.stations_by_id(organization_id, ids)
        running = await tx.open_transactions(organization_id, ids)
        desks, replies = list[Desk](), list[StationReply | None]()
        for station_id, heard in told:
            record = found.get(station_id)
            if record is None:
                replies.append(None)
                continue
            desks.append(Desk(moment, record, running.get(station_id, ())))
            replies.append(await _take(desks[-1], heard))
        await close_desks(desks)
        return replies

    return await ports.store.write(work)


def may_go_together(report: StationReport) -> bool:
    """Whether the message concerns a transaction alone, and nothing that other works hold."""
    return isinstance(report, MeterReported | TransactionUpdated)


def _changes_station(report: StationReport) -> bool:
    return isinstance(report, StationBooted | ConnectorStatusReported | TransactionStarted)


async def _take(desk: Desk, heard: Heard) -> StationReply:
    """What the message leads to, and its row of the journal with what that took."""
    reply = await _handle(desk, heard)
    desk.frames.append(
        FrameRow(
            organization_id=desk.organization_id,
            station_id=desk.record.id,
            received_at=heard.received_at,
            protocol=heard.protocol,
            text=heard.frame,
            taken=msgspec.structs.replace(desk.noted, at=heard.at, moved=heard.moved),
        )
    )
    return reply


async def _handle(desk: Desk, heard: Heard) -> StationReply:
    report = heard.report
    match report:
        case StationBooted():
            return await _boot(desk, heard, report)
        case StationAlive():
            return TimeReply(now=heard.received_at)
        case ConnectorStatusReported():
            await _status(desk, heard, report)
            return Acknowledgement()
        case AuthorizationAsked():
            return TokenReply(verdict=verdict_on(await desk.token(report.token), heard.received_at))
        case TransactionStarted():
            return await _started(desk, heard, report)
        case TransactionUpdated() | TransactionEnded() | MeterReported():
            return await _went_on(desk, heard, report)
        case DataTransferred():
            return DataReply()
        case CertificateAsked():
            return CertificateReply(accepted=False)
        case _:
            return Acknowledgement()


async def _went_on(
    desk: Desk, heard: Heard, report: TransactionUpdated | TransactionEnded | MeterReported
) -> StationReply:
    match report:
        case TransactionUpdated():
            return await _updated(desk, heard, report)
        case TransactionEnded():
            return await _ended(desk, heard, report)
        case MeterReported():
            return await _metered(desk, heard, report)


async def _boot(desk: Desk, heard: Heard, report: StationBooted) -> StationReply:
    boot = Boot(
        at=heard.received_at,
        vendor=report.vendor,
        model=report.model,
        serial_number=report.serial_number,
        firmware_version=report.firmware_version,
        protocol=heard.protocol,
    )
    desk.record = msgspec.structs.replace(desk.record, boot=boot)
    fact = fact_of(report, heard.received_at)
    for one in await desk.known():
        if fact is not None:
            desk.advance(one, fact)
    return BootReply(registration=Registration.ACCEPTED, now=heard.received_at, interval_s=heard.interval_s)


async def _status(desk: Desk, heard: Heard, report: ConnectorStatusReported) -> None:
    number = report.evse_number
    if number == WHOLE_STATION:
        return
    before = desk.record.standings.get(number)
    if before is not None and heard.at < before.heard_at:
        return  # what was said later is known already: an old word changes nothing
    if desk.evse(number) is None:
        _register_evse(desk, number)
    is_same = before is not None and before.state is report.state
    standing = Standing(
        state=report.state,
        said=report.said,
        since_at=before.since_at if before is not None and is_same else heard.at,
        heard_at=heard.at,
        charging_state=report.charging_state,
        error_code=report.error_code,
        vehicle_id=before.vehicle_id if before is not None else None,
    )
    desk.record = desk.record.with_standing(number, standing)
    here = [one for one in await desk.known() if one.evse_number == number]
    fact = fact_of(report, heard.at)
    for one in here:
        if fact is not None:
            desk.advance(one, fact)
    came = before is None or before.state is ConnectorState.AVAILABLE
    if isinstance(fact, Plugged) and came and report.said in BEGINS_WITH_CABLE and not here:
        desk.put(await desk.opened(number, fact, reference=None))
    await tell_of_status(desk, number, heard.at, left=isinstance(fact, BecameAvailable))


def _register_evse(desk: Desk, number: int) -> None:
    """An EVSE that nobody told us of gets a name of the station's (OC26); a station can't have any number of them."""
    station = desk.record.station
    if number > 0 and len(station.evses) < EVSES_AT_MOST:
        desk.record = desk.record.with_evse(Evse(number=number, evse=f"{station.name}*{number}"))


async def _started(desk: Desk, heard: Heard, report: TransactionStarted) -> StationReply:
    token = await desk.token(report.token)
    verdict = None if report.token is None else verdict_on(token, heard.received_at)
    fact = _fact(
        heard,
        report,
        Started,
        token_accepted=verdict is None or verdict.status is TokenStatus.ACCEPTED,
        evse_known=desk.evse(report.evse_number) is not None,
    )
    fact = msgspec.structs.replace(fact, user_id=token.user_id if token is not None else None)
    known = await desk.known(reference=report.reference, stamped_at=report.at)
    found = started_transaction(report, heard.at, known)
    if found is None:
        number = report.evse_number or WHOLE_STATION
        after = await desk.opened(number, fact, reference=report.reference or str(desk.next_number()))
        desk.put(after)
    else:
        after = desk.advance(await _completed(desk, found, report.reference), fact)
    for other in known:
        if other.id != after.id and other.evse_number == after.evse_number and other.status in RUNNING:
            desk.advance(other, NextStarted(at=heard.at))
    after = await tell_of_started(desk, after, token, fact)
    await desk.take_readings(after, fact.readings)
    tell_of_readings(desk, after, fact.readings)
    return TransactionReply(number=_number_of(after), verdict=_lasting(verdict, after, found))


async def _completed(desk: Desk, found: Transaction, reference: str | None) -> Transaction:
    """The transaction with what one that waited for its start does not have yet: its name, and the price."""
    if found.reference is None:
        found = desk.put(msgspec.structs.replace(found, reference=reference or str(desk.next_number())))
    if found.tariff is None and found.status in OPEN:
        tariff = await desk.tariff_of(found.evse_number)
        found = desk.put(msgspec.structs.replace(found, tariff=tariff)) if tariff is not None else found
    return found


def _number_of(transaction: Transaction) -> int | None:
    reference = transaction.reference
    return int(reference) if reference is not None and reference.isdecimal() else None


def _lasting(
    verdict: TokenVerdict | None, after: Transaction, found: Transaction | None
) -> TokenVerdict | None:
    """The verdict, or for the repeat of a start the one that was given first, whatever became of the token (OC1)."""
    if verdict is None or found is None or found.started_at is None:
        return verdict
    refused = after.why == "token_refused"
    return TokenVerdict(status=TokenStatus.INVALID if refused else TokenStatus.ACCEPTED)


async def _updated(desk: Desk, heard: Heard, report: TransactionUpdated) -> StationReply:
    token = await desk.token(report.token)
    verdict = None if report.token is None else verdict_on(token, heard.received_at)
    known = await desk.known(reference=report.reference)
    number = report.evse_number or WHOLE_STATION
    found = metered_transaction(report.reference, number, heard.at, known)
    fact = _fact(heard, report, Metered)
    if found is None and (report.reference is None or number == WHOLE_STATION):
        await _keep_orphan(desk, heard)
        return TransactionReply(verdict=verdict)
    if found is None:
        after = desk.put(await desk.opened(number, fact, reference=report.reference))
    else:
        after = desk.advance(found, fact)
    if report.token is not None and after.token is None:
        user_id = token.user_id if token is not None else None
        after = desk.put(msgspec.structs.replace(after, token=report.token, user_id=user_id))
    after = await desk.take_readings(after, fact.readings)
    after = await tell_of_started(desk, after, token, None)
    tell_of_readings(desk, after, fact.readings)
    tell_of_charging(desk, after, report.charging_state, heard.at)
    return TransactionReply(verdict=verdict)


async def _ended(desk: Desk, heard: Heard, report: TransactionEnded) -> StationReply:
    token = await desk.token(report.token)
    verdict = None if report.token is None else verdict_on(token, heard.received_at)
    known = await desk.known(reference=report.reference)
    found = ended_transaction(report, heard.at, known)
    fact = _fact(heard, report, Ended)
    if found is None and (report.evse_number is None or report.reference is None):
        await _keep_orphan(desk, heard)
        return TransactionReply(verdict=verdict)
    if found is None:
        number = report.evse_number or WHOLE_STATION
        after = desk.put(await desk.opened(number, fact, reference=report.reference))
    else:
        after = desk.advance(found, fact)
    after = await desk.take_readings(after, fact.readings)
    tell_of_readings(desk, after, fact.readings, ended_at=after.completed_at)
    tell_of_ended(desk, after, left=report.reason == "EVDisconnected")
    return TransactionReply(verdict=verdict)


async def _metered(desk: Desk, heard: Heard, report: MeterReported) -> StationReply:
    known = await desk.known(reference=report.reference)
    found = metered_transaction(report.reference, report.evse_number, heard.at, known)
    if found is None:
        return Acknowledgement()  # a meter that runs without a transaction: the frame is all that is kept
    fact = _fact(heard, report, Metered)
    after = desk.advance(found, fact)
    after = await desk.take_readings(after, fact.readings)
    tell_of_readings(desk, after, fact.readings)
    return Acknowledgement()


F = TypeVar("F", Started, Metered, Ended)


def _fact(
    heard: Heard,
    report: TransactionStarted | TransactionUpdated | TransactionEnded | MeterReported,
    kind: type[F],
    *,
    token_accepted: bool = True,
    evse_known: bool = True,
) -> F:
    """The fact in the report. Readings without an instant of their own have that of the message."""
    stamp = heard.at - heard.moved
    readings = tuple(
        one if one.at is not None else msgspec.structs.replace(one, at=stamp) for one in report.readings
    )
    fact = fact_of(
        msgspec.structs.replace(report, readings=readings),
        heard.at,
        moved=heard.moved,
        token_accepted=token_accepted,
        evse_known=evse_known,
    )
    if not isinstance(fact, kind):
        raise TypeError(f"{type(report).__name__} is no {kind.__name__}")
    return fact


async def _keep_orphan(desk: Desk, heard: Heard) -> None:
    item = Quarantined(
        organization_id=desk.organization_id,
        vehicle_id=None,
        received_at=heard.received_at,
        reason=ORPHAN,
        raw=heard.frame,
    )
    await desk.moment.tx.add_quarantined([item])
