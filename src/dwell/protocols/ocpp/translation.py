"""What every version of OCPP must be able to do: one row of functions, so that a version is a folder and a row."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import msgspec

from dwell.domain.errors import Refused
from dwell.domain.instants import read_instant
from dwell.domain.session.incoming import EARLIEST
from dwell.domain.station.orders import OrderAnswer, StationOrder, Verdict
from dwell.domain.station.replies import StationReply
from dwell.domain.station.reports import StationReport
from dwell.protocols.ocpp.payloads import Loose, Refusal
from dwell.protocols.ocpp.rpc.frames import Call, Dialect


class OrderCall(msgspec.Struct, frozen=True):
    """An order as a call of ours: `payload` is anything msgspec can write."""

    action: str
    payload: dict[str, object]


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """A version of OCPP.

    - `read(action, payload)`: a report, or why it is refused. Never raises.
    - `write_reply(action, reply)`: the payload that answers the call; Acknowledgement answers every action that need
      not be told something. Raises ValueError for a reply that does not belong to the action.
    - `write_order(order)`: the call. Raises Refused (code NOT_EXPRESSIBLE) for what this version cannot say.
    - `read_answer(order, payload)`: what the station made of it. Never raises.
    """

    subprotocol: str
    dialect: Dialect
    received_actions: frozenset[str]
    read: Callable[[str, bytes], StationReport | Refusal]
    write_reply: Callable[[str, StationReply], dict[str, object]]
    write_order: Callable[[StationOrder], OrderCall]
    read_answer: Callable[[StationOrder, bytes], OrderAnswer]


def read_call(version: Version, call: Call) -> StationReport | Refusal:
    """The report in a frame, with what was odd about either."""
    report = version.read(call.action, call.payload)
    if isinstance(report, Refusal) or not call.oddities:
        return report
    return msgspec.structs.replace(report, oddities=call.oddities + report.oddities)


NOT_EXPRESSIBLE = "not_expressible"

_VERDICTS_OF_ERRORS = {
    "NotImplemented": Verdict.NOT_SUPPORTED,
    "NotSupported": Verdict.NOT_SUPPORTED,
    "MessageTypeNotSupported": Verdict.NOT_SUPPORTED,
}


VERDICTS = {
    "accepted": Verdict.ACCEPTED,
    "acceptedcanceled": Verdict.ACCEPTED,
    "unlocked": Verdict.ACCEPTED,
    "emptyresultset": Verdict.ACCEPTED,
    "scheduled": Verdict.SCHEDULED,
    "rebootrequired": Verdict.REBOOT_REQUIRED,
    "rejected": Verdict.REJECTED,
    "failed": Verdict.REJECTED,
    "faulted": Verdict.REJECTED,
    "unavailable": Verdict.REJECTED,
    "unlockfailed": Verdict.REJECTED,
    "versionmismatch": Verdict.REJECTED,
    "invalid": Verdict.REJECTED,
    "invalidcertificate": Verdict.REJECTED,
    "revokedcertificate": Verdict.REJECTED,
    "occupied": Verdict.OCCUPIED,
    "ongoingauthorizedtransaction": Verdict.OCCUPIED,
    "notsupported": Verdict.NOT_SUPPORTED,
    "notimplemented": Verdict.NOT_SUPPORTED,
    "notsupportedattributetype": Verdict.NOT_SUPPORTED,
    "unknown": Verdict.UNKNOWN_TARGET,
    "unknownconnector": Verdict.UNKNOWN_TARGET,
    "unknowncomponent": Verdict.UNKNOWN_TARGET,
    "unknownvariable": Verdict.UNKNOWN_TARGET,
    "unknownmessageid": Verdict.UNKNOWN_TARGET,
    "unknownvendorid": Verdict.UNKNOWN_TARGET,
    "unknownvendor": Verdict.UNKNOWN_TARGET,
    "notfound": Verdict.UNKNOWN_TARGET,
}
"""Every status a station answers an order with, whatever its case."""


def verdict_of(said: Loose, *, silence: Verdict = Verdict.UNCLEAR) -> Verdict:
    """What a status comes to; `silence` where there is none."""
    return silence if said is None else VERDICTS.get(str(said).strip().casefold(), Verdict.UNCLEAR)


def read_error(code: str, description: str) -> OrderAnswer:
    """What a station's CALLERROR to an order comes to."""
    return OrderAnswer(verdict=_VERDICTS_OF_ERRORS.get(code, Verdict.REJECTED), said=code, why=description)


def not_expressible(what: str) -> Refused:
    """The order cannot be said in this version."""
    return Refused(what, code=NOT_EXPRESSIBLE)


def present(**members: object) -> dict[str, object]:
    """The members that are something."""
    return {name: value for name, value in members.items() if value is not None}


LATEST = EARLIEST.replace(year=2200)


def instant_of_text(value: Loose, name: str) -> tuple[datetime | None, tuple[str, ...]]:
    """The station's instant, or None with a remark: such a message is dated by its receipt.

    An instant before 2010 or after 2200 is an unset clock's, and no instant either (IN4).
    """
    if value is None:
        return None, ()
    try:
        at = _read(str(value))
    except ValueError as error:
        return None, (f"{name}: {error}",)
    if EARLIEST <= at < LATEST:
        return at, ()
    return None, (f"{name}: the clock is not set",)


def _read(text: str) -> datetime:
    if text[-1:] == "Z" and text[10:11] == "T":
        try:
            return datetime.fromisoformat(text)  # the usual form, at a quarter of the price
        except ValueError:
            pass
    return read_instant(text)
