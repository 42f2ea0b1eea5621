"""Official central-system cases of OCPP 1.6, as far as they are held. Each plays the station of its case."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any

from conformance.talk import Json, Talk, holds
from dwell.application.stations.orders import order_stop
from dwell.domain.errors import Conflict
from dwell.domain.station.equipment import IdToken
from dwell.domain.station.orders import (
    CancelReservation,
    CertificateHash,
    ClearProfiles,
    ClearTokenCache,
    FetchLog,
    InstallRoot,
    ReadCertificates,
    ReadSchedule,
    ReadTokenListVersion,
    ReadVariables,
    RemoveCertificate,
    ReserveEvse,
    ResetStation,
    RootKind,
    SendTokenList,
    SetProfile,
    StartCharging,
    TokenListEntry,
    TriggerReport,
    UnlockConnector,
    UpdateFirmware,
    VariableName,
    VariableSetting,
    Verdict,
    Wanted,
    WriteVariables,
)
from dwell.domain.station.profile import ChargingProfile, ProfilePeriod, Purpose, RateUnit
from dwell.domain.station.replies import TokenStatus, TokenVerdict
from dwell.domain.station.transaction import Status

STANDARD = "1.6"
held = partial(holds, STANDARD)


async def boot(talk: Talk) -> Json:
    said = await talk.say("BootNotification", {"chargePointVendor": "V", "chargePointModel": "M"})
    assert said["status"] == "Accepted"
    assert said["interval"] > 0
    return said


async def status(talk: Talk, word: str, connector: int = 1, error: str = "NoError") -> None:
    payload = {"connectorId": connector, "errorCode": error, "status": word, "timestamp": talk.now()}
    assert await talk.say("StatusNotification", payload) == {}


async def start(talk: Talk, tag: str, meter_wh: int = 0, *, at: str | None = None) -> Json:
    payload = {"connectorId": 1, "idTag": tag, "meterStart": meter_wh, "timestamp": at or talk.now()}
    return await talk.say("StartTransaction", payload)


async def stop(talk: Talk, number: int, meter_wh: int, **more: Any) -> Json:
    payload = {"transactionId": number, "meterStop": meter_wh, "timestamp": talk.now(15), **more}
    return await talk.say("StopTransaction", payload)


async def authorize(talk: Talk, tag: str) -> str:
    said = await talk.say("Authorize", {"idTag": tag})
    return str(said["idTagInfo"]["status"])


async def whole_visit(talk: Talk, tag: str) -> None:
    begun = await start(talk, tag, 1_000)
    assert begun["idTagInfo"]["status"] == "Accepted"
    await status(talk, "Charging")
    said = await stop(talk, begun["transactionId"], 3_000, idTag=tag)
    assert said.get("idTagInfo", {"status": "Accepted"})["status"] == "Accepted"
    await status(talk, "Finishing")
    await status(talk, "Available")
    newest = await talk.newest()
    assert (newest.status, newest.energy_wh) == (Status.CLOSED, 2_000)


@held("TC_001_CSMS")
async def cold_boot(talk: Talk) -> None:
    said = await boot(talk)
    assert said["currentTime"].endswith("Z")
    for connector in (0, 1):
        await status(talk, "Available", connector)
    assert "currentTime" in await talk.say("Heartbeat", {})


@held("TC_003_CSMS")
async def plug_in_first(talk: Talk) -> None:
    await boot(talk)
    tag = await talk.let_charge()
    await status(talk, "Preparing")
    assert await authorize(talk, tag) == "Accepted"
    await whole_visit(talk, tag)


@held("TC_004_1_CSMS")
async def identification_first(talk: Talk) -> None:
    await boot(talk)
    tag = await talk.let_charge()
    assert await authorize(talk, tag) == "Accepted"
    await status(talk, "Preparing")
    await whole_visit(talk, tag)


@held("TC_004_2_CSMS")
async def identification_first_and_no_cable(talk: Talk) -> None:
    await boot(talk)
    tag = await talk.let_charge()
    assert await authorize(talk, tag) == "Accepted"
    await status(talk, "Preparing")
    await status(talk, "Available")
    newest = await talk.newest()
    assert newest.status not in {Status.ACTIVE, Status.CLOSED}


@held("TC_005_1_CSMS")
async def cable_out_at_the_vehicle(talk: Talk) -> None:
    await boot(talk)
    tag = await talk.let_charge()
    begun = await start(talk, tag, 1_000)
    await status(talk, "SuspendedEV")
    await stop(talk, begun["transactionId"], 2_000, reason="EVDisconnected")
    await status(talk, "Finishing")
    await status(talk, "Available")
    assert (await talk.newest()).status is Status.CLOSED


@held("TC_007_CSMS")
async def known_from_the_cache(talk: Talk) -> None:
    await boot(talk)
    tag = await talk.let_charge()
    await status(talk, "Preparing")
    await whole_visit(talk, tag)  # without asking first


@held("TC_010_CSMS")
async def remote_start_with_the_cable_in(talk: Talk) -> None:
    await boot(talk)
    await status(talk, "Preparing")
    ordered = await talk.order_start()
    frame = await talk.called()
    assert frame[2] == "RemoteStartTransaction"
    await talk.answer(frame, {"status": "Accepted"})
    await whole_visit(talk, frame[3]["idTag"])
    assert (await talk.newest()).id == ordered.id


@held("TC_011_1_CSMS")
async def remote_start_first(talk: Talk) -> None:
    await boot(talk)
    await status(talk, "Available")
    ordered = await talk.order_start()
    frame = await talk.called()
    await talk.answer(frame, {"status": "Accepted"})
    assert await authorize(talk, frame[3]["idTag"]) == "Accepted"
    await status(talk, "Preparing")
    await whole_visit(talk, frame[3]["idTag"])
    assert (await talk.newest()).id == ordered.id


@held("TC_011_2_CSMS")
async def remote_start_and_nobody_came(talk: Talk) -> None:
    await boot(talk)
    await talk.order_start()
    frame = await talk.called()
    await talk.answer(frame, {"status": "Accepted"})
    await status(talk, "Preparing")
    await status(talk, "Available")
    assert (await talk.newest()).status not in {Status.ACTIVE, Status.CLOSED}


@held("TC_012_CSMS")
async def remote_stop(talk: Talk) -> None:
    await boot(talk)
    begun = await start(talk, await talk.let_charge(), 1_000)
    running = await talk.newest()
    stopping = asyncio.create_task(order_stop(talk.site.ports, talk.site.owner, running.id))
    frame = await talk.called()
    assert (frame[2], frame[3]) == (
        "RemoteStopTransaction",
        {"transactionId": begun["transactionId"]},
    )
    await talk.answer(frame, {"status": "Accepted"})
    assert (await stopping).status is Status.REMOTE_STOPPED
    await stop(talk, begun["transactionId"], 2_000, reason="Remote")
    assert (await talk.newest()).status is Status.CLOSED


@held("TC_013_CSMS")
async def hard_reset(talk: Talk) -> None:
    await boot(talk)
    answer = await talk.told(ResetStation(immediately=True), "Reset", {"status": "Accepted"}, type="Hard")
    assert answer.verdict is Verdict.ACCEPTED
    await boot(talk)


@held("TC_014_CSMS")
async def soft_reset(talk: Talk) -> None:
    await boot(talk)
    begun = await start(talk, await talk.let_charge(), 1_000)
    answer = await talk.told(ResetStation(), "Reset", {"status": "Accepted"}, type="Soft")
    assert answer.verdict is Verdict.ACCEPTED
    await stop(talk, begun["transactionId"], 2_000, reason="SoftReset")
    await boot(talk)
    assert (await talk.newest()).status is Status.CLOSED


async def unlocked(talk: Talk, said: str, verdict: Verdict) -> None:
    await boot(talk)
    answer = await talk.told(
        UnlockConnector(evse_number=1), "UnlockConnector", {"status": said}, connectorId=1
    )
    assert answer.verdict is verdict


@held("TC_017_1_CSMS")
async def unlock(talk: Talk) -> None:
    await unlocked(talk, "Unlocked", Verdict.ACCEPTED)


@held("TC_017_2_CSMS", "TC_031_CSMS")
async def unlock_a_fixed_cable_or_an_unknown_connector(talk: Talk) -> None:
    await unlocked(talk, "NotSupported", Verdict.NOT_SUPPORTED)


@held("TC_030_CSMS")
async def unlock_fails(talk: Talk) -> None:
    await unlocked(talk, "UnlockFailed", Verdict.REJECTED)


@held("TC_018_1_CSMS")
async def unlock_amid_a_session(talk: Talk) -> None:
    await boot(talk)
    begun = await start(talk, await talk.let_charge(), 1_000)
    await talk.told(UnlockConnector(evse_number=1), "UnlockConnector", {"status": "Unlocked"}, connectorId=1)
    await stop(talk, begun["transactionId"], 2_000, reason="UnlockCommand")
    assert (await talk.newest()).status is Status.CLOSED


@held("TC_019_1_CSMS")
async def every_configuration_key(talk: Talk) -> None:
    await boot(talk)
    keys = [{"key": "HeartbeatInterval", "readonly": False, "value": "300"}]
    answer = await talk.told(ReadVariables(), "GetConfiguration", {"configurationKey": keys})
    assert answer.verdict is Verdict.ACCEPTED


@held("TC_019_2_CSMS")
async def one_configuration_key(talk: Talk) -> None:
    await boot(talk)
    answer = await talk.told(
        ReadVariables(names=(VariableName(name="SupportedFeatureProfiles"),)),
        "GetConfiguration",
        {"configurationKey": [{"key": "SupportedFeatureProfiles", "readonly": True, "value": "Core"}]},
        key=["SupportedFeatureProfiles"],
    )
    assert answer.verdict is Verdict.ACCEPTED


def setting(name: str, value: str) -> WriteVariables:
    return WriteVariables(settings=(VariableSetting(name=VariableName(name=name), value=value),))


async def configured(talk: Talk, said: str, verdict: Verdict) -> None:
    await boot(talk)
    answer = await talk.told(
        setting("MeterValueSampleInterval", "60"),
        "ChangeConfiguration",
        {"status": said},
        key="MeterValueSampleInterval",
        value="60",
    )
    assert answer.verdict is verdict


@held("TC_021_CSMS")
async def change_configuration(talk: Talk) -> None:
    await configured(talk, "Accepted", Verdict.ACCEPTED)


@held("TC_040_1_CSMS")
async def configuration_not_supported(talk: Talk) -> None:
    await configured(talk, "NotSupported", Verdict.NOT_SUPPORTED)


@held("TC_040_2_CSMS")
async def configuration_of_a_wrong_value(talk: Talk) -> None:
    await configured(talk, "Rejected", Verdict.REJECTED)


@held("TC_073_CSMS")
async def new_password(talk: Talk) -> None:
    await boot(talk)
    answer = await talk.told(
        setting("AuthorizationKey", "0123456789abcdef0123"),
        "ChangeConfiguration",
        {"status": "Accepted"},
        key="AuthorizationKey",
    )
    assert answer.verdict is Verdict.ACCEPTED


@held("TC_083_CSMS")
async def upgrade_of_the_security_profile(talk: Talk) -> None:
    await boot(talk)
    answer = await talk.told(
        setting("SecurityProfile", "2"), "ChangeConfiguration", {"status": "Accepted"}, value="2"
    )
    assert answer.verdict is Verdict.ACCEPTED


@held("TC_023_1_CSMS")
async def an_invalid_tag(talk: Talk) -> None:
    await boot(talk)
    assert await authorize(talk, "NOBODY") == "Invalid"


@held("TC_023_2_CSMS")
async def an_expired_tag(talk: Talk) -> None:
    await boot(talk)
    tag = await talk.let_charge(expires_at=talk.site.clock.now() - timedelta(days=1))
    assert await authorize(talk, tag) == "Expired"


@held("TC_024_CSMS")
async def a_lock_that_fails(talk: Talk) -> None:
    await boot(talk)
    tag = await talk.let_charge()
    await status(talk, "Preparing")
    assert await authorize(talk, tag) == "Accepted"
    await status(talk, "Faulted", error="ConnectorLockFailure")
    assert (await talk.newest()).status is not Status.ACTIVE


@held("TC_026_CSMS")
async def a_remote_start_that_is_refused(talk: Talk) -> None:
    await boot(talk)
    ordered = await talk.order_start()
    await talk.answer(await talk.called(), {"status": "Rejected"})
    await talk.say("Heartbeat", {})
    newest = await talk.newest()
    assert newest.id == ordered.id
    assert newest.status in {Status.FAILED, Status.STARTING}


@held("TC_028_CSMS")
async def a_remote_stop_that_is_refused(talk: Talk) -> None:
    await boot(talk)
    await start(talk, await talk.let_charge(), 1_000)
    running = await talk.newest()
    stopping = asyncio.create_task(order_stop(talk.site.ports, talk.site.owner, running.id))
    await talk.answer(await talk.called(), {"status": "Rejected"})
    try:
        await stopping
    except Conflict:
        assert (await talk.newest()).status is Status.ACTIVE
    else:
        raise AssertionError("a refused stop is a conflict")


@held("TC_032_1_CSMS")
async def a_power_failure_ends_the_transaction(talk: Talk) -> None:
    await boot(talk)
    begun = await start(talk, await talk.let_charge(), 1_000)
    await boot(talk)
    await stop(talk, begun["transactionId"], 1_500, reason="PowerLoss")
    newest = await talk.newest()
    assert (newest.status, newest.energy_wh) == (Status.CLOSED, 500)


@held("TC_037_1_CSMS", "TC_039_CSMS")
async def what_happened_offline(talk: Talk) -> None:
    await boot(talk)
    tag = await talk.let_charge()
    began_at = talk.now()
    talk.now(60)
    begun = await start(talk, tag, 1_000, at=began_at)
    assert begun["idTagInfo"]["status"] == "Accepted"
    await stop(talk, begun["transactionId"], 4_000, idTag=tag)
    newest = await talk.newest()
    assert (newest.status, newest.energy_wh) == (Status.CLOSED, 3_000)


@held("TC_037_3_CSMS")
async def an_invalid_tag_that_began_offline(talk: Talk) -> None:
    await boot(talk)
    begun = await start(talk, "NOBODY", 1_000, at=talk.now())
    assert begun["idTagInfo"]["status"] == "Invalid"
    await stop(talk, begun["transactionId"], 1_100, reason="DeAuthorized")


@held("TC_042_1_CSMS")
async def list_version_where_there_is_no_list(talk: Talk) -> None:
    await boot(talk)
    await talk.told(ReadTokenListVersion(), "GetLocalListVersion", {"listVersion": -1})


@held("TC_042_2_CSMS")
async def list_version_of_an_empty_list(talk: Talk) -> None:
    await boot(talk)
    answer = await talk.told(ReadTokenListVersion(), "GetLocalListVersion", {"listVersion": 0})
    assert answer.verdict is Verdict.ACCEPTED


async def listed(talk: Talk, said: str, verdict: Verdict, *, replace: bool) -> None:
    await boot(talk)
    entry = TokenListEntry(token=IdToken("CARD-1"), verdict=TokenVerdict(status=TokenStatus.ACCEPTED))
    answer = await talk.told(
        SendTokenList(version=2, replace=replace, entries=(entry,)),
        "SendLocalList",
        {"status": said},
        listVersion=2,
        updateType="Full" if replace else "Differential",
        localAuthorizationList=[{"idTag": "CARD-1", "idTagInfo": {"status": "Accepted"}}],
    )
    assert answer.verdict is verdict


@held("TC_043_1_CSMS")
async def no_local_list(talk: Talk) -> None:
    await listed(talk, "NotSupported", Verdict.NOT_SUPPORTED, replace=True)


@held("TC_043_3_CSMS")
async def a_local_list_that_fails(talk: Talk) -> None:
    await listed(talk, "Failed", Verdict.REJECTED, replace=True)


@held("TC_043_4_CSMS")
async def a_whole_local_list(talk: Talk) -> None:
    await listed(talk, "Accepted", Verdict.ACCEPTED, replace=True)


@held("TC_043_5_CSMS")
async def a_changed_local_list(talk: Talk) -> None:
    await listed(talk, "Accepted", Verdict.ACCEPTED, replace=False)


async def firmware(talk: Talk, *words: str) -> None:
    await boot(talk)
    order = UpdateFirmware(request_id=1, location="https://example.org/fw", retrieve_at=talk.site.clock.now())
    await talk.told(order, "UpdateFirmware", {}, location="https://example.org/fw")
    for word in words:
        assert await talk.say("FirmwareStatusNotification", {"status": word}) == {}


@held("TC_044_1_CSMS")
async def firmware_is_installed(talk: Talk) -> None:
    await firmware(talk, "Downloading", "Downloaded", "Installing", "Installed")
    await boot(talk)


@held("TC_044_2_CSMS")
async def firmware_does_not_come(talk: Talk) -> None:
    await firmware(talk, "Downloading", "DownloadFailed")


@held("TC_044_3_CSMS")
async def firmware_cannot_be_installed(talk: Talk) -> None:
    await firmware(talk, "Downloading", "Downloaded", "Installing", "InstallationFailed")


async def diagnostics(talk: Talk, *words: str) -> None:
    await boot(talk)
    order = FetchLog(request_id=1, location="ftp://example.org/logs")
    await talk.told(order, "GetDiagnostics", {"fileName": "d.log"}, location="ftp://example.org/logs")
    for word in words:
        assert await talk.say("DiagnosticsStatusNotification", {"status": word}) == {}


@held("TC_045_1_CSMS")
async def diagnostics_come(talk: Talk) -> None:
    await diagnostics(talk, "Uploading", "Uploaded")


@held("TC_045_2_CSMS")
async def diagnostics_do_not_come(talk: Talk) -> None:
    await diagnostics(talk, "Uploading", "UploadFailed")


async def reserved(talk: Talk, said: str, verdict: Verdict, *, evse: int | None = 1) -> None:
    await boot(talk)
    await talk.let_charge()
    order = ReserveEvse(
        reservation_id=7,
        token=IdToken("CARD-1"),
        expires_at=talk.site.clock.now() + timedelta(hours=1),
        evse_number=evse,
    )
    answer = await talk.told(
        order, "ReserveNow", {"status": said}, reservationId=7, idTag="CARD-1", connectorId=evse or 0
    )
    assert answer.verdict is verdict


@held("TC_046_CSMS")
async def a_reserved_connector_is_used(talk: Talk) -> None:
    await reserved(talk, "Accepted", Verdict.ACCEPTED)
    await status(talk, "Reserved")
    await status(talk, "Preparing")
    payload = {
        "connectorId": 1,
        "idTag": "CARD-1",
        "meterStart": 0,
        "reservationId": 7,
        "timestamp": talk.now(),
    }
    assert (await talk.say("StartTransaction", payload))["idTagInfo"]["status"] == "Accepted"


@held("TC_047_CSMS")
async def a_reservation_that_expires(talk: Talk) -> None:
    await reserved(talk, "Accepted", Verdict.ACCEPTED)
    await status(talk, "Reserved")
    talk.now(61)
    await status(talk, "Available")


@held("TC_048_1_CSMS", "TC_048_3_CSMS", "TC_048_4_CSMS")
async def a_reservation_that_is_refused(talk: Talk) -> None:
    for word in ("Faulted", "Unavailable", "Rejected"):
        await reserved(talk, word, Verdict.REJECTED)


@held("TC_048_2_CSMS")
async def a_reservation_of_what_is_occupied(talk: Talk) -> None:
    await reserved(talk, "Occupied", Verdict.OCCUPIED)


@held("TC_049_CSMS")
async def a_reservation_of_the_whole_station(talk: Talk) -> None:
    await reserved(talk, "Accepted", Verdict.ACCEPTED, evse=None)
    await status(talk, "Reserved", 0)


@held("TC_051_CSMS")
async def a_reservation_is_let_go(talk: Talk) -> None:
    await reserved(talk, "Accepted", Verdict.ACCEPTED)
    answer = await talk.told(
        CancelReservation(reservation_id=7), "CancelReservation", {"status": "Accepted"}, reservationId=7
    )
    assert answer.verdict is Verdict.ACCEPTED


@held("TC_052_CSMS")
async def a_reservation_that_is_not_let_go(talk: Talk) -> None:
    await boot(talk)
    answer = await talk.told(
        CancelReservation(reservation_id=8), "CancelReservation", {"status": "Rejected"}, reservationId=8
    )
    assert answer.verdict is Verdict.REJECTED


@held("TC_054_CSMS")
async def triggered(talk: Talk) -> None:
    await boot(talk)
    for wanted, message in (
        (Wanted.METER, "MeterValues"),
        (Wanted.HEARTBEAT, "Heartbeat"),
        (Wanted.STATUS, "StatusNotification"),
        (Wanted.BOOT, "BootNotification"),
        (Wanted.FIRMWARE_STATUS, "FirmwareStatusNotification"),
    ):
        answer = await talk.told(
            TriggerReport(wanted=wanted), "TriggerMessage", {"status": "Accepted"}, requestedMessage=message
        )
        assert answer.verdict is Verdict.ACCEPTED


@held("TC_055_CSMS")
async def not_triggered(talk: Talk) -> None:
    await boot(talk)
    answer = await talk.told(TriggerReport(wanted=Wanted.METER), "TriggerMessage", {"status": "Rejected"})
    assert answer.verdict is Verdict.REJECTED


def profile(talk: Talk, purpose: Purpose, reference: str | None = None) -> ChargingProfile:
    return ChargingProfile(
        id=5,
        purpose=purpose,
        unit=RateUnit.AMPERE,
        start_at=talk.site.clock.now(),
        periods=(ProfilePeriod(0, Decimal(6)), ProfilePeriod(900, Decimal(16))),
        transaction_reference=reference,
    )


@held("TC_056_CSMS")
async def default_profile(talk: Talk) -> None:
    await boot(talk)
    answer = await talk.told(
        SetProfile(profile=profile(talk, Purpose.DEFAULT)),
        "SetChargingProfile",
        {"status": "Accepted"},
        connectorId=0,
        csChargingProfiles={"chargingProfilePurpose": "TxDefaultProfile"},
    )
    assert answer.verdict is Verdict.ACCEPTED


@held("TC_057_CSMS")
async def transaction_profile(talk: Talk) -> None:
    await boot(talk)
    begun = await start(talk, await talk.let_charge())
    number = begun["transactionId"]
    answer = await talk.told(
        SetProfile(profile=profile(talk, Purpose.TRANSACTION, str(number)), evse_number=1),
        "SetChargingProfile",
        {"status": "Accepted"},
        connectorId=1,
        csChargingProfiles={"chargingProfilePurpose": "TxProfile", "transactionId": number},
    )
    assert answer.verdict is Verdict.ACCEPTED


@held("TC_059_CSMS")
async def remote_start_with_a_profile(talk: Talk) -> None:
    await boot(talk)
    order = StartCharging(
        token=IdToken("CARD-1"), remote_start_id=3, evse_number=1, profile=profile(talk, Purpose.TRANSACTION)
    )
    answer = await talk.told(
        order,
        "RemoteStartTransaction",
        {"status": "Accepted"},
        connectorId=1,
        chargingProfile={"chargingProfilePurpose": "TxProfile"},
    )
    assert answer.verdict is Verdict.ACCEPTED


@held("TC_061_CSMS")
async def cache_is_cleared(talk: Talk) -> None:
    await boot(talk)
    answer = await talk.told(ClearTokenCache(), "ClearCache", {"status": "Accepted"})
    assert answer.verdict is Verdict.ACCEPTED


@held("TC_064_CSMS")
async def data_of_a_vendor(talk: Talk) -> None:
    await boot(talk)
    said = await talk.say("DataTransfer", {"vendorId": "com.example", "messageId": "m", "data": "d"})
    assert said["status"] in {"Accepted", "Rejected", "UnknownMessageId", "UnknownVendorId"}


@held("TC_066_CSMS")
async def composite_schedule(talk: Talk) -> None:
    await boot(talk)
    schedule = {"chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16}]}
    said = {"status": "Accepted", "connectorId": 1, "scheduleStart": talk.now(), "chargingSchedule": schedule}
    answer = await talk.told(
        ReadSchedule(evse_number=1, duration_s=900), "GetCompositeSchedule", said, connectorId=1, duration=900
    )
    assert answer.verdict is Verdict.ACCEPTED


@held("TC_067_CSMS")
async def profile_is_cleared(talk: Talk) -> None:
    await boot(talk)
    answer = await talk.told(
        ClearProfiles(profile_id=5), "ClearChargingProfile", {"status": "Accepted"}, id=5
    )
    assert answer.verdict is Verdict.ACCEPTED


async def root(talk: Talk, kind: RootKind, word: str) -> None:
    await boot(talk)
    answer = await talk.told(
        InstallRoot(kind=kind, certificate="PEM"),
        "InstallCertificate",
        {"status": "Accepted"},
        certificateType=word,
    )
    assert answer.verdict is Verdict.ACCEPTED


@held("TC_075_1_CSMS")
async def manufacturers_root(talk: Talk) -> None:
    await root(talk, RootKind.MANUFACTURER, "ManufacturerRootCertificate")


@held("TC_075_2_CSMS")
async def central_systems_root(talk: Talk) -> None:
    await root(talk, RootKind.CSMS, "CentralSystemRootCertificate")


@held("TC_076_CSMS")
async def a_certificate_is_removed(talk: Talk) -> None:
    await boot(talk)
    data = {"hashAlgorithm": "SHA256", "issuerNameHash": "a", "issuerKeyHash": "b", "serialNumber": "c"}
    await talk.told(
        ReadCertificates(kinds=(RootKind.CSMS,)),
        "GetInstalledCertificateIds",
        {"status": "Accepted", "certificateHashData": [data]},
        certificateType="CentralSystemRootCertificate",
    )
    named = CertificateHash(algorithm="SHA256", issuer_name_hash="a", issuer_key_hash="b", serial_number="c")
    answer = await talk.told(
        RemoveCertificate(hash=named), "DeleteCertificate", {"status": "Accepted"}, certificateHashData=data
    )
    assert answer.verdict is Verdict.ACCEPTED


@held("TC_077_CSMS")
async def an_invalid_certificate_of_the_station(talk: Talk) -> None:
    await boot(talk)
    event = {"type": "InvalidChargePointCertificate", "timestamp": talk.now()}
    assert await talk.say("SecurityEventNotification", event) == {}


@held("TC_078_CSMS")
async def an_invalid_certificate_of_ours(talk: Talk) -> None:
    await boot(talk)
    event = {"type": "InvalidCentralSystemCertificate", "timestamp": talk.now()}
    assert await talk.say("SecurityEventNotification", event) == {}


@held("TC_079_CSMS")
async def the_security_log(talk: Talk) -> None:
    await boot(talk)
    order = FetchLog(request_id=4, location="https://example.org/log", security=True)
    await talk.told(order, "GetLog", {"status": "Accepted"}, logType="SecurityLog", requestId=4)
    for word in ("Uploading", "Uploaded"):
        assert await talk.say("LogStatusNotification", {"status": word, "requestId": 4}) == {}


async def signed_firmware(talk: Talk, *words: str) -> None:
    await boot(talk)
    order = UpdateFirmware(
        request_id=2,
        location="https://example.org/fw",
        retrieve_at=talk.site.clock.now(),
        certificate="PEM",
        signature="c2ln",
    )
    await talk.told(order, "SignedUpdateFirmware", {"status": "Accepted"}, requestId=2)
    for word in words:
        said = await talk.say("SignedFirmwareStatusNotification", {"status": word, "requestId": 2})
        assert said == {}


@held("TC_080_CSMS")
async def signed_firmware_is_installed(talk: Talk) -> None:
    await signed_firmware(talk, "Downloading", "Downloaded", "SignatureVerified", "Installing", "Installed")


@held("TC_081_CSMS")
async def firmware_of_a_wrong_signature(talk: Talk) -> None:
    await signed_firmware(talk, "Downloading", "Downloaded", "InvalidSignature")
    event = {"type": "InvalidFirmwareSignature", "timestamp": talk.now()}
    assert await talk.say("SecurityEventNotification", event) == {}


@held("TC_085_CSMS", "TC_088_CSMS")
async def the_right_key_and_the_right_protocol(talk: Talk) -> None:
    assert talk.socket.subprotocol == "ocpp1.6"
    await boot(talk)
