"""What we answer to a report, once what it told is stored; one closed union, in no version's spelling."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from dwell.domain.station.equipment import IdToken


class Registration(StrEnum):
    """Whether a station that booted may go on."""

    ACCEPTED = "ACCEPTED"
    PENDING = "PENDING"
    REJECTED = "REJECTED"


class TokenStatus(StrEnum):
    """Whether a token may charge."""

    ACCEPTED = "ACCEPTED"
    BLOCKED = "BLOCKED"
    EXPIRED = "EXPIRED"
    INVALID = "INVALID"
    CONCURRENT = "CONCURRENT"
    UNKNOWN = "UNKNOWN"
    NOT_AT_THIS_TIME = "NOT_AT_THIS_TIME"
    NOT_AT_THIS_LOCATION = "NOT_AT_THIS_LOCATION"
    NO_CREDIT = "NO_CREDIT"


class TokenVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """What is said of a token; `group` is shared by tokens that may stop each other's transactions."""

    status: TokenStatus
    expires_at: datetime | None = None
    group: IdToken | None = None


class BootReply(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The time, and when to call again: the heartbeat's interval, or the next attempt's if not accepted."""

    registration: Registration
    now: datetime
    interval_s: int


class TimeReply(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The time, to a heartbeat."""

    now: datetime


class TokenReply(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The verdict on a token."""

    verdict: TokenVerdict


class TransactionReply(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """To a transaction's messages. `number` is our integer for it, which an OCPP 1.6 start must be told.

    `verdict` is None where no token was shown. `total_cost` is what the driver will pay so far, shown by OCPP 2.0.1
    stations that can.
    """

    number: int | None = None
    verdict: TokenVerdict | None = None
    total_cost: float | None = None


class DataReply(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """To a vendor's data. `status`: ACCEPTED, REJECTED, UNKNOWN_MESSAGE or UNKNOWN_VENDOR."""

    status: str = "UNKNOWN_VENDOR"
    data: str | None = None


class CertificateReply(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Whether a signing request was taken; the certificate itself comes by an order."""

    accepted: bool


class Acknowledgement(msgspec.Struct, frozen=True, tag=True):
    """Taken and stored, nothing to say."""


StationReply = (
    BootReply | TimeReply | TokenReply | TransactionReply | DataReply | CertificateReply | Acknowledgement
)
