"""Orders → OCPP 2.0.1 calls."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from dwell.domain.instants import write_instant
from dwell.domain.station import orders
from dwell.domain.station.orders import RootKind, StationOrder, VariableName, Wanted
from dwell.domain.station.profile import ChargingProfile, Purpose
from dwell.protocols.ocpp.translation import OrderCall, not_expressible, present
from dwell.protocols.ocpp.v201.tokens import token_info, token_member

_PURPOSES = {
    Purpose.TRANSACTION: "TxProfile",
    Purpose.DEFAULT: "TxDefaultProfile",
    Purpose.STATION_MAX: "ChargingStationMaxProfile",
}
_TRIGGERS = {
    Wanted.BOOT: "BootNotification",
    Wanted.HEARTBEAT: "Heartbeat",
    Wanted.STATUS: "StatusNotification",
    Wanted.METER: "MeterValues",
    Wanted.TRANSACTION: "TransactionEvent",
    Wanted.FIRMWARE_STATUS: "FirmwareStatusNotification",
    Wanted.LOG_STATUS: "LogStatusNotification",
    Wanted.STATION_CERTIFICATE: "SignChargingStationCertificate",
}
_ROOTS = {
    RootKind.CSMS: "CSMSRootCertificate",
    RootKind.MANUFACTURER: "ManufacturerRootCertificate",
    RootKind.MOBILITY_OPERATOR: "MORootCertificate",
    RootKind.V2G: "V2GRootCertificate",
}
_SCOPES = {"FULL": "FullInventory", "CONFIGURATION": "ConfigurationInventory", "SUMMARY": "SummaryInventory"}


def write_order(order: StationOrder) -> OrderCall:
    """The call. Raises Refused (code NOT_EXPRESSIBLE) for what does not fit into it."""
    return _WRITERS[type(order)](order)


def _start(order: orders.StartCharging) -> OrderCall:
    return _call(
        "RequestStartTransaction",
        evseId=order.evse_number,
        idToken=token_member(order.token),
        remoteStartId=order.remote_start_id,
        chargingProfile=None if order.profile is None else _profile(order.profile),
    )


def _stop(order: orders.StopCharging) -> OrderCall:
    return _call("RequestStopTransaction", transactionId=_reference(order.reference))


def _set_profile(order: orders.SetProfile) -> OrderCall:
    profile = order.profile
    if profile.purpose is Purpose.TRANSACTION and (
        not order.evse_number or profile.transaction_reference is None
    ):
        raise not_expressible("a transaction's profile needs its EVSE and its transaction")
    if profile.purpose is Purpose.STATION_MAX and order.evse_number:
        raise not_expressible("a station's profile is set on EVSE 0")
    return _call("SetChargingProfile", evseId=order.evse_number, chargingProfile=_profile(profile))


def _profile(profile: ChargingProfile) -> dict[str, object]:
    reference = profile.transaction_reference
    schedule = present(
        id=profile.id,
        startSchedule=write_instant(profile.start_at),
        duration=profile.duration_s,
        chargingRateUnit=profile.unit.value,
        chargingSchedulePeriod=[
            present(startPeriod=one.start_s, limit=round(float(one.limit), 1), numberPhases=one.phases)
            for one in profile.periods
        ],
        minChargingRate=None if profile.min_rate is None else round(float(profile.min_rate), 1),
    )
    return present(
        id=profile.id,
        stackLevel=profile.stack_level,
        chargingProfilePurpose=_PURPOSES[profile.purpose],
        chargingProfileKind="Absolute",
        validFrom=_instant(profile.valid_from),
        validTo=_instant(profile.valid_until),
        chargingSchedule=[schedule],
        transactionId=None if reference is None else _reference(reference),
    )


def _clear_profiles(order: orders.ClearProfiles) -> OrderCall:
    criteria = present(
        evseId=order.evse_number,
        chargingProfilePurpose=None if order.purpose is None else _PURPOSES[order.purpose],
        stackLevel=order.stack_level,
    )
    return _call(
        "ClearChargingProfile",
        chargingProfileId=order.profile_id,
        chargingProfileCriteria=criteria or None,
    )


def _schedule(order: orders.ReadSchedule) -> OrderCall:
    unit = None if order.unit is None else order.unit.value
    return _call(
        "GetCompositeSchedule", evseId=order.evse_number, duration=order.duration_s, chargingRateUnit=unit
    )


def _read_variables(order: orders.ReadVariables) -> OrderCall:
    if not order.names:
        raise not_expressible("OCPP 2.0.1 reads variables by name; all of them come with ReadDeviceModel")
    return _call("GetVariables", getVariableData=[_variable(one) for one in order.names])


def _write_variables(order: orders.WriteVariables) -> OrderCall:
    if not order.settings or any(len(one.value) > 1_000 for one in order.settings):
        raise not_expressible("OCPP 2.0.1 sets at least one variable, of at most 1000 characters")
    data = [{**_variable(one.name), "attributeValue": one.value} for one in order.settings]
    return _call("SetVariables", setVariableData=data)


def _variable(name: VariableName) -> dict[str, object]:
    if not 0 < len(name.name) <= 50 or not 0 < len(name.component) <= 50:
        raise not_expressible("names of variables and components have 1 to 50 characters")
    evse = None if name.evse_number is None else {"id": name.evse_number}
    return present(
        attributeType=None if name.attribute == "Actual" else name.attribute,
        component=present(name=name.component, instance=name.component_instance, evse=evse),
        variable=present(name=name.name, instance=name.instance),
    )


def _trigger(order: orders.TriggerReport) -> OrderCall:
    return _call(
        "TriggerMessage",
        requestedMessage=_TRIGGERS[order.wanted],
        evse=_evse(order.evse_number, order.connector_number),
    )


def _reset(order: orders.ResetStation) -> OrderCall:
    return _call("Reset", type="Immediate" if order.immediately else "OnIdle", evseId=order.evse_number)


def _availability(order: orders.ChangeAvailability) -> OrderCall:
    return _call(
        "ChangeAvailability",
        operationalStatus="Operative" if order.operative else "Inoperative",
        evse=_evse(order.evse_number, order.connector_number),
    )


def _token_list(order: orders.SendTokenList) -> OrderCall:
    entries = [
        present(
            idToken=token_member(one.token),
            idTokenInfo=None if one.verdict is None else token_info(one.verdict),
        )
        for one in order.entries
    ]
    return _call(
        "SendLocalList",
        versionNumber=order.version,
        updateType="Full" if order.replace else "Differential",
        localAuthorizationList=entries or None,
    )


def _reserve(order: orders.ReserveEvse) -> OrderCall:
    return _call(
        "ReserveNow",
        id=order.reservation_id,
        expiryDateTime=write_instant(order.expires_at),
        idToken=token_member(order.token),
        evseId=order.evse_number,
        groupIdToken=None if order.group is None else token_member(order.group),
    )


def _firmware(order: orders.UpdateFirmware) -> OrderCall:
    firmware = present(
        location=order.location,
        retrieveDateTime=write_instant(order.retrieve_at),
        installDateTime=_instant(order.install_at),
        signingCertificate=order.certificate,
        signature=order.signature,
    )
    return _call(
        "UpdateFirmware",
        requestId=order.request_id,
        firmware=firmware,
        retries=order.retries,
        retryInterval=order.retry_interval_s,
    )


def _log(order: orders.FetchLog) -> OrderCall:
    log = present(
        remoteLocation=order.location,
        oldestTimestamp=_instant(order.oldest_at),
        latestTimestamp=_instant(order.latest_at),
    )
    return _call(
        "GetLog",
        log=log,
        logType="SecurityLog" if order.security else "DiagnosticsLog",
        requestId=order.request_id,
        retries=order.retries,
        retryInterval=order.retry_interval_s,
    )


def _remove(order: orders.RemoveCertificate) -> OrderCall:
    named = order.hash
    data = {
        "hashAlgorithm": named.algorithm,
        "issuerNameHash": named.issuer_name_hash,
        "issuerKeyHash": named.issuer_key_hash,
        "serialNumber": named.serial_number,
    }
    return _call("DeleteCertificate", certificateHashData=data)


def _network(order: orders.SetNetworkProfile) -> OrderCall:
    data = {
        "ocppVersion": "OCPP20",
        "ocppTransport": "JSON",
        "ocppCsmsUrl": order.url,
        "messageTimeout": order.message_timeout_s,
        "securityProfile": order.security_profile,
        "ocppInterface": order.interface,
    }
    return _call("SetNetworkProfile", configurationSlot=order.slot, connectionData=data)


def _customer(order: orders.ReadCustomerInformation) -> OrderCall:
    return _call(
        "CustomerInformation",
        requestId=order.request_id,
        report=order.report,
        clear=order.clear,
        idToken=None if order.token is None else token_member(order.token),
        customerIdentifier=order.customer,
    )


def _call(action: str, **members: object) -> OrderCall:
    return OrderCall(action, present(**members))


def _instant(at: datetime | None) -> str | None:
    return None if at is None else write_instant(at)


def _evse(number: int | None, connector_number: int | None) -> dict[str, object] | None:
    """An EVSEType; None for the station as a whole."""
    return present(id=number, connectorId=connector_number) if number else None


def _reference(reference: str) -> str:
    if not 0 < len(reference) <= 36:
        raise not_expressible("OCPP 2.0.1 transactions have names of 1 to 36 characters")
    return reference


_WRITERS: dict[type, Callable[..., OrderCall]] = {
    orders.StartCharging: _start,
    orders.StopCharging: _stop,
    orders.SetProfile: _set_profile,
    orders.ClearProfiles: _clear_profiles,
    orders.ReadSchedule: _schedule,
    orders.ReadVariables: _read_variables,
    orders.WriteVariables: _write_variables,
    orders.ReadDeviceModel: lambda order: _call(
        "GetBaseReport", requestId=order.request_id, reportBase=_SCOPES[order.scope]
    ),
    orders.TriggerReport: _trigger,
    orders.ResetStation: _reset,
    orders.ChangeAvailability: _availability,
    orders.UnlockConnector: lambda order: _call(
        "UnlockConnector", evseId=order.evse_number, connectorId=order.connector_number
    ),
    orders.ClearTokenCache: lambda order: _call("ClearCache"),
    orders.ReadTokenListVersion: lambda order: _call("GetLocalListVersion"),
    orders.SendTokenList: _token_list,
    orders.ReserveEvse: _reserve,
    orders.CancelReservation: lambda order: _call("CancelReservation", reservationId=order.reservation_id),
    orders.UpdateFirmware: _firmware,
    orders.FetchLog: _log,
    orders.InstallRoot: lambda order: _call(
        "InstallCertificate", certificateType=_ROOTS[order.kind], certificate=order.certificate
    ),
    orders.RemoveCertificate: _remove,
    orders.ReadCertificates: lambda order: _call(
        "GetInstalledCertificateIds", certificateType=[_ROOTS[kind] for kind in order.kinds] or None
    ),
    orders.DeliverCertificate: lambda order: _call(
        "CertificateSigned", certificateChain=order.chain, certificateType=order.kind
    ),
    orders.SendData: lambda order: _call(
        "DataTransfer", vendorId=order.vendor_id, messageId=order.message_id, data=order.data
    ),
    orders.ReadTransactionStanding: lambda order: _call(
        "GetTransactionStatus", transactionId=order.reference
    ),
    orders.ReadCustomerInformation: _customer,
    orders.SetNetworkProfile: _network,
}
