"""Official central-system cases of OCPP 2.0.1 (part 6), as far as they are held. Each plays the station of its case."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from functools import partial
from typing import Any

from conformance.talk import Json, Talk, holds
from dwell.application.stations.orders import order_stop
from dwell.domain.station.equipment import IdToken
from dwell.domain.station.orders import (
    CertificateHash,
    ChangeAvailability,
    ClearTokenCache,
    FetchLog,
    InstallRoot,
    ReadCertificates,
    ReadCustomerInformation,
    ReadDeviceModel,
    ReadTransactionStanding,
    ReadVariables,
    RemoveCertificate,
    ResetStation,
    RootKind,
    SetNetworkProfile,
    StationOrder,
    TriggerReport,
    UnlockConnector,
    UpdateFirmware,
    VariableName,
    VariableSetting,
    Verdict,
    Wanted,
    WriteVariables,
)
from dwell.domain.station.transaction import Status

STANDARD = "2.0.1 part 6"
held = partial(holds, STANDARD)
REFERENCE = "transaction-1"


async def boot(talk: Talk, reason: str = "PowerUp") -> Json:
    payload = {"reason": reason, "chargingStation": {"model": "M", "vendorName": "V"}}
    said = await talk.say("BootNotification", payload)
    assert (said["status"], said["interval"] > 0) == ("Accepted", True)
    return said


async def status(talk: Talk, word: str) -> None:
    payload = {"timestamp": talk.now(), "connectorStatus": word, "evseId": 1, "connectorId": 1}
    assert await talk.say("StatusNotification", payload) == {}


async def authorize(talk: Talk, token: str) -> str:
    said = await talk.say("Authorize", {"idToken": {"idToken": token, "type": "ISO14443"}})
    return str(said["idTokenInfo"]["status"])


async def event(talk: Talk, kind: str, why: str, *, wh: int | None = None, **more: Any) -> Json:
    """A TransactionEvent; `info` and `token` go into it, `number` is its sequence number."""
    at = talk.now(more.pop("minutes", 5))
    info = {"transactionId": REFERENCE, **more.pop("info", {})}
    token, sampled = more.pop("token", None), more.pop("sampled", {})
    payload: Json = {
        "eventType": kind,
        "timestamp": at,
        "triggerReason": why,
        "seqNo": more.pop("number", talk.count),
        "transactionInfo": info,
        **more,
    }
    if more.get("evse", 0) is None:
        del payload["evse"]
    elif "evse" not in more:
        payload["evse"] = {"id": 1, "connectorId": 1}
    if token is not None:
        payload["idToken"] = {"idToken": token, "type": "ISO14443"}
    if wh is not None:
        value = {"value": wh, "measurand": "Energy.Active.Import.Register", **sampled}
        payload["meterValue"] = [{"timestamp": at, "sampledValue": [value]}]
    return await talk.say("TransactionEvent", payload)


async def visit(talk: Talk, begins: tuple[str, str], ends: tuple[str, str], **ending: Any) -> None:
    """A whole transaction; what begins and what ends it are (trigger, charging state)."""
    await boot(talk)
    token = await talk.let_charge()
    await status(talk, "Occupied")
    said = await event(
        talk, "Started", begins[0], wh=1_000, token=token, info={"chargingState": begins[1]}, number=0
    )
    assert said["idTokenInfo"]["status"] == "Accepted"
    await event(
        talk, "Updated", "ChargingStateChanged", wh=1_500, info={"chargingState": "Charging"}, number=1
    )
    info = {"chargingState": ends[1], **ending.pop("info", {})}
    await event(talk, "Ended", ends[0], wh=3_000, info=info, number=2, **ending)
    await status(talk, "Available")
    newest = await talk.newest()
    assert (newest.status, newest.energy_wh) == (Status.CLOSED, 2_000)


@held("TC_A_01_CSMS", "TC_B_01_CSMS")
async def cold_boot(talk: Talk) -> None:
    said = await boot(talk)
    assert said["currentTime"].endswith("Z")
    await status(talk, "Available")
    assert "currentTime" in await talk.say("Heartbeat", {})


async def variables(talk: Talk, *names: str) -> None:
    await boot(talk)
    result = [
        {
            "attributeStatus": "Accepted",
            "attributeValue": "1",
            "component": {"name": "OCPPCommCtrlr"},
            "variable": {"name": name},
        }
        for name in names
    ]
    asked = [{"component": {"name": "OCPPCommCtrlr"}, "variable": {"name": name}} for name in names]
    order = ReadVariables(names=tuple(VariableName(name=name) for name in names))
    answer = await talk.told(order, "GetVariables", {"getVariableResult": result}, getVariableData=asked)
    assert answer.verdict is Verdict.ACCEPTED


@held("TC_B_06_CSMS")
async def one_variable(talk: Talk) -> None:
    await variables(talk, "HeartbeatInterval")


@held("TC_B_07_CSMS")
async def several_variables(talk: Talk) -> None:
    await variables(talk, "HeartbeatInterval", "OfflineThreshold")


async def set_variables(talk: Talk, said: str, verdict: Verdict, *names: str, value: str = "42") -> None:
    await boot(talk)
    result = [
        {
            "attributeStatus": said,
            "component": {"name": "OCPPCommCtrlr"},
            "variable": {"name": name},
        }
        for name in names
    ]
    asked = [
        {"attributeValue": value, "component": {"name": "OCPPCommCtrlr"}, "variable": {"name": name}}
        for name in names
    ]
    settings = tuple(VariableSetting(name=VariableName(name=name), value=value) for name in names)
    answer = await talk.told(
        WriteVariables(settings=settings),
        "SetVariables",
        {"setVariableResult": result},
        setVariableData=asked,
    )
    assert answer.verdict is verdict


@held("TC_B_09_CSMS")
async def set_one_variable(talk: Talk) -> None:
    await set_variables(talk, "Accepted", Verdict.ACCEPTED, "HeartbeatInterval")


@held("TC_B_10_CSMS")
async def set_several_variables(talk: Talk) -> None:
    await set_variables(talk, "Accepted", Verdict.ACCEPTED, "HeartbeatInterval", "OfflineThreshold")


@held("TC_A_09_CSMS")
async def new_password(talk: Talk) -> None:
    await set_variables(talk, "Accepted", Verdict.ACCEPTED, "BasicAuthPassword", value="0123456789abcdef0123")


@held("TC_A_10_CSMS")
async def new_password_is_refused(talk: Talk) -> None:
    await set_variables(talk, "Rejected", Verdict.REJECTED, "BasicAuthPassword", value="0123456789abcdef0123")


async def report(talk: Talk, scope: str, base: str) -> None:
    await boot(talk)
    order = ReadDeviceModel(request_id=9, scope=scope)
    answer = await talk.told(order, "GetBaseReport", {"status": "Accepted"}, requestId=9, reportBase=base)
    assert answer.verdict is Verdict.ACCEPTED
    for number, more in ((0, True), (1, False)):
        data = [
            {
                "component": {"name": "OCPPCommCtrlr"},
                "variable": {"name": "HeartbeatInterval"},
                "variableAttribute": [{"value": "300"}],
            }
        ]
        payload = {
            "requestId": 9,
            "generatedAt": talk.now(),
            "seqNo": number,
            "tbc": more,
            "reportData": data,
        }
        assert await talk.say("NotifyReport", payload) == {}


@held("TC_B_12_CSMS")
async def configuration_report(talk: Talk) -> None:
    await report(talk, "CONFIGURATION", "ConfigurationInventory")


@held("TC_B_13_CSMS")
async def full_report(talk: Talk) -> None:
    await report(talk, "FULL", "FullInventory")


async def reset(talk: Talk, kind: str, *, evse: int | None = None, running: bool = False) -> None:
    await boot(talk)
    if running:
        token = await talk.let_charge()
        await event(talk, "Started", "Authorized", wh=0, token=token, number=0)
    order = ResetStation(immediately=kind == "Immediate", evse_number=evse)
    said = "Scheduled" if running and kind == "OnIdle" else "Accepted"
    expected = {"type": kind} | ({} if evse is None else {"evseId": evse})
    answer = await talk.told(order, "Reset", {"status": said}, **expected)
    assert answer.verdict is (Verdict.SCHEDULED if said == "Scheduled" else Verdict.ACCEPTED)
    if running:
        why = "ImmediateReset" if kind == "Immediate" else "Local"
        await event(talk, "Ended", "ResetCommand", wh=100, number=1, info={"stoppedReason": why})
        assert (await talk.newest()).status is Status.CLOSED
    if evse is None:
        await boot(talk, "RemoteReset")
    await status(talk, "Available")


@held("TC_B_20_CSMS")
async def reset_when_idle(talk: Talk) -> None:
    await reset(talk, "OnIdle")


@held("TC_B_21_CSMS")
async def reset_when_idle_amid_a_transaction(talk: Talk) -> None:
    await reset(talk, "OnIdle", running=True)


@held("TC_B_22_CSMS")
async def reset_at_once_amid_a_transaction(talk: Talk) -> None:
    await reset(talk, "Immediate", running=True)


@held("TC_B_25_CSMS")
async def reset_of_an_evse(talk: Talk) -> None:
    await reset(talk, "OnIdle", evse=1)


@held("TC_B_26_CSMS")
async def reset_of_an_evse_when_idle_amid_a_transaction(talk: Talk) -> None:
    await reset(talk, "OnIdle", evse=1, running=True)


@held("TC_B_27_CSMS")
async def reset_of_an_evse_at_once_amid_a_transaction(talk: Talk) -> None:
    await reset(talk, "Immediate", evse=1, running=True)


async def network(talk: Talk, said: str, verdict: Verdict) -> None:
    await boot(talk)
    order = SetNetworkProfile(slot=1, url="wss://csms.example.org/ocpp", security_profile=2)
    answer = await talk.told(order, "SetNetworkProfile", {"status": said}, configurationSlot=1)
    assert answer.verdict is verdict


@held("TC_B_42_CSMS")
async def a_network_profile(talk: Talk) -> None:
    await network(talk, "Accepted", Verdict.ACCEPTED)


@held("TC_B_44_CSMS")
async def a_network_profile_that_fails(talk: Talk) -> None:
    await network(talk, "Failed", Verdict.REJECTED)


@held("TC_C_02_CSMS")
async def an_unknown_token(talk: Talk) -> None:
    await boot(talk)
    assert await authorize(talk, "NOBODY") in {"Invalid", "Unknown"}


@held("TC_C_07_CSMS")
async def an_expired_token(talk: Talk) -> None:
    await boot(talk)
    token = await talk.let_charge(expires_at=talk.site.clock.now() - timedelta(days=1))
    assert await authorize(talk, token) == "Expired"


@held("TC_C_08_CSMS")
async def from_the_cache(talk: Talk) -> None:
    await visit(talk, ("Authorized", "EVConnected"), ("StopAuthorized", "EVConnected"))


@held("TC_C_20_CSMS")
async def from_the_cache_and_no_longer_valid(talk: Talk) -> None:
    await boot(talk)
    said = await event(talk, "Started", "Authorized", wh=0, token="NOBODY", number=0)
    assert said["idTokenInfo"]["status"] in {"Invalid", "Unknown"}
    await event(talk, "Ended", "Deauthorized", wh=10, number=1, info={"stoppedReason": "DeAuthorized"})


async def cache(talk: Talk, said: str, verdict: Verdict) -> None:
    await boot(talk)
    answer = await talk.told(ClearTokenCache(), "ClearCache", {"status": said})
    assert answer.verdict is verdict


@held("TC_C_37_CSMS")
async def cache_is_cleared(talk: Talk) -> None:
    await cache(talk, "Accepted", Verdict.ACCEPTED)


@held("TC_C_38_CSMS")
async def cache_is_not_cleared(talk: Talk) -> None:
    await cache(talk, "Rejected", Verdict.REJECTED)


BEGINNINGS = {
    "TC_E_01_CSMS": ("ChargingStateChanged", "EVConnected"),  # PowerPathClosed
    "TC_E_02_CSMS": ("ChargingStateChanged", "Charging"),  # EnergyTransfer
    "TC_E_09_CSMS": ("CablePluggedIn", "EVConnected"),
    "TC_E_10_CSMS": ("Authorized", "EVConnected"),
    "TC_E_11_CSMS": ("SignedDataReceived", "EVConnected"),
    "TC_E_12_CSMS": ("EVDetected", "EVConnected"),  # ParkingBayOccupied
    "TC_E_38_CSMS": ("Authorized", "SuspendedEV"),  # EV not ready
}
ENDINGS = {
    "TC_E_07_CSMS": ("StopAuthorized", "EVConnected", "Local"),
    "TC_E_08_CSMS": ("StopAuthorized", "EVConnected", "Local"),
    "TC_E_14_CSMS": ("EVCommunicationLost", "Idle", "EVDisconnected"),
    "TC_E_15_CSMS": ("StopAuthorized", "EVConnected", "Local"),
    "TC_E_17_CSMS": ("EVCommunicationLost", "Idle", "EVDisconnected"),
    "TC_E_19_CSMS": ("EVDeparted", "Idle", "EVDisconnected"),
    "TC_E_20_CSMS": ("EVCommunicationLost", "Idle", "EVDisconnected"),
    "TC_E_22_CSMS": ("ChargingStateChanged", "SuspendedEV", "StoppedByEV"),
    "TC_E_39_CSMS": ("EVConnectTimeout", "Idle", "Timeout"),
}


async def begun(begins: tuple[str, str], talk: Talk) -> None:
    await visit(talk, begins, ("StopAuthorized", "EVConnected"))


async def ended(ends: tuple[str, str, str], talk: Talk) -> None:
    await visit(talk, ("Authorized", "EVConnected"), ends[:2], info={"stoppedReason": ends[2]})


for name, begins in BEGINNINGS.items():
    held(name)(partial(begun, begins))
for name, ends in ENDINGS.items():
    held(name)(partial(ended, ends))


@held("TC_E_03_CSMS")
async def plug_in_first(talk: Talk) -> None:
    await boot(talk)
    token = await talk.let_charge()
    await status(talk, "Occupied")
    await event(talk, "Started", "CablePluggedIn", wh=0, info={"chargingState": "EVConnected"}, number=0)
    assert await authorize(talk, token) == "Accepted"
    said = await event(talk, "Updated", "Authorized", token=token, number=1)
    assert said["idTokenInfo"]["status"] == "Accepted"
    newest = await talk.newest()
    assert newest.token is not None and newest.token.text == token


@held("TC_E_04_CSMS")
async def authorization_first(talk: Talk) -> None:
    await boot(talk)
    token = await talk.let_charge()
    assert await authorize(talk, token) == "Accepted"
    said = await event(talk, "Started", "Authorized", wh=0, token=token, number=0)
    assert said["idTokenInfo"]["status"] == "Accepted"
    await status(talk, "Occupied")
    await event(talk, "Updated", "CablePluggedIn", info={"chargingState": "EVConnected"}, number=1)


@held("TC_E_16_CSMS")
async def deauthorized(talk: Talk) -> None:
    await boot(talk)
    said = await event(talk, "Started", "Authorized", wh=0, token="NOBODY", number=0)
    assert said["idTokenInfo"]["status"] in {"Invalid", "Unknown"}
    await event(talk, "Ended", "Deauthorized", wh=0, number=1, info={"stoppedReason": "DeAuthorized"})


@held("TC_E_21_CSMS")
async def remote_stop(talk: Talk) -> None:
    await boot(talk)
    await event(talk, "Started", "Authorized", wh=0, token=await talk.let_charge(), number=0)
    running = await talk.newest()
    stopping = asyncio.create_task(order_stop(talk.site.ports, talk.site.owner, running.id))
    frame = await talk.called()
    assert (frame[2], frame[3]) == ("RequestStopTransaction", {"transactionId": REFERENCE})
    await talk.answer(frame, {"status": "Accepted"})
    assert (await stopping).status is Status.REMOTE_STOPPED
    await event(talk, "Ended", "RemoteStop", wh=500, number=1, info={"stoppedReason": "Remote"})
    assert (await talk.newest()).status is Status.CLOSED


@held("TC_E_26_CSMS")
async def the_cable_is_out_and_comes_back(talk: Talk) -> None:
    await boot(talk)
    await event(talk, "Started", "Authorized", wh=0, token=await talk.let_charge(), number=0)
    await event(talk, "Updated", "EVCommunicationLost", wh=100, info={"chargingState": "Idle"}, number=1)
    await event(talk, "Updated", "CablePluggedIn", wh=100, info={"chargingState": "EVConnected"}, number=2)
    assert (await talk.newest()).status is Status.ACTIVE


async def standing(talk: Talk, said: Json, reference: str | None) -> None:
    await boot(talk)
    order = ReadTransactionStanding(reference=reference)
    expected = {} if reference is None else {"transactionId": reference}
    answer = await talk.told(order, "GetTransactionStatus", said, **expected)
    assert answer.verdict is Verdict.ACCEPTED


STANDINGS: dict[str, tuple[Json, str | None]] = {
    "TC_E_29_CSMS": ({"ongoingIndicator": True, "messagesInQueue": True}, REFERENCE),
    "TC_E_30_CSMS": ({"ongoingIndicator": True, "messagesInQueue": False}, REFERENCE),
    "TC_E_31_CSMS": ({"ongoingIndicator": False, "messagesInQueue": True}, REFERENCE),
    "TC_E_33_CSMS": ({"messagesInQueue": True}, None),
    "TC_E_34_CSMS": ({"messagesInQueue": False}, None),
}


async def stands(row: tuple[Json, str | None], talk: Talk) -> None:
    await standing(talk, *row)


for name, row in STANDINGS.items():
    held(name)(partial(stands, row))


@held("TC_E_53_CSMS")
async def sequence_begins_at_nought(talk: Talk) -> None:
    await visit(talk, ("Authorized", "EVConnected"), ("StopAuthorized", "EVConnected"))


async def remote(talk: Talk, *, plugged: bool, asks: bool) -> None:
    await boot(talk)
    await status(talk, "Occupied" if plugged else "Available")
    ordered = await talk.order_start()
    frame = await talk.called()
    assert frame[2] == "RequestStartTransaction"
    await talk.answer(frame, {"status": "Accepted"})
    token = frame[3]["idToken"]["idToken"]
    if asks:
        assert await authorize(talk, token) == "Accepted"
    info = {"remoteStartId": frame[3]["remoteStartId"], "chargingState": "EVConnected"}
    await event(talk, "Started", "RemoteStart", wh=0, token=token, info=info, number=0)
    newest = await talk.newest()
    assert (newest.id, newest.status) == (ordered.id, Status.ACTIVE)


@held("TC_F_01_CSMS")
async def remote_start_with_the_cable_in(talk: Talk) -> None:
    await remote(talk, plugged=True, asks=False)


@held("TC_F_02_CSMS")
async def remote_start_first_and_asked(talk: Talk) -> None:
    await remote(talk, plugged=False, asks=True)


@held("TC_F_03_CSMS")
async def remote_start_first(talk: Talk) -> None:
    await remote(talk, plugged=False, asks=False)


@held("TC_F_04_CSMS")
async def remote_start_and_nobody_came(talk: Talk) -> None:
    await boot(talk)
    await talk.order_start()
    await talk.answer(await talk.called(), {"status": "Accepted"})
    await status(talk, "Available")
    assert (await talk.newest()).status is not Status.ACTIVE


@held("TC_F_06_CSMS")
async def unlock(talk: Talk) -> None:
    await boot(talk)
    order = UnlockConnector(evse_number=1, connector_number=1)
    answer = await talk.told(order, "UnlockConnector", {"status": "Unlocked"}, evseId=1, connectorId=1)
    assert answer.verdict is Verdict.ACCEPTED


async def triggered(row: tuple[Wanted, str, int | None, str], talk: Talk) -> None:
    wanted, message, evse, said = row
    await boot(talk)
    order = TriggerReport(wanted=wanted, evse_number=evse)
    expected: Json = {"requestedMessage": message} | ({} if evse is None else {"evse": {"id": evse}})
    answer = await talk.told(order, "TriggerMessage", {"status": said}, **expected)
    verdict = Verdict.ACCEPTED if said == "Accepted" else Verdict.NOT_SUPPORTED
    assert answer.verdict is verdict


TRIGGERS: dict[str, tuple[Wanted, str, int | None, str]] = {
    "TC_F_11_CSMS": (Wanted.METER, "MeterValues", 1, "Accepted"),
    "TC_F_12_CSMS": (Wanted.METER, "MeterValues", None, "Accepted"),
    "TC_F_13_CSMS": (Wanted.TRANSACTION, "TransactionEvent", 1, "Accepted"),
    "TC_F_14_CSMS": (Wanted.TRANSACTION, "TransactionEvent", None, "Accepted"),
    "TC_F_15_CSMS": (Wanted.LOG_STATUS, "LogStatusNotification", None, "Accepted"),
    "TC_F_18_CSMS": (Wanted.FIRMWARE_STATUS, "FirmwareStatusNotification", None, "Accepted"),
    "TC_F_20_CSMS": (Wanted.HEARTBEAT, "Heartbeat", None, "Accepted"),
    "TC_F_23_CSMS": (Wanted.STATUS, "StatusNotification", 1, "Accepted"),
    "TC_F_24_CSMS": (Wanted.STATUS, "StatusNotification", 1, "Accepted"),
    "TC_F_27_CSMS": (Wanted.BOOT, "BootNotification", None, "NotImplemented"),
}
for name, trigger in TRIGGERS.items():
    held(name)(partial(triggered, trigger))


async def availability(row: tuple[bool, int, int | None, str], talk: Talk) -> None:
    operative, evse, connector, said = row
    await boot(talk)
    if said == "Scheduled":
        await event(talk, "Started", "Authorized", wh=0, token=await talk.let_charge(), number=0)
    order = ChangeAvailability(operative=operative, evse_number=evse, connector_number=connector)
    expected: Json = {"operationalStatus": "Operative" if operative else "Inoperative"}
    if evse:
        expected["evse"] = {"id": evse} | ({} if connector is None else {"connectorId": connector})
    answer = await talk.told(order, "ChangeAvailability", {"status": said}, **expected)
    assert answer.verdict is (Verdict.SCHEDULED if said == "Scheduled" else Verdict.ACCEPTED)
    await status(talk, "Available" if operative else "Unavailable")


AVAILABILITIES: dict[str, tuple[bool, int, int | None, str]] = {
    "TC_G_03_CSMS": (False, 1, None, "Accepted"),
    "TC_G_04_CSMS": (True, 1, None, "Accepted"),
    "TC_G_05_CSMS": (False, 0, None, "Accepted"),
    "TC_G_06_CSMS": (True, 0, None, "Accepted"),
    "TC_G_07_CSMS": (False, 1, 1, "Accepted"),
    "TC_G_08_CSMS": (True, 1, 1, "Accepted"),
    "TC_G_11_CSMS": (False, 1, None, "Scheduled"),
    "TC_G_14_CSMS": (False, 0, None, "Scheduled"),
    "TC_G_17_CSMS": (False, 1, 1, "Scheduled"),
}
for name, change in AVAILABILITIES.items():
    held(name)(partial(availability, change))


@held("TC_G_20_CSMS")
async def a_lock_that_fails(talk: Talk) -> None:
    await boot(talk)
    problem = {
        "eventId": 1,
        "timestamp": talk.now(),
        "trigger": "Alerting",
        "actualValue": "true",
        "eventNotificationType": "HardWiredNotification",
        "component": {"name": "ConnectorPlugRetentionLock", "evse": {"id": 1, "connectorId": 1}},
        "variable": {"name": "Problem"},
    }
    payload = {"generatedAt": talk.now(), "seqNo": 0, "eventData": [problem]}
    assert await talk.say("NotifyEvent", payload) == {}


@held("TC_J_01_CSMS")
async def aligned_values_without_a_transaction(talk: Talk) -> None:
    await boot(talk)
    sample = {"value": 1_000, "context": "Sample.Clock", "measurand": "Energy.Active.Import.Register"}
    payload = {"evseId": 1, "meterValue": [{"timestamp": talk.now(), "sampledValue": [sample]}]}
    assert await talk.say("MeterValues", payload) == {}


async def metered(row: tuple[str, Json], talk: Talk) -> None:
    """A transaction with values of that context in each of its events, and the energy that comes of them."""
    context, more = row
    await boot(talk)
    token = await talk.let_charge()
    for number, (kind, why, wh) in enumerate(
        (
            ("Started", "Authorized", 1_000),
            ("Updated", "MeterValueClock", 1_900),
            ("Ended", "StopAuthorized", 2_500),
        )
    ):
        await event(
            talk,
            kind,
            why,
            number=number,
            minutes=10,
            token=token if number == 0 else None,
            wh=wh,
            sampled={"context": context, **more},
        )
    assert (await talk.newest()).energy_wh == 1_500


_SIGNED = {
    "signedMeterValue": {
        "signedMeterData": "AA==",
        "signingMethod": "ECDSA",
        "encodingMethod": "OCMF",
        "publicKey": "",
    }
}
METERED: dict[str, tuple[str, Json]] = {
    "TC_J_02_CSMS": ("Sample.Clock", {}),
    "TC_J_03_CSMS": ("Sample.Clock", {}),
    "TC_J_04_CSMS": ("Sample.Clock", _SIGNED),
    "TC_J_07_CSMS": ("Transaction.Begin", {}),
    "TC_J_09_CSMS": ("Sample.Periodic", {}),
    "TC_J_10_CSMS": ("Transaction.End", {}),
    "TC_J_11_CSMS": ("Sample.Periodic", _SIGNED),
}
for name, sampled in METERED.items():
    held(name)(partial(metered, sampled))


async def firmware(words: tuple[str, ...], talk: Talk) -> None:
    await boot(talk)
    order = UpdateFirmware(
        request_id=3,
        location="https://example.org/fw",
        retrieve_at=talk.site.clock.now(),
        certificate="PEM",
        signature="c2ln",
    )
    answer = await talk.told(order, "UpdateFirmware", {"status": "Accepted"}, requestId=3)
    assert answer.verdict is Verdict.ACCEPTED
    for word in words:
        assert await talk.say("FirmwareStatusNotification", {"status": word, "requestId": 3}) == {}


FIRMWARE = {
    "TC_L_01_CSMS": ("Downloading", "Downloaded", "SignatureVerified", "Installing", "Installed"),
    "TC_L_02_CSMS": ("Downloading", "Downloaded", "InstallScheduled", "Installing", "Installed"),
    "TC_L_03_CSMS": ("DownloadScheduled", "Downloading", "Downloaded", "Installing", "Installed"),
    "TC_L_06_CSMS": ("Downloading", "Downloaded", "InvalidSignature"),
    "TC_L_07_CSMS": ("Downloading", "DownloadFailed"),
    "TC_L_08_CSMS": ("Downloading", "Downloaded", "Installing", "InstallVerificationFailed"),
    "TC_L_09_CSMS": ("Downloading", "Downloaded", "Installing", "InstallationFailed"),
}
for name, words in FIRMWARE.items():
    held(name)(partial(firmware, words))


async def firmware_answered(said: str, talk: Talk) -> None:
    await boot(talk)
    order = UpdateFirmware(request_id=3, location="https://e.org/f", retrieve_at=talk.site.clock.now())
    answer = await talk.told(order, "UpdateFirmware", {"status": said}, requestId=3)
    assert (answer.said, answer.verdict is Verdict.ACCEPTED) == (said, said == "AcceptedCanceled")


for name, said in (
    ("TC_L_04_CSMS", "RevokedCertificate"),
    ("TC_L_05_CSMS", "InvalidCertificate"),
    ("TC_L_10_CSMS", "AcceptedCanceled"),
    ("TC_L_11_CSMS", "Rejected"),
):
    held(name)(partial(firmware_answered, said))


async def root(row: tuple[RootKind, str, str], talk: Talk) -> None:
    kind, word, said = row
    await boot(talk)
    order = InstallRoot(kind=kind, certificate="PEM")
    answer = await talk.told(order, "InstallCertificate", {"status": said}, certificateType=word)
    assert answer.verdict is (Verdict.ACCEPTED if said == "Accepted" else Verdict.REJECTED)


for name, install in (
    ("TC_M_01_CSMS", (RootKind.CSMS, "CSMSRootCertificate", "Accepted")),
    ("TC_M_02_CSMS", (RootKind.MANUFACTURER, "ManufacturerRootCertificate", "Accepted")),
    ("TC_M_05_CSMS", (RootKind.CSMS, "CSMSRootCertificate", "Failed")),
):
    held(name)(partial(root, install))

_HASH = {"hashAlgorithm": "SHA256", "issuerNameHash": "a", "issuerKeyHash": "b", "serialNumber": "c"}


@held("TC_M_13_CSMS", "TC_M_18_CSMS")
async def certificates_are_read(talk: Talk) -> None:
    await boot(talk)
    chain = [{"certificateType": "ManufacturerRootCertificate", "certificateHashData": _HASH}]
    said = {"status": "Accepted", "certificateHashDataChain": chain}
    for kinds in ((RootKind.MANUFACTURER,), ()):
        answer = await talk.told(ReadCertificates(kinds=kinds), "GetInstalledCertificateIds", said)
        assert answer.verdict is Verdict.ACCEPTED


@held("TC_M_19_CSMS")
async def no_certificate_is_found(talk: Talk) -> None:
    await boot(talk)
    order = ReadCertificates(kinds=(RootKind.MANUFACTURER,))
    answer = await talk.told(order, "GetInstalledCertificateIds", {"status": "NotFound"})
    assert answer.said == "NotFound"


async def removed(said: str, talk: Talk) -> None:
    await boot(talk)
    named = CertificateHash(algorithm="SHA256", issuer_name_hash="a", issuer_key_hash="b", serial_number="c")
    order = RemoveCertificate(hash=named)
    answer = await talk.told(order, "DeleteCertificate", {"status": said}, certificateHashData=_HASH)
    assert (answer.verdict is Verdict.ACCEPTED) == (said == "Accepted")


for name, said in (("TC_M_20_CSMS", "Accepted"), ("TC_M_21_CSMS", "Failed")):
    held(name)(partial(removed, said))


async def log(row: tuple[bool, str], talk: Talk) -> None:
    security, said = row
    await boot(talk)
    order = FetchLog(request_id=4, location="https://example.org/log", security=security)
    kind = "SecurityLog" if security else "DiagnosticsLog"
    answer = await talk.told(order, "GetLog", {"status": said}, logType=kind, requestId=4)
    assert (answer.verdict is Verdict.REJECTED) == (said == "Rejected")
    if said != "Rejected":
        for word in ("Uploading", "Uploaded"):
            assert await talk.say("LogStatusNotification", {"status": word, "requestId": 4}) == {}


for name, fetched in (
    ("TC_N_25_CSMS", (False, "Accepted")),
    ("TC_N_34_CSMS", (False, "Rejected")),
    ("TC_N_35_CSMS", (True, "Accepted")),
    ("TC_N_36_CSMS", (False, "AcceptedCanceled")),
):
    held(name)(partial(log, fetched))


async def customer(row: tuple[bool, bool, str, str | None], talk: Talk) -> None:
    report_it, clear, said, data = row
    await boot(talk)
    order: StationOrder = ReadCustomerInformation(
        request_id=5, report=report_it, clear=clear, token=IdToken("CARD-1")
    )
    answer = await talk.told(
        order, "CustomerInformation", {"status": said}, requestId=5, report=report_it, clear=clear
    )
    assert (answer.verdict is Verdict.ACCEPTED) == (said == "Accepted")
    if data is not None:
        payload = {"requestId": 5, "data": data, "seqNo": 0, "generatedAt": talk.now(), "tbc": False}
        assert await talk.say("NotifyCustomerInformation", payload) == {}


for name, known in (
    ("TC_N_27_CSMS", (True, False, "Accepted", "CARD-1")),
    ("TC_N_28_CSMS", (True, False, "Accepted", "none")),
    ("TC_N_29_CSMS", (True, False, "Rejected", None)),
    ("TC_N_30_CSMS", (True, True, "Accepted", "CARD-1")),
    ("TC_N_31_CSMS", (True, True, "Accepted", "none")),
    ("TC_N_32_CSMS", (False, True, "Accepted", None)),
):
    held(name)(partial(customer, known))


@held("TC_P_02_CSMS")
async def data_of_a_vendor(talk: Talk) -> None:
    await boot(talk)
    said = await talk.say("DataTransfer", {"vendorId": "com.example", "messageId": "m", "data": "d"})
    assert said["status"] in {"Accepted", "Rejected", "UnknownMessageId", "UnknownVendorId"}


@held("TC_P_03_CSMS")
async def custom_data(talk: Talk) -> None:
    custom = {"vendorId": "com.example", "anything": [1, {"a": None}]}
    await boot(talk)
    payload = {"customData": custom}
    assert "currentTime" in await talk.say("Heartbeat", payload)
