"""Every message against the official schemas: what they allow is read, what we write they allow."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import get_args

import msgspec
import pytest

from dwell.domain.errors import Refused
from dwell.domain.station import orders
from dwell.domain.station.equipment import IdToken, TokenKind
from dwell.domain.station.orders import OrderAnswer, StationOrder, Verdict
from dwell.domain.station.profile import ChargingProfile, ProfilePeriod, Purpose, RateUnit
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
from dwell.domain.station.reports import StationReport
from dwell.protocols.ocpp.payloads import Refusal
from dwell.protocols.ocpp.v16 import received as received_v16
from dwell.protocols.ocpp.v201 import received as received_v201
from dwell.protocols.ocpp.versions import VERSIONS
from ocpp_schemas import actions_of, faults_of, made_up, schema_of

NOW = datetime(2026, 3, 25, 12, 0, 0, 250_000, tzinfo=UTC)
V16, V201 = "ocpp1.6", "ocpp2.0.1"
RECEIVED = [
    (version, action) for version in VERSIONS for action in sorted(VERSIONS[version].received_actions)
]
STRUCTS = {V16: received_v16, V201: received_v201}
DOCUMENTS = 25

TOKEN = IdToken("04A1B2C3", TokenKind.RFID)
VERDICT = TokenVerdict(status=TokenStatus.ACCEPTED, expires_at=NOW, group=IdToken("FLEET", TokenKind.REMOTE))
PROFILE = ChargingProfile(
    id=7,
    purpose=Purpose.TRANSACTION,
    unit=RateUnit.AMPERE,
    start_at=NOW,
    periods=(
        ProfilePeriod(0, Decimal("16.0"), 3),
        ProfilePeriod(900, Decimal("6.3"), 1),
        ProfilePeriod(1800, Decimal(0)),
    ),
    stack_level=2,
    duration_s=3600,
    min_rate=Decimal("6.0"),
    valid_from=NOW,
    valid_until=NOW + timedelta(hours=2),
    transaction_reference="4711",
)
DEFAULT_PROFILE = msgspec.structs.replace(
    PROFILE, purpose=Purpose.DEFAULT, unit=RateUnit.WATT, transaction_reference=None
)
MAX_PROFILE = msgspec.structs.replace(DEFAULT_PROFILE, purpose=Purpose.STATION_MAX)
NAME = orders.VariableName(name="HeartbeatInterval", component_instance="a", instance="b", evse_number=1)
HASH = orders.CertificateHash(
    algorithm="SHA256", issuer_name_hash="a", issuer_key_hash="b", serial_number="c"
)

ORDERS: list[StationOrder] = [
    orders.StartCharging(token=TOKEN, remote_start_id=1),
    orders.StartCharging(
        token=TOKEN,
        remote_start_id=1,
        evse_number=2,
        profile=msgspec.structs.replace(PROFILE, transaction_reference=None),
    ),
    orders.StopCharging(reference="4711"),
    orders.SetProfile(profile=PROFILE, evse_number=1),
    orders.SetProfile(profile=DEFAULT_PROFILE),
    orders.SetProfile(profile=MAX_PROFILE),
    orders.ClearProfiles(),
    orders.ClearProfiles(profile_id=7),
    orders.ClearProfiles(evse_number=1, purpose=Purpose.DEFAULT, stack_level=0),
    orders.ReadSchedule(evse_number=1, duration_s=3600, unit=RateUnit.WATT),
    orders.ReadSchedule(evse_number=0, duration_s=60),
    orders.ReadVariables(names=(NAME, orders.VariableName(name="x", attribute="Target"))),
    orders.ReadVariables(),
    orders.WriteVariables(settings=(orders.VariableSetting(name=NAME, value="300"),)),
    orders.WriteVariables(settings=(orders.VariableSetting(name=NAME, value="300"),) * 2),
    orders.ReadDeviceModel(request_id=1),
    *(orders.TriggerReport(wanted=wanted, evse_number=1) for wanted in orders.Wanted),
    orders.TriggerReport(wanted=orders.Wanted.STATUS, evse_number=1, connector_number=1),
    orders.ResetStation(),
    orders.ResetStation(immediately=True),
    orders.ResetStation(evse_number=1),
    orders.ChangeAvailability(operative=False),
    orders.ChangeAvailability(operative=True, evse_number=1, connector_number=1),
    orders.UnlockConnector(evse_number=1),
    orders.ClearTokenCache(),
    orders.ReadTokenListVersion(),
    orders.SendTokenList(version=3, replace=True),
    orders.SendTokenList(
        version=3,
        replace=False,
        entries=(orders.TokenListEntry(token=TOKEN, verdict=VERDICT), orders.TokenListEntry(token=TOKEN)),
    ),
    orders.ReserveEvse(reservation_id=5, token=TOKEN, expires_at=NOW),
    orders.ReserveEvse(reservation_id=5, token=TOKEN, expires_at=NOW, evse_number=1, group=TOKEN),
    orders.CancelReservation(reservation_id=5),
    orders.UpdateFirmware(request_id=1, location="https://example.com/f", retrieve_at=NOW, retries=2),
    orders.UpdateFirmware(
        request_id=1,
        location="https://example.com/f",
        retrieve_at=NOW,
        install_at=NOW,
        certificate="c",
        signature="s",
    ),
    orders.FetchLog(request_id=1, location="https://example.com/l", oldest_at=NOW, latest_at=NOW, retries=1),
    orders.FetchLog(request_id=1, location="https://example.com/l", security=True, retry_interval_s=5),
    *(orders.InstallRoot(kind=kind, certificate="c") for kind in orders.RootKind),
    orders.RemoveCertificate(hash=HASH),
    orders.ReadCertificates(kinds=(orders.RootKind.CSMS,)),
    orders.ReadCertificates(),
    orders.DeliverCertificate(chain="c"),
    orders.DeliverCertificate(chain="c", kind="ChargingStationCertificate"),
    orders.SendData(vendor_id="v", message_id="m", data="d"),
    orders.ReadTransactionStanding(reference="4711"),
    orders.ReadTransactionStanding(),
    orders.ReadCustomerInformation(request_id=1, report=True, clear=False, token=TOKEN),
    orders.ReadCustomerInformation(request_id=1, report=False, clear=True, customer="c-1"),
    orders.SetNetworkProfile(slot=1, url="wss://example.com/ocpp", security_profile=2),
]
NOT_IN_16 = {
    "ReadCustomerInformation", "ReadDeviceModel", "ReadTransactionStanding", "SetNetworkProfile", "WriteVariables",
    "TriggerReport", "ResetStation", "InstallRoot", "ReadCertificates",
}  # fmt: skip
NOT_IN_201 = {"ReadVariables"}

REPLIES: list[tuple[str, str, StationReply]] = [
    *(
        (version, "BootNotification", BootReply(registration=one, now=NOW, interval_s=300))
        for version in VERSIONS
        for one in Registration
    ),
    *((version, "Heartbeat", TimeReply(now=NOW)) for version in VERSIONS),
    *(
        (version, "Authorize", TokenReply(verdict=TokenVerdict(status=status)))
        for version in VERSIONS
        for status in TokenStatus
    ),
    *((version, "Authorize", TokenReply(verdict=VERDICT)) for version in VERSIONS),
    *(
        (version, "SignCertificate", CertificateReply(accepted=one))
        for version in VERSIONS
        for one in (True, False)
    ),
    *(
        (version, "DataTransfer", DataReply(status=status, data="x"))
        for version in VERSIONS
        for status in ("ACCEPTED", "REJECTED", "UNKNOWN_MESSAGE", "UNKNOWN_VENDOR")
    ),
    (V16, "StartTransaction", TransactionReply(number=1, verdict=VERDICT)),
    (V16, "StartTransaction", TransactionReply(number=2**31 - 1)),
    (V16, "StopTransaction", TransactionReply(verdict=VERDICT)),
    (V16, "StopTransaction", TransactionReply()),
    (V201, "TransactionEvent", TransactionReply(verdict=VERDICT, total_cost=1.5)),
    (V201, "TransactionEvent", TransactionReply()),
]
TOLD_SOMETHING = {"Authorize", "BootNotification", "Heartbeat", "StartTransaction"}


def read(version: str, action: str, document: object) -> StationReport | Refusal:
    return VERSIONS[version].read(action, json.dumps(document).encode())


@pytest.mark.parametrize(("version", "action"), RECEIVED)
def test_what_the_schema_allows_is_read(version: str, action: str) -> None:
    chance = Random(f"{version}{action}")
    for _ in range(DOCUMENTS):
        document = made_up(chance, schema_of(version, action, response=False))
        report = read(version, action, document)
        assert not isinstance(report, Refusal), document
        assert report.oddities == (), document


@pytest.mark.parametrize(("version", "action"), RECEIVED)
def test_structs_say_again_what_they_read(version: str, action: str) -> None:
    kind = getattr(STRUCTS[version], action, None)
    if kind is None:
        assert action in VERSIONS[version].dialect.forgiven
        return
    chance = Random(f"again {version}{action}")
    for _ in range(DOCUMENTS):
        document = made_up(chance, schema_of(version, action, response=False))
        assert json.loads(msgspec.json.encode(msgspec.convert(document, kind))) == document


@pytest.mark.parametrize(("version", "action"), RECEIVED)
def test_a_plain_acknowledgement_is_an_answer(version: str, action: str) -> None:
    if action in TOLD_SOMETHING:
        with pytest.raises(ValueError, match="does not answer"):
            VERSIONS[version].write_reply(action, Acknowledgement())
        return
    payload = msgspec.json.encode(VERSIONS[version].write_reply(action, Acknowledgement()))
    assert faults_of(version, action, payload, response=True) == []


@pytest.mark.parametrize(("version", "action", "reply"), REPLIES)
def test_replies_are_answers(version: str, action: str, reply: StationReply) -> None:
    payload = msgspec.json.encode(VERSIONS[version].write_reply(action, reply))
    assert faults_of(version, action, payload, response=True) == []


@pytest.mark.parametrize("version", VERSIONS)
def test_a_reply_to_something_else_is_a_fault_of_ours(version: str) -> None:
    with pytest.raises(ValueError, match="does not answer"):
        VERSIONS[version].write_reply("Heartbeat", CertificateReply(accepted=True))


def test_every_order_is_tried_here() -> None:
    assert {type(order) for order in ORDERS} == set(get_args(orders.StationOrder))


@pytest.mark.parametrize("order", ORDERS, ids=lambda order: type(order).__name__)
@pytest.mark.parametrize("version", VERSIONS)
def test_orders_are_calls_that_the_schema_allows(version: str, order: StationOrder) -> None:
    try:
        call = VERSIONS[version].write_order(order)
    except Refused as refused:
        assert refused.code == "not_expressible"
        assert type(order).__name__ in (NOT_IN_16 if version == V16 else NOT_IN_201)
        return
    assert faults_of(version, call.action, msgspec.json.encode(call.payload), response=False) == []


@pytest.mark.parametrize("order", ORDERS, ids=lambda order: type(order).__name__)
@pytest.mark.parametrize("version", VERSIONS)
def test_every_answer_that_the_schema_allows_is_understood(version: str, order: StationOrder) -> None:
    try:
        call = VERSIONS[version].write_order(order)
    except Refused:
        return
    chance = Random(f"answer {version}{call.action}")
    for _ in range(DOCUMENTS):
        document = made_up(chance, schema_of(version, call.action, response=True))
        answer = VERSIONS[version].read_answer(order, json.dumps(document).encode())
        assert isinstance(answer, OrderAnswer) and answer.verdict is not Verdict.UNCLEAR, document


def test_calls_and_messages_cover_what_is_promised() -> None:
    written = {
        version: {
            VERSIONS[version].write_order(order).action for order in ORDERS if _is_expressible(version, order)
        }
        for version in VERSIONS
    }
    assert written[V16] | VERSIONS[V16].received_actions == actions_of(V16)
    left_out = actions_of(V201) - written[V201] - VERSIONS[V201].received_actions
    assert left_out == {
        "ClearDisplayMessage", "ClearVariableMonitoring", "CostUpdated", "GetChargingProfiles",
        "GetDisplayMessages", "GetMonitoringReport", "GetReport", "PublishFirmware", "SetDisplayMessage",
        "SetMonitoringBase", "SetMonitoringLevel", "SetVariableMonitoring", "UnpublishFirmware",
    }  # fmt: skip


def _is_expressible(version: str, order: StationOrder) -> bool:
    try:
        VERSIONS[version].write_order(order)
    except Refused:
        return False
    return True


@pytest.mark.parametrize(("version", "action"), RECEIVED)
def test_reports_can_be_kept_and_read_again(version: str, action: str) -> None:
    chance = Random(f"kept {version}{action}")
    for _ in range(DOCUMENTS):
        report = read(version, action, made_up(chance, schema_of(version, action, response=False)))
        assert not isinstance(report, Refusal)
        assert msgspec.json.decode(msgspec.json.encode(report), type=StationReport) == report


@pytest.mark.parametrize("order", ORDERS, ids=lambda order: type(order).__name__)
def test_orders_can_be_kept_and_read_again(order: StationOrder) -> None:
    assert msgspec.json.decode(msgspec.json.encode(order), type=StationOrder) == order
