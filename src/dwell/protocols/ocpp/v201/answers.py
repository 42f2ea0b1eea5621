"""A station's answers to OCPP 2.0.1 calls of ours: read with forbearance, since the order was given either way."""

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
    StandingRead,
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

VARIABLES_AT_MOST = 2_000


class StatusInfo(msgspec.Struct, rename="camel"):
    reason_code: Loose = None
    additional_info: Loose = None


class SchedulePeriod(msgspec.Struct, rename="camel"):
    start_period: Loose = None
    limit: Loose = None


class CompositeSchedule(msgspec.Struct, rename="camel"):
    charging_schedule_period: list[SchedulePeriod] | None = None
    duration: Loose = None
    schedule_start: Loose = None
    charging_rate_unit: Loose = None


class Evse(msgspec.Struct, rename="camel"):
    id: Loose = None


class Named(msgspec.Struct, rename="camel"):
    name: Loose = None
    instance: Loose = None
    evse: Evse | None = None


class VariableResult(msgspec.Struct, rename="camel"):
    attribute_status: Loose = None
    attribute_type: Loose = None
    attribute_value: Loose = None
    component: Named | None = None
    variable: Named | None = None


class HashData(msgspec.Struct, rename="camel"):
    hash_algorithm: Loose = None
    issuer_name_hash: Loose = None
    issuer_key_hash: Loose = None
    serial_number: Loose = None


class HashChain(msgspec.Struct, rename="camel"):
    certificate_type: Loose = None
    certificate_hash_data: HashData | None = None


class Answer(msgspec.Struct, rename="camel"):
    """All that any answer may hold."""

    status: Loose = None
    status_info: StatusInfo | None = None
    transaction_id: Loose = None
    schedule: CompositeSchedule | None = None
    get_variable_result: list[VariableResult] | None = None
    set_variable_result: list[VariableResult] | None = None
    version_number: Loose = None
    filename: Loose = None
    certificate_hash_data_chain: list[HashChain] | None = None
    data: object = None
    ongoing_indicator: Loose = None
    messages_in_queue: Loose = None


_ACCEPTED_IN_SILENCE = (
    orders.ReadVariables,
    orders.WriteVariables,
    orders.ReadTokenListVersion,
    orders.ReadTransactionStanding,
)
"""Orders whose answers have no status of the whole in OCPP 2.0.1."""


def read_answer(order: StationOrder, payload: bytes) -> OrderAnswer:
    """What the station made of `order`. Never raises. Of several variables the worst verdict is the whole's."""
    said, oddities = read_leniently(payload, Answer)
    content = _content(order, said)
    silence = Verdict.ACCEPTED if isinstance(order, _ACCEPTED_IN_SILENCE) else Verdict.UNCLEAR
    verdict = verdict_of(said.status, silence=silence)
    if isinstance(content, VariablesAnswered):
        verdict = next(
            (one.verdict for one in content.variables if one.verdict is not Verdict.ACCEPTED), verdict
        )
    info = said.status_info
    why = (text_of(info.reason_code), text_of(info.additional_info, 512)) if info is not None else ()
    return OrderAnswer(
        verdict=verdict,
        said=text_of(said.status, 64) or "",
        why="; ".join(part for part in (*why, *oddities) if part),
        content=content,
    )


def _content(order: StationOrder, said: Answer) -> OrderContent | None:
    match order:
        case orders.ReadVariables():
            return _variables(said.get_variable_result)
        case orders.WriteVariables():
            return _variables(said.set_variable_result)
        case orders.ReadSchedule() if said.schedule is not None:
            return _schedule(said.schedule)
        case orders.ReadTokenListVersion():
            version = whole_of(said.version_number)
            return None if version is None else TokenListVersion(version)
        case orders.ReadCertificates():
            return _certificates(said.certificate_hash_data_chain)
        case orders.StartCharging():
            return _name(said.transaction_id)
        case orders.FetchLog():
            return _name(said.filename)
        case orders.SendData() if said.data is not None:
            return DataAnswered(msgspec.json.encode(said.data).decode())
        case orders.ReadTransactionStanding():
            ongoing = said.ongoing_indicator
            return StandingRead(
                ongoing=ongoing if isinstance(ongoing, bool) else None,
                messages_waiting=said.messages_in_queue is True,
            )
        case _:
            return None


def _name(value: Loose) -> NameGiven | None:
    name = text_of(value)
    return None if name is None else NameGiven(name)


def _variables(results: list[VariableResult] | None) -> VariablesAnswered:
    return VariablesAnswered(tuple(_variable(one) for one in (results or ())[:VARIABLES_AT_MOST]))


def _variable(result: VariableResult) -> VariableRead:
    component, variable = result.component or Named(), result.variable or Named()
    return VariableRead(
        name=VariableName(
            name=text_of(variable.name) or "",
            component=text_of(component.name) or "",
            component_instance=text_of(component.instance),
            instance=text_of(variable.instance),
            evse_number=None if component.evse is None else whole_of(component.evse.id),
            attribute=text_of(result.attribute_type) or "Actual",
        ),
        verdict=verdict_of(result.attribute_status),
        value=text_of(result.attribute_value, 2_500),
        said=text_of(result.attribute_status, 64) or "",
    )


def _schedule(schedule: CompositeSchedule) -> ScheduleRead:
    limits = [
        (whole_of(one.start_period) or 0, number_of(one.limit) or 0.0)
        for one in schedule.charging_schedule_period or ()
    ]
    return ScheduleRead(
        start_at=instant_of_text(schedule.schedule_start, "scheduleStart")[0],
        unit=RateUnit.WATT if schedule.charging_rate_unit == "W" else RateUnit.AMPERE,
        limits=tuple(limits),
        duration_s=whole_of(schedule.duration),
    )


def _certificates(chains: list[HashChain] | None) -> CertificatesRead:
    return CertificatesRead(
        tuple(
            (
                text_of(chain.certificate_type) or "",
                CertificateHash(
                    algorithm=text_of(named.hash_algorithm) or "",
                    issuer_name_hash=text_of(named.issuer_name_hash) or "",
                    issuer_key_hash=text_of(named.issuer_key_hash) or "",
                    serial_number=text_of(named.serial_number) or "",
                ),
            )
            for chain in chains or ()
            if (named := chain.certificate_hash_data) is not None
        )
    )
