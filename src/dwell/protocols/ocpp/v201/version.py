"""The row of OCPP 2.0.1 in the table of versions."""

from __future__ import annotations

from dwell.protocols.ocpp.rpc.frames import Dialect, Wrong
from dwell.protocols.ocpp.translation import Version
from dwell.protocols.ocpp.v201.answers import read_answer
from dwell.protocols.ocpp.v201.orders import write_order
from dwell.protocols.ocpp.v201.reports import ACTIONS, FORGIVEN, read, write_reply

CODES = {
    Wrong.FRAME: "RpcFrameworkError",
    Wrong.FORMAT: "FormatViolation",
    Wrong.TYPE: "TypeConstraintViolation",
    Wrong.OCCURRENCE: "OccurrenceConstraintViolation",
    Wrong.PROPERTY: "PropertyConstraintViolation",
    Wrong.UNKNOWN_ACTION: "NotImplemented",
    Wrong.UNSUPPORTED_ACTION: "NotSupported",
    Wrong.SECURITY: "SecurityError",
    Wrong.PROTOCOL: "ProtocolError",
    Wrong.INTERNAL: "InternalError",
    Wrong.OTHER: "GenericError",
}

VERSION = Version(
    subprotocol="ocpp2.0.1",
    dialect=Dialect(codes=CODES, answers_without_id=True, forgiven=FORGIVEN),
    received_actions=ACTIONS,
    read=read,
    write_reply=write_reply,
    write_order=write_order,
    read_answer=read_answer,
)
