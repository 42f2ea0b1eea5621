"""What an OCPP 2.0.1 station may send besides transactions, strictly as the published schemas have it.

Member names are the wire's, in our case. Labels in a BootNotification may be longer than the schema says: a
station is not left in the dark for a long serial number.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Natural = Annotated[int, Meta(ge=0)]
Text8 = Annotated[str, Meta(max_length=8)]
Text16 = Annotated[str, Meta(max_length=16)]
Text32 = Annotated[str, Meta(max_length=32)]
Text36 = Annotated[str, Meta(max_length=36)]
Text40 = Annotated[str, Meta(max_length=40)]
Text50 = Annotated[str, Meta(max_length=50)]
Text128 = Annotated[str, Meta(max_length=128)]
Text255 = Annotated[str, Meta(max_length=255)]
Text500 = Annotated[str, Meta(max_length=500)]
Text512 = Annotated[str, Meta(max_length=512)]
Text1000 = Annotated[str, Meta(max_length=1000)]
Text2500 = Annotated[str, Meta(max_length=2500)]
Text5500 = Annotated[str, Meta(max_length=5500)]
Text5600 = Annotated[str, Meta(max_length=5600)]

IdTokenWord = Literal[
    "Central", "eMAID", "ISO14443", "ISO15693", "KeyCode", "Local", "MacAddress", "NoAuthorization"
]
HashAlgorithmWord = Literal["SHA256", "SHA384", "SHA512"]
BootReasonWord = Literal[
    "ApplicationReset",
    "FirmwareUpdate",
    "LocalReset",
    "PowerUp",
    "RemoteReset",
    "ScheduledReset",
    "Triggered",
    "Unknown",
    "Watchdog",
]
ChargingLimitSourceWord = Literal["EMS", "Other", "SO", "CSO"]
FirmwareStatusWord = Literal[
    "Downloaded",
    "DownloadFailed",
    "Downloading",
    "DownloadScheduled",
    "DownloadPaused",
    "Idle",
    "InstallationFailed",
    "Installing",
    "Installed",
    "InstallRebooting",
    "InstallScheduled",
    "InstallVerificationFailed",
    "InvalidSignature",
    "SignatureVerified",
]
CertificateActionWord = Literal["Install", "Update"]
UploadLogStatusWord = Literal[
    "BadMessage",
    "Idle",
    "NotSupportedOperation",
    "PermissionDenied",
    "Uploaded",
    "UploadFailure",
    "Uploading",
    "AcceptedCanceled",
]
ChargingRateUnitWord = Literal["W", "A"]
CostKindWord = Literal["CarbonDioxideEmission", "RelativePricePercentage", "RenewableGenerationPercentage"]
MessagePriorityWord = Literal["AlwaysFront", "InFront", "NormalCycle"]
MessageFormatWord = Literal["ASCII", "HTML", "URI", "UTF8"]
MessageStateWord = Literal["Charging", "Faulted", "Idle", "Unavailable"]
EnergyTransferModeWord = Literal["DC", "AC_single_phase", "AC_two_phase", "AC_three_phase"]
EventTriggerWord = Literal["Alerting", "Delta", "Periodic"]
EventNotificationWord = Literal[
    "HardWiredNotification", "HardWiredMonitor", "PreconfiguredMonitor", "CustomMonitor"
]
MonitorWord = Literal["UpperThreshold", "LowerThreshold", "Delta", "Periodic", "PeriodicClockAligned"]
AttributeWord = Literal["Actual", "Target", "MinSet", "MaxSet"]
MutabilityWord = Literal["ReadOnly", "WriteOnly", "ReadWrite"]
DataWord = Literal[
    "string", "decimal", "integer", "dateTime", "boolean", "OptionList", "SequenceList", "MemberList"
]
PublishFirmwareStatusWord = Literal[
    "Idle",
    "DownloadScheduled",
    "Downloading",
    "Downloaded",
    "Published",
    "DownloadFailed",
    "DownloadPaused",
    "InvalidChecksum",
    "ChecksumVerified",
    "PublishFailed",
]
ChargingProfilePurposeWord = Literal[
    "ChargingStationExternalConstraints", "ChargingStationMaxProfile", "TxDefaultProfile", "TxProfile"
]
ChargingProfileKindWord = Literal["Absolute", "Recurring", "Relative"]
RecurrencyKindWord = Literal["Daily", "Weekly"]
ReservationUpdateStatusWord = Literal["Expired", "Removed"]
CertificateSigningUseWord = Literal["ChargingStationCertificate", "V2GCertificate"]
ConnectorStatusWord = Literal["Available", "Occupied", "Reserved", "Unavailable", "Faulted"]


class Part(msgspec.Struct, kw_only=True, rename="camel", forbid_unknown_fields=True, omit_defaults=True):
    """An object on the wire. Each may carry a vendor's own data."""

    custom_data: dict[str, object] | None = None


class AdditionalInfo(Part):
    additional_id_token: Text36
    type: Text50


class IdToken(Part):
    id_token: Text36
    type: IdTokenWord
    additional_info: Annotated[list[AdditionalInfo], Meta(min_length=1)] | None = None


class OCSPRequestData(Part):
    hash_algorithm: HashAlgorithmWord
    issuer_name_hash: Text128
    issuer_key_hash: Text128
    serial_number: Text40
    responder_url: Text512 = msgspec.field(name="responderURL")


class Authorize(Part):
    id_token: IdToken
    certificate: Text5500 | None = None
    iso15118_certificate_hash_data: (
        Annotated[list[OCSPRequestData], Meta(min_length=1, max_length=4)] | None
    ) = None


class Modem(Part):
    iccid: str | None = None
    imsi: str | None = None


class ChargingStation(Part):
    model: str
    vendor_name: str
    serial_number: str | None = None
    modem: Modem | None = None
    firmware_version: str | None = None


class BootNotification(Part):
    charging_station: ChargingStation
    reason: BootReasonWord


class ClearedChargingLimit(Part):
    charging_limit_source: ChargingLimitSourceWord
    evse_id: int | None = None


class DataTransfer(Part):
    vendor_id: Text255
    message_id: Text50 | None = None
    data: object | None = None


class FirmwareStatusNotification(Part):
    status: FirmwareStatusWord
    request_id: int | None = None


class Get15118EVCertificate(Part):
    iso15118_schema_version: Text50
    action: CertificateActionWord
    exi_request: Text5600


class GetCertificateStatus(Part):
    ocsp_request_data: OCSPRequestData


class Heartbeat(Part):
    pass


class LogStatusNotification(Part):
    status: UploadLogStatusWord
    request_id: int | None = None


class ChargingLimit(Part):
    charging_limit_source: ChargingLimitSourceWord
    is_grid_critical: bool | None = None


class ChargingSchedulePeriod(Part):
    start_period: int
    limit: float
    number_phases: int | None = None
    phase_to_use: int | None = None


class RelativeTimeInterval(Part):
    start: int
    duration: int | None = None


class Cost(Part):
    cost_kind: CostKindWord
    amount: int
    amount_multiplier: int | None = None


class ConsumptionCost(Part):
    start_value: float
    cost: Annotated[list[Cost], Meta(min_length=1, max_length=3)]


class SalesTariffEntry(Part):
    relative_time_interval: RelativeTimeInterval
    e_price_level: Natural | None = None
    consumption_cost: Annotated[list[ConsumptionCost], Meta(min_length=1, max_length=3)] | None = None


class SalesTariff(Part):
    id: int
    sales_tariff_entry: Annotated[list[SalesTariffEntry], Meta(min_length=1, max_length=1024)]
    sales_tariff_description: Text32 | None = None
    num_e_price_levels: int | None = None


class ChargingSchedule(Part):
    id: int
    charging_rate_unit: ChargingRateUnitWord
    charging_schedule_period: Annotated[list[ChargingSchedulePeriod], Meta(min_length=1, max_length=1024)]
    start_schedule: str | None = None
    duration: int | None = None
    min_charging_rate: float | None = None
    sales_tariff: SalesTariff | None = None


class NotifyChargingLimit(Part):
    charging_limit: ChargingLimit
    charging_schedule: Annotated[list[ChargingSchedule], Meta(min_length=1)] | None = None
    evse_id: int | None = None


class NotifyCustomerInformation(Part):
    data: Text512
    seq_no: int
    generated_at: str
    request_id: int
    to_be_continued: bool | None = msgspec.field(default=None, name="tbc")


class MessageContent(Part):
    format: MessageFormatWord
    content: Text512
    language: Text8 | None = None


class EVSE(Part):
    id: int
    connector_id: int | None = None


class Component(Part):
    name: Text50
    evse: EVSE | None = None
    instance: Text50 | None = None


class MessageInfo(Part):
    id: int
    priority: MessagePriorityWord
    message: MessageContent
    display: Component | None = None
    state: MessageStateWord | None = None
    start_date_time: str | None = None
    end_date_time: str | None = None
    transaction_id: Text36 | None = None


class NotifyDisplayMessages(Part):
    request_id: int
    message_info: Annotated[list[MessageInfo], Meta(min_length=1)] | None = None
    to_be_continued: bool | None = msgspec.field(default=None, name="tbc")


class ACChargingParameters(Part):
    energy_amount: int
    ev_min_current: int
    ev_max_current: int
    ev_max_voltage: int


class DCChargingParameters(Part):
    ev_max_current: int
    ev_max_voltage: int
    energy_amount: int | None = None
    ev_max_power: int | None = None
    state_of_charge: Natural | None = None
    ev_energy_capacity: int | None = None
    full_soc: Natural | None = msgspec.field(default=None, name="fullSoC")
    bulk_soc: Natural | None = msgspec.field(default=None, name="bulkSoC")


class ChargingNeeds(Part):
    requested_energy_transfer: EnergyTransferModeWord
    ac_charging_parameters: ACChargingParameters | None = None
    dc_charging_parameters: DCChargingParameters | None = None
    departure_time: str | None = None


class NotifyEVChargingNeeds(Part):
    charging_needs: ChargingNeeds
    evse_id: int
    max_schedule_tuples: int | None = None


class NotifyEVChargingSchedule(Part):
    time_base: str
    charging_schedule: ChargingSchedule
    evse_id: int


class Variable(Part):
    name: Text50
    instance: Text50 | None = None


class EventData(Part):
    event_id: int
    timestamp: str
    trigger: EventTriggerWord
    actual_value: Text2500
    component: Component
    event_notification_type: EventNotificationWord
    variable: Variable
    cause: int | None = None
    tech_code: Text50 | None = None
    tech_info: Text500 | None = None
    cleared: bool | None = None
    transaction_id: Text36 | None = None
    variable_monitoring_id: int | None = None


class NotifyEvent(Part):
    generated_at: str
    seq_no: int
    event_data: Annotated[list[EventData], Meta(min_length=1)]
    to_be_continued: bool | None = msgspec.field(default=None, name="tbc")


class VariableMonitoring(Part):
    id: int
    transaction: bool
    value: float
    type: MonitorWord
    severity: int


class MonitoringData(Part):
    component: Component
    variable: Variable
    variable_monitoring: Annotated[list[VariableMonitoring], Meta(min_length=1)]


class NotifyMonitoringReport(Part):
    request_id: int
    seq_no: int
    generated_at: str
    monitor: Annotated[list[MonitoringData], Meta(min_length=1)] | None = None
    to_be_continued: bool | None = msgspec.field(default=None, name="tbc")


class VariableAttribute(Part):
    type: AttributeWord | None = None
    value: Text2500 | None = None
    mutability: MutabilityWord | None = None
    persistent: bool | None = None
    constant: bool | None = None


class VariableCharacteristics(Part):
    data_type: DataWord
    supports_monitoring: bool
    unit: Text16 | None = None
    min_limit: float | None = None
    max_limit: float | None = None
    values_list: Text1000 | None = None


class ReportData(Part):
    component: Component
    variable: Variable
    variable_attribute: Annotated[list[VariableAttribute], Meta(min_length=1, max_length=4)]
    variable_characteristics: VariableCharacteristics | None = None


class NotifyReport(Part):
    request_id: int
    generated_at: str
    seq_no: int
    report_data: Annotated[list[ReportData], Meta(min_length=1)] | None = None
    to_be_continued: bool | None = msgspec.field(default=None, name="tbc")


class PublishFirmwareStatusNotification(Part):
    status: PublishFirmwareStatusWord
    location: Annotated[list[Text512], Meta(min_length=1)] | None = None
    request_id: int | None = None


class ChargingProfile(Part):
    id: int
    stack_level: int
    charging_profile_purpose: ChargingProfilePurposeWord
    charging_profile_kind: ChargingProfileKindWord
    charging_schedule: Annotated[list[ChargingSchedule], Meta(min_length=1, max_length=3)]
    recurrency_kind: RecurrencyKindWord | None = None
    valid_from: str | None = None
    valid_to: str | None = None
    transaction_id: Text36 | None = None


class ReportChargingProfiles(Part):
    request_id: int
    charging_limit_source: ChargingLimitSourceWord
    charging_profile: Annotated[list[ChargingProfile], Meta(min_length=1)]
    evse_id: int
    to_be_continued: bool | None = msgspec.field(default=None, name="tbc")


class ReservationStatusUpdate(Part):
    reservation_id: int
    reservation_update_status: ReservationUpdateStatusWord


class SecurityEventNotification(Part):
    type: Text50
    timestamp: str
    tech_info: Text255 | None = None


class SignCertificate(Part):
    csr: Text5500
    certificate_type: CertificateSigningUseWord | None = None


class StatusNotification(Part):
    timestamp: str
    connector_status: ConnectorStatusWord
    evse_id: int
    connector_id: int
