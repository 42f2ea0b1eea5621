"""Orders → OCPP 1.6 calls."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import assert_never

from dwell.domain.instants import write_instant
from dwell.domain.station import orders
from dwell.domain.station.equipment import IdToken
from dwell.domain.station.orders import RootKind, StationOrder, Wanted
from dwell.domain.station.profile import ChargingProfile, Purpose
from dwell.protocols.ocpp.translation import OrderCall, not_expressible, present
from dwell.protocols.ocpp.v16.reports import tag_info

_PURPOSES = {
    Purpose.TRANSACTION: "TxProfile",
    Purpose.DEFAULT: "TxDefaultProfile",
    Purpose.STATION_MAX: "ChargePointMaxProfile",
}
_TRIGGERS = {
    Wanted.BOOT: ("TriggerMessage", "BootNotification"),
    Wanted.HEARTBEAT: ("TriggerMessage", "Heartbeat"),
    Wanted.STATUS: ("TriggerMessage", "StatusNotification"),
    Wanted.METER: ("TriggerMessage", "MeterValues"),
    Wanted.FIRMWARE_STATUS: ("TriggerMessage", "FirmwareStatusNotification"),
    Wanted.LOG_STATUS: ("ExtendedTriggerMessage", "LogStatusNotification"),
    Wanted.STATION_CERTIFICATE: ("ExtendedTriggerMessage", "SignChargePointCertificate"),
}
ROOTS = {
    RootKind.CSMS: "CentralSystemRootCertificate",
    RootKind.MANUFACTURER: "ManufacturerRootCertificate",
}
TAG_LENGTH_AT_MOST = 20


def write_order(order: StationOrder) -> OrderCall:
    """The call. Raises Refused (code NOT_EXPRESSIBLE) for what OCPP 1.6 cannot say."""
    write: Callable[..., OrderCall] | None = _WRITERS.get(type(order))
    if write is None:
        raise not_expressible(f"OCPP 1.6 has no {type(order).__name__}")
    return write(order)


def _start(order: orders.StartCharging) -> OrderCall:
    profile = None if order.profile is None else _profile(order.profile)
    return _call(
        "RemoteStartTransaction",
        connectorId=order.evse_number,
        idTag=_tag(order.token),
        chargingProfile=profile,
    )


def _stop(order: orders.StopCharging) -> OrderCall:
    return _call("RemoteStopTransaction", transactionId=_number(order.reference))


def _set_profile(order: orders.SetProfile) -> OrderCall:
    profile = _profile(order.profile)
    if order.profile.purpose is Purpose.TRANSACTION and not order.evse_number:
        raise not_expressible("a transaction's profile needs its connector")
    if order.profile.purpose is Purpose.STATION_MAX and order.evse_number:
        raise not_expressible("a station's profile is set on connector 0")
    return _call("SetChargingProfile", connectorId=order.evse_number, csChargingProfiles=profile)


def _profile(profile: ChargingProfile) -> dict[str, object]:
    reference = profile.transaction_reference
    return present(
        chargingProfileId=profile.id,
        transactionId=None if reference is None else _number(reference),
        stackLevel=profile.stack_level,
        chargingProfilePurpose=_PURPOSES[profile.purpose],
        chargingProfileKind="Absolute",
        validFrom=_instant(profile.valid_from),
        validTo=_instant(profile.valid_until),
        chargingSchedule=present(
            duration=profile.duration_s,
            startSchedule=write_instant(profile.start_at),
            chargingRateUnit=profile.unit.value,
            chargingSchedulePeriod=[
                present(startPeriod=one.start_s, limit=round(float(one.limit), 1), numberPhases=one.phases)
                for one in profile.periods
            ],
            minChargingRate=None if profile.min_rate is None else round(float(profile.min_rate), 1),
        ),
    )


def _clear_profiles(order: orders.ClearProfiles) -> OrderCall:
    return _call(
        "ClearChargingProfile",
        id=order.profile_id,
        connectorId=order.evse_number,
        chargingProfilePurpose=None if order.purpose is None else _PURPOSES[order.purpose],
        stackLevel=order.stack_level,
    )


def _schedule(order: orders.ReadSchedule) -> OrderCall:
    unit = None if order.unit is None else order.unit.value
    return _call(
        "GetCompositeSchedule",
        connectorId=order.evse_number,
        duration=order.duration_s,
        chargingRateUnit=unit,
    )


def _read_variables(order: orders.ReadVariables) -> OrderCall:
    return _call("GetConfiguration", key=[_key(one.name) for one in order.names] or None)


def _write_variables(order: orders.WriteVariables) -> OrderCall:
    if len(order.settings) != 1:
        raise not_expressible("OCPP 1.6 sets one variable at a time")
    [setting] = order.settings
    if len(setting.value) > 500:
        raise not_expressible("OCPP 1.6 values have at most 500 characters")
    return _call("ChangeConfiguration", key=_key(setting.name.name), value=setting.value)


def _trigger(order: orders.TriggerReport) -> OrderCall:
    if order.wanted not in _TRIGGERS:
        raise not_expressible(f"OCPP 1.6 stations cannot be asked for {order.wanted}")
    action, message = _TRIGGERS[order.wanted]
    return _call(action, requestedMessage=message, connectorId=order.evse_number or None)


def _reset(order: orders.ResetStation) -> OrderCall:
    if order.evse_number is not None:
        raise not_expressible("OCPP 1.6 resets the whole station only")
    return _call("Reset", type="Hard" if order.immediately else "Soft")


def _availability(order: orders.ChangeAvailability) -> OrderCall:
    kind = "Operative" if order.operative else "Inoperative"
    return _call("ChangeAvailability", connectorId=order.evse_number, type=kind)


def _token_list(order: orders.SendTokenList) -> OrderCall:
    entries = [
        present(idTag=_tag(one.token), idTagInfo=None if one.verdict is None else tag_info(one.verdict))
        for one in order.entries
    ]
    return _call(
        "SendLocalList",
        listVersion=order.version,
        updateType="Full" if order.replace else "Differential",
        localAuthorizationList=entries or None,
    )


def _reserve(order: orders.ReserveEvse) -> OrderCall:
    return _call(
        "ReserveNow",
        connectorId=order.evse_number or 0,
        expiryDate=write_instant(order.expires_at),
        idTag=_tag(order.token),
        parentIdTag=None if order.group is None else _tag(order.group),
        reservationId=order.reservation_id,
    )


def _firmware(order: orders.UpdateFirmware) -> OrderCall:
    if order.certificate is None or order.signature is None:
        return _call(
            "UpdateFirmware",
            location=order.location,
            retrieveDate=write_instant(order.retrieve_at),
            retries=order.retries,
            retryInterval=order.retry_interval_s,
        )
    firmware = present(
        location=order.location,
        retrieveDateTime=write_instant(order.retrieve_at),
        installDateTime=_instant(order.install_at),
        signingCertificate=order.certificate,
        signature=order.signature,
    )
    return _call(
        "SignedUpdateFirmware",
        requestId=order.request_id,
        firmware=firmware,
        retries=order.retries,
        retryInterval=order.retry_interval_s,
    )


def _log(order: orders.FetchLog) -> OrderCall:
    oldest, latest = _instant(order.oldest_at), _instant(order.latest_at)
    repeats = present(retries=order.retries, retryInterval=order.retry_interval_s)
    if not order.security:
        return _call("GetDiagnostics", location=order.location, startTime=oldest, stopTime=latest, **repeats)
    log = present(remoteLocation=order.location, oldestTimestamp=oldest, latestTimestamp=latest)
    return _call("GetLog", log=log, logType="SecurityLog", requestId=order.request_id, **repeats)


def _install(order: orders.InstallRoot) -> OrderCall:
    return _call("InstallCertificate", certificateType=_root(order.kind), certificate=order.certificate)


def _remove(order: orders.RemoveCertificate) -> OrderCall:
    named = order.hash
    data = {
        "hashAlgorithm": named.algorithm,
        "issuerNameHash": named.issuer_name_hash,
        "issuerKeyHash": named.issuer_key_hash,
        "serialNumber": named.serial_number,
    }
    return _call("DeleteCertificate", certificateHashData=data)


def _certificates(order: orders.ReadCertificates) -> OrderCall:
    if len(order.kinds) != 1:
        raise not_expressible("OCPP 1.6 lists certificates of one kind at a time")
    return _call("GetInstalledCertificateIds", certificateType=_root(order.kinds[0]))


def _call(action: str, **members: object) -> OrderCall:
    return OrderCall(action, present(**members))


def _instant(at: datetime | None) -> str | None:
    return None if at is None else write_instant(at)


def _tag(token: IdToken) -> str:
    if not 0 < len(token.text) <= TAG_LENGTH_AT_MOST:
        raise not_expressible(f"OCPP 1.6 tokens have 1 to {TAG_LENGTH_AT_MOST} characters")
    return token.text


def _key(name: str) -> str:
    if not 0 < len(name) <= 50:
        raise not_expressible("OCPP 1.6 keys have 1 to 50 characters")
    return name


def _number(reference: str) -> int:
    try:
        return int(reference)
    except ValueError:
        raise not_expressible("OCPP 1.6 transactions have numbers") from None


def _root(kind: RootKind) -> str:
    match kind:
        case RootKind.CSMS | RootKind.MANUFACTURER:
            return ROOTS[kind]
        case RootKind.MOBILITY_OPERATOR | RootKind.V2G:
            raise not_expressible("OCPP 1.6 knows the central system's and the manufacturer's roots")
        case _:
            assert_never(kind)


_WRITERS: dict[type, Callable[..., OrderCall]] = {
    orders.StartCharging: _start,
    orders.StopCharging: _stop,
    orders.SetProfile: _set_profile,
    orders.ClearProfiles: _clear_profiles,
    orders.ReadSchedule: _schedule,
    orders.ReadVariables: _read_variables,
    orders.WriteVariables: _write_variables,
    orders.TriggerReport: _trigger,
    orders.ResetStation: _reset,
    orders.ChangeAvailability: _availability,
    orders.UnlockConnector: lambda order: _call("UnlockConnector", connectorId=order.evse_number),
    orders.ClearTokenCache: lambda order: _call("ClearCache"),
    orders.ReadTokenListVersion: lambda order: _call("GetLocalListVersion"),
    orders.SendTokenList: _token_list,
    orders.ReserveEvse: _reserve,
    orders.CancelReservation: lambda order: _call("CancelReservation", reservationId=order.reservation_id),
    orders.UpdateFirmware: _firmware,
    orders.FetchLog: _log,
    orders.InstallRoot: _install,
    orders.RemoveCertificate: _remove,
    orders.ReadCertificates: _certificates,
    orders.DeliverCertificate: lambda order: _call("CertificateSigned", certificateChain=order.chain),
    orders.SendData: lambda order: _call(
        "DataTransfer", vendorId=order.vendor_id, messageId=order.message_id, data=order.data
    ),
}
