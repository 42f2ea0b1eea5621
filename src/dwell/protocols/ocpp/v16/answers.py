"""A station's answers to OCPP 1.6 calls of ours: read with forbearance, since the order was given either way."""

from __future__ import annotations

import msgspec

from dwell.domain.station import orders
from dwell.domain.station.orders import (
    CertificateHash,
    CertificatesRead,
    DataAnswered,
    NameGiven,
    OrderAnswer,
    OrderContent,
    ScheduleRead,
    StationOrder,
    TokenListVersion,
    VariableName,
    VariableRead,
    VariablesAnswered,
    Verdict,
)
from dwell.domain.station.profile import RateUnit
from dwell.protocols.ocpp.payloads import Loose, number_of, read_leniently, text_of, whole_of
from dwell.protocols.ocpp.translation import instant_of_text, verdict_of
from dwell.protocols.ocpp.v16.orders import ROOTS

VARIABLES_AT_MOST = 2_000


class ConfigurationKey(msgspec.Struct, rename="camel"):
    key: Loose = None
    value: Loose = None
    readonly: Loose = None


class SchedulePeriod(msgspec.Struct, rename="camel"):
    start_period: Loose = None
    limit: Loose = None


class ChargingSchedule(msgspec.Struct, rename="camel"):
    charging_rate_unit: Loose = None
    charging_schedule_period: list[SchedulePeriod] | None = None
    duration: Loose = None


class HashData(msgspec.Struct, rename="camel"):
    hash_algorithm: Loose = None
    issuer_name_hash: Loose = None
    issuer_key_hash: Loose = None
    serial_number: Loose = None


class Answer(msgspec.Struct, rename="camel"):
    """All that any answer may hold."""

    status: Loose = None
    configuration_key: list[ConfigurationKey] | None = None
    unknown_key: list[Loose] | None = None
    schedule_start: Loose = None
    charging_schedule: ChargingSchedule | None = None
    list_version: Loose = None
    file_name: Loose = None
    filename: Loose = None
    certificate_hash_data: list[HashData] | None = None
    data: Loose = None


_ACCEPTED_IN_SILENCE = (
    orders.ReadVariables,
    orders.ReadTokenListVersion,
    orders.UpdateFirmware,
    orders.FetchLog,
)
"""Orders whose answers have no status in OCPP 1.6."""


def read_answer(order: StationOrder, payload: bytes) -> OrderAnswer:
    """What the station made of `order`. Never raises."""
    said, oddities = read_leniently(payload, Answer)
    silence = Verdict.ACCEPTED if isinstance(order, _ACCEPTED_IN_SILENCE) else Verdict.UNCLEAR
    return OrderAnswer(
        verdict=verdict_of(said.status, silence=silence),
        said=text_of(said.status, 64) or "",
        why="; ".join(oddities),
        content=_content(order, said),
    )


def _content(order: StationOrder, said: Answer) -> OrderContent | None:
    match order:
        case orders.ReadVariables():
            return _variables(said)
        case orders.ReadSchedule() if said.charging_schedule is not None:
            return _schedule(said, said.charging_schedule)
        case orders.ReadTokenListVersion():
            version = whole_of(said.list_version)
            return None if version is None else TokenListVersion(version)
        case orders.ReadCertificates() if order.kinds:
            kind = ROOTS.get(order.kinds[0], "")
            return CertificatesRead(tuple((kind, _hash(one)) for one in said.certificate_hash_data or ()))
        case orders.FetchLog():
            name = text_of(said.file_name or said.filename)
            return None if name is None else NameGiven(name)
        case orders.SendData() if said.data is not None:
            return DataAnswered(msgspec.json.encode(said.data).decode())
        case _:
            return None


def _variables(said: Answer) -> VariablesAnswered:
    known = [
        VariableRead(
            name=VariableName(name=text_of(one.key) or ""),
            verdict=Verdict.ACCEPTED,
            value=text_of(one.value, 2_500),
            read_only=one.readonly if isinstance(one.readonly, bool) else None,
        )
        for one in (said.configuration_key or ())[:VARIABLES_AT_MOST]
    ]
    unknown = [
        VariableRead(name=VariableName(name=text_of(key) or ""), verdict=Verdict.UNKNOWN_TARGET)
        for key in (said.unknown_key or ())[:VARIABLES_AT_MOST]
    ]
    return VariablesAnswered(tuple(known + unknown))


def _schedule(said: Answer, schedule: ChargingSchedule) -> ScheduleRead:
    limits = [
        (whole_of(one.start_period) or 0, number_of(one.limit) or 0.0)
        for one in schedule.charging_schedule_period or ()
    ]
    return ScheduleRead(
        start_at=instant_of_text(said.schedule_start, "scheduleStart")[0],
        unit=RateUnit.WATT if schedule.charging_rate_unit == "W" else RateUnit.AMPERE,
        limits=tuple(limits),
        duration_s=whole_of(schedule.duration),
    )


def _hash(said: HashData) -> CertificateHash:
    return CertificateHash(
        algorithm=text_of(said.hash_algorithm) or "",
        issuer_name_hash=text_of(said.issuer_name_hash) or "",
        issuer_key_hash=text_of(said.issuer_key_hash) or "",
        serial_number=text_of(said.serial_number) or "",
    )
