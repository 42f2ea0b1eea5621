"""What an OCPP 1.6 station may send besides transactions, as the published schemas have it.

Looser than they are in two places, so that no station is left in the dark for a label: texts of a BootNotification may
be longer, and an error code of a StatusNotification may be the vendor's own.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Text20 = Annotated[str, Meta(max_length=20)]
Text50 = Annotated[str, Meta(max_length=50)]
Text255 = Annotated[str, Meta(max_length=255)]
Text5500 = Annotated[str, Meta(max_length=5500)]
Natural = Annotated[int, Meta(ge=0)]

DiagnosticsStatusWord = Literal["Idle", "Uploaded", "UploadFailed", "Uploading"]
FirmwareStatusWord = Literal[
    "Downloaded", "DownloadFailed", "Downloading", "Idle", "InstallationFailed", "Installing", "Installed"
]  # fmt: skip
SignedFirmwareStatusWord = Literal[
    "Downloaded", "DownloadFailed", "Downloading", "DownloadScheduled", "DownloadPaused", "Idle",
    "InstallationFailed", "Installing", "Installed", "InstallRebooting", "InstallScheduled",
    "InstallVerificationFailed", "InvalidSignature", "SignatureVerified",
]  # fmt: skip
LogStatusWord = Literal[
    "BadMessage", "Idle", "NotSupportedOperation", "PermissionDenied", "Uploaded", "UploadFailure", "Uploading"
]  # fmt: skip
StatusWord = Literal[
    "Available", "Preparing", "Charging", "SuspendedEVSE", "SuspendedEV", "Finishing", "Reserved",
    "Unavailable", "Faulted",
]  # fmt: skip


class Part(msgspec.Struct, kw_only=True, rename="camel", forbid_unknown_fields=True, omit_defaults=True):
    """An object on the wire."""


class Authorize(Part):
    id_tag: Text20


class BootNotification(Part):
    charge_point_vendor: str
    charge_point_model: str
    charge_point_serial_number: str | None = None
    charge_box_serial_number: str | None = None
    firmware_version: str | None = None
    iccid: str | None = None
    imsi: str | None = None
    meter_type: str | None = None
    meter_serial_number: str | None = None


class DataTransfer(Part):
    vendor_id: Text255
    message_id: Text50 | None = None
    data: str | None = None


class DiagnosticsStatusNotification(Part):
    status: DiagnosticsStatusWord


class FirmwareStatusNotification(Part):
    status: FirmwareStatusWord


class Heartbeat(Part):
    pass


class LogStatusNotification(Part):
    status: LogStatusWord
    request_id: int | None = None


class SecurityEventNotification(Part):
    type: Text50
    timestamp: str
    tech_info: Text255 | None = None


class SignCertificate(Part):
    csr: Text5500


class SignedFirmwareStatusNotification(Part):
    status: SignedFirmwareStatusWord
    request_id: int | None = None


class StatusNotification(Part):
    connector_id: Natural
    error_code: str
    status: StatusWord
    info: str | None = None
    timestamp: str | None = None
    vendor_id: str | None = None
    vendor_error_code: str | None = None
