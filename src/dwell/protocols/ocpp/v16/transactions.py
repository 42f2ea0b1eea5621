"""StartTransaction, StopTransaction and MeterValues: read with forbearance, since a station sends them once."""

from __future__ import annotations

import msgspec

from dwell.domain.station.equipment import IdToken
from dwell.domain.station.readings import MeterReading
from dwell.domain.station.reports import MeterReported, TransactionEnded, TransactionStarted
from dwell.protocols.ocpp.payloads import Loose, read_leniently, text_of, whole_of
from dwell.protocols.ocpp.quirks.samples import REGISTER_WH_AT_MOST, Sample, readings_of
from dwell.protocols.ocpp.translation import instant_of_text

NO_TRANSACTION = {0, -1}
"""Ids that stations send for a transaction whose number they never learned (started offline) or do not have."""
REASONS = frozenset(
    {"EmergencyStop", "EVDisconnected", "HardReset", "Local", "Other", "PowerLoss", "Reboot", "Remote",
     "SoftReset", "UnlockCommand", "DeAuthorized"}
)  # fmt: skip


class MeterValue(msgspec.Struct, rename="camel", gc=False):
    timestamp: Loose = None
    sampled_value: list[Sample] | None = None


class MeterValues(msgspec.Struct, rename="camel", gc=False):
    connector_id: Loose = None
    transaction_id: Loose = None
    meter_value: list[MeterValue] | None = None


class StartTransaction(msgspec.Struct, rename="camel", gc=False):
    connector_id: Loose = None
    id_tag: Loose = None
    meter_start: Loose = None
    timestamp: Loose = None
    reservation_id: Loose = None


class StopTransaction(msgspec.Struct, rename="camel", gc=False):
    transaction_id: Loose = None
    meter_stop: Loose = None
    timestamp: Loose = None
    id_tag: Loose = None
    reason: Loose = None
    transaction_data: list[MeterValue] | None = None


def read_start(payload: bytes) -> TransactionStarted:
    """A start. `evse_number` None where the station named none that can be read: nothing can be charged there."""
    said, oddities = read_leniently(payload, StartTransaction)
    at, about_time = instant_of_text(said.timestamp, "timestamp")
    evse_number = whole_of(said.connector_id)
    reservation_id = whole_of(said.reservation_id)
    return TransactionStarted(
        evse_number=evse_number,
        connector_number=1 if evse_number else None,
        reference=None,
        at=at,
        token=token_of(said.id_tag),
        meter_start_wh=register_of(said.meter_start),
        reservation_id=reservation_id or None,
        oddities=oddities + about_time + _missing("timestamp", at) + _missing("connectorId", evse_number),
    )


def read_stop(payload: bytes) -> TransactionEnded:
    """An end. `reference` None for the ids that mean none."""
    said, oddities = read_leniently(payload, StopTransaction)
    at, about_time = instant_of_text(said.timestamp, "timestamp")
    reason, about_reason = _reason(said.reason)
    readings, about_readings = _readings(said.transaction_data)
    return TransactionEnded(
        evse_number=None,
        connector_number=None,
        reference=_reference(said.transaction_id),
        at=at,
        token=token_of(said.id_tag),
        meter_stop_wh=register_of(said.meter_stop),
        readings=readings,
        reason=reason,
        oddities=oddities + about_time + about_reason + about_readings + _missing("timestamp", at),
    )


def read_meter_values(payload: bytes) -> MeterReported:
    """Readings of a connector, 0 for the station's own meter."""
    said, oddities = read_leniently(payload, MeterValues)
    readings, about_readings = _readings(said.meter_value)
    evse_number = whole_of(said.connector_id)
    return MeterReported(
        evse_number=evse_number or 0,
        reference=_reference(said.transaction_id),
        readings=readings,
        oddities=oddities + about_readings + _missing("connectorId", evse_number),
    )


def token_of(tag: Loose) -> IdToken | None:
    """The token, None where none was shown."""
    text = text_of(tag, 255)
    return None if text is None or not text.strip() else IdToken(text.strip())


def register_of(value: Loose) -> int | None:
    """A register in Wh; None for what cannot be one."""
    found = whole_of(value)
    return found if found is not None and 0 <= found <= REGISTER_WH_AT_MOST else None


def _reference(value: Loose) -> str | None:
    number = whole_of(value)
    if number is not None:
        return None if number in NO_TRANSACTION else str(number)
    return text_of(value, 64)


def _reason(value: Loose) -> tuple[str, tuple[str, ...]]:
    reason = text_of(value, 64)
    if reason is None:
        return "Local", ()
    return (reason, ()) if reason in REASONS else ("Other", (f"reason: {reason!r} is not in the list",))


def _readings(values: list[MeterValue] | None) -> tuple[tuple[MeterReading, ...], tuple[str, ...]]:
    readings: list[MeterReading] = []
    oddities: tuple[str, ...] = ()
    for value in values or ():
        at, about_time = instant_of_text(value.timestamp, "timestamp")
        readings += readings_of(at, value.sampled_value or ())
        oddities = oddities or about_time  # one remark stands for all
    return tuple(readings), oddities


def _missing(name: str, value: object) -> tuple[str, ...]:
    return (f"{name}: missing or not readable",) if value is None else ()
