"""TransactionEvent and MeterValues: read with forbearance, since a station sends them once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from dwell.domain.station.readings import MeterReading
from dwell.domain.station.reports import (
    ChargingState,
    MeterReported,
    TransactionEnded,
    TransactionStarted,
    TransactionUpdated,
)
from dwell.protocols.ocpp.payloads import Loose, read_leniently, text_of, whole_of
from dwell.protocols.ocpp.quirks.samples import SIGNED_AT_MOST, Sample, readings_of
from dwell.protocols.ocpp.translation import instant_of_text
from dwell.protocols.ocpp.v201.tokens import token_from

CHARGING_STATES = {
    "Idle": ChargingState.IDLE,
    "EVConnected": ChargingState.EV_CONNECTED,
    "Charging": ChargingState.CHARGING,
    "SuspendedEV": ChargingState.SUSPENDED_EV,
    "SuspendedEVSE": ChargingState.SUSPENDED_EVSE,
}
REASONS = frozenset(
    {"DeAuthorized", "EmergencyStop", "EnergyLimitReached", "EVDisconnected", "GroundFault", "ImmediateReset",
     "Local", "LocalOutOfCredit", "MasterPass", "Other", "OvercurrentFault", "PowerLoss", "PowerQuality",
     "Reboot", "Remote", "SOCLimitReached", "StoppedByEV", "TimeLimitReached", "Timeout"}
)  # fmt: skip


class UnitOfMeasure(msgspec.Struct, rename="camel", gc=False):
    unit: Loose = None
    multiplier: Loose = None


class SignedMeterValue(msgspec.Struct, rename="camel", gc=False):
    signed_meter_data: Loose = None


class SampledValue(msgspec.Struct, rename="camel", gc=False):
    value: Loose = None
    context: Loose = None
    measurand: Loose = None
    phase: Loose = None
    location: Loose = None
    unit_of_measure: UnitOfMeasure | None = None
    signed_meter_value: SignedMeterValue | None = None


class MeterValue(msgspec.Struct, rename="camel", gc=False):
    timestamp: Loose = None
    sampled_value: list[SampledValue] | None = None


class MeterValues(msgspec.Struct, rename="camel", gc=False):
    evse_id: Loose = None
    meter_value: list[MeterValue] | None = None


class Evse(msgspec.Struct, rename="camel", gc=False):
    id: Loose = None
    connector_id: Loose = None


class Token(msgspec.Struct, rename="camel", gc=False):
    id_token: Loose = None
    type: Loose = None


class TransactionInfo(msgspec.Struct, rename="camel", gc=False):
    transaction_id: Loose = None
    charging_state: Loose = None
    stopped_reason: Loose = None
    remote_start_id: Loose = None


class TransactionEvent(msgspec.Struct, rename="camel", gc=False):
    event_type: Loose = None
    timestamp: Loose = None
    trigger_reason: Loose = None
    seq_no: Loose = None
    offline: Loose = None
    reservation_id: Loose = None
    transaction_info: TransactionInfo | None = None
    evse: Evse | None = None
    id_token: Token | None = None
    meter_value: list[MeterValue] | None = None


TransactionReport = TransactionStarted | TransactionUpdated | TransactionEnded


def read_event(payload: bytes) -> TransactionReport:
    """What happened to a transaction. An event of no known type is an update: it ends nothing."""
    said, oddities = read_leniently(payload, TransactionEvent)
    info = said.transaction_info or TransactionInfo()
    at, about_time = instant_of_text(said.timestamp, "timestamp")
    readings, about_readings = _readings(said.meter_value)
    token = said.id_token
    oddities += about_time + about_readings + _about(said, info)
    evse = said.evse or Evse()
    told = _Told(
        evse_number=whole_of(evse.id),
        connector_number=whole_of(evse.connector_id),
        reference=text_of(info.transaction_id, 64),
        at=at,
        token=None if token is None else token_from(text_of(token.id_token), text_of(token.type)),
        readings=readings,
        remote_start_id=whole_of(info.remote_start_id),
        trigger=text_of(said.trigger_reason, 64),
        sequence_number=whole_of(said.seq_no),
        offline=said.offline is True or said.offline == "true",
        oddities=oddities,
    )
    state = CHARGING_STATES.get(str(info.charging_state))
    match said.event_type:
        case "Started":
            return TransactionStarted(
                reservation_id=whole_of(said.reservation_id), charging_state=state, **told.members()
            )
        case "Ended":
            reason = text_of(info.stopped_reason, 64) or "Local"
            return TransactionEnded(reason=reason if reason in REASONS else "Other", **told.members())
        case _:
            return TransactionUpdated(charging_state=state, **told.members())


class _Told(msgspec.Struct, kw_only=True):
    """What every report of a transaction holds."""

    evse_number: int | None
    connector_number: int | None
    reference: str | None
    at: object
    token: object
    readings: tuple[MeterReading, ...]
    remote_start_id: int | None
    trigger: str | None
    sequence_number: int | None
    offline: bool
    oddities: tuple[str, ...]

    def members(self) -> dict[str, Any]:
        return msgspec.structs.asdict(self)


def _about(said: TransactionEvent, info: TransactionInfo) -> tuple[str, ...]:
    """Remarks on members that should be there, or should say something else."""
    found: list[str] = []
    if said.event_type not in {"Started", "Updated", "Ended"}:
        found.append(f"eventType: {text_of(said.event_type, 32)!r} taken for an update")
    if info.transaction_id is None:
        found.append("transactionInfo.transactionId: missing")
    if said.timestamp is None:
        found.append("timestamp: missing")
    if info.charging_state is not None and info.charging_state not in CHARGING_STATES:
        found.append(f"chargingState: {text_of(info.charging_state, 32)!r} is not in the list")
    if info.stopped_reason is not None and info.stopped_reason not in REASONS:
        found.append(f"stoppedReason: {text_of(info.stopped_reason, 32)!r} is not in the list")
    return tuple(found)


def read_meter_values(payload: bytes) -> MeterReported:
    """Readings of an EVSE, 0 for the station's own meter."""
    said, oddities = read_leniently(payload, MeterValues)
    readings, about_readings = _readings(said.meter_value)
    evse_number = whole_of(said.evse_id)
    if evse_number is None:
        oddities += ("evseId: missing or not readable",)
    return MeterReported(evse_number=evse_number or 0, readings=readings, oddities=oddities + about_readings)


def _readings(values: list[MeterValue] | None) -> tuple[tuple[MeterReading, ...], tuple[str, ...]]:
    readings: list[MeterReading] = []
    oddities: tuple[str, ...] = ()
    for value in values or ():
        at, about_time = instant_of_text(value.timestamp, "timestamp")
        sampled = value.sampled_value or ()
        signatures = (one.signed_meter_value for one in sampled)
        signed = next((text_of(one.signed_meter_data, SIGNED_AT_MOST) for one in signatures if one), None)
        readings += readings_of(at, _samples(sampled), signed=signed)
        oddities = oddities or about_time  # one remark stands for all
    return tuple(readings), oddities


def _samples(sampled: list[SampledValue] | tuple[()]) -> Iterator[Sample]:
    for one in sampled:
        measure = one.unit_of_measure
        multiplier = None if measure is None else whole_of(measure.multiplier)
        yield Sample(
            value=one.value,
            context=one.context,
            measurand=one.measurand,
            phase=one.phase,
            location=one.location,
            unit=None if measure is None else measure.unit,
            multiplier=multiplier or 0,
        )
