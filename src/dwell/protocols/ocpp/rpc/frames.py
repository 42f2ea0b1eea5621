"""Text to frames and back: `[2,id,action,payload]`, `[3,id,payload]`, `[4,id,code,description,details]`.

`read_frame` never raises. What it cannot take it turns into a Malformed with the answer to send, if the version wants
one. Payloads stay JSON text: what is in them is the business of the version's translator.

The usual frame takes one scan. Only when that fails is it read again by a forgiving reader, which takes NaN, numbers
beyond all measure and halves of surrogate pairs for nothing, so that one bad value does not cost a whole message.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from enum import Enum, auto

import msgspec

CALL, RESULT, ERROR = 2, 3, 4
FRAME_LENGTH_AT_MOST = 1_048_576
"""A page of a device model fits many times; the socket's own limit comes first."""
ID_LENGTH_AT_MOST = 36
ID_LENGTH_TOLERATED = 128
ACTION_LENGTH_AT_MOST = 64
DESCRIPTION_LENGTH_AT_MOST = 255
UNREADABLE_ID = "-1"


class Wrong(Enum):
    """What can be wrong with a call, in no version's spelling."""

    FRAME = auto()
    """The frame is not one of the protocol's."""
    FORMAT = auto()
    """The payload is not what the action's schema says."""
    TYPE = auto()
    OCCURRENCE = auto()
    PROPERTY = auto()
    UNKNOWN_ACTION = auto()
    UNSUPPORTED_ACTION = auto()
    SECURITY = auto()
    PROTOCOL = auto()
    INTERNAL = auto()
    OTHER = auto()


class Dialect(msgspec.Struct, frozen=True, kw_only=True):
    """How one version of OCPP frames its calls.

    `codes` spells errors; `answers_without_id` tells whether a frame without a readable id is answered (with id -1);
    odd frames of `forgiven` actions are taken with a remark instead of being refused.
    """

    codes: Mapping[Wrong, str]
    answers_without_id: bool
    forgiven: frozenset[str]


class Call(msgspec.Struct, frozen=True, gc=False):
    """The other side wants something of us. `payload` is the JSON text of an object."""

    id: str
    action: str
    payload: bytes
    oddities: tuple[str, ...] = ()


class CallResult(msgspec.Struct, frozen=True, gc=False):
    """The answer to a call of ours."""

    id: str
    payload: bytes


class CallError(msgspec.Struct, frozen=True, gc=False):
    """A call of ours failed on the other side."""

    id: str
    code: str
    description: str


class Malformed(msgspec.Struct, frozen=True):
    """Not a frame that can be taken. `answer` is the text to send back, None where silence is right."""

    why: str
    answer: str | None = None


class Passed(msgspec.Struct, frozen=True):
    """A frame of a type that this protocol does not know, and says to pass over."""

    message_type: str


Frame = Call | CallResult | CallError | Malformed | Passed

_scan = msgspec.json.Decoder(list[msgspec.Raw]).decode
_read_text = msgspec.json.Decoder(str).decode
_encode = msgspec.json.encode
_ESCAPED_NUL = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")
_ESCAPED_PAIR = re.compile(
    rb"\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[dD][89a-fA-F][0-9a-fA-F]{2}"
)
_DEFINITE_FLOAT = 1e300


def read_frame(text: str | bytes, dialect: Dialect) -> Frame:
    """The frame that `text` holds. Bytes are a binary message, which this protocol does not have."""
    if isinstance(text, bytes):
        return _unreadable("a binary message", dialect)
    if len(text) > FRAME_LENGTH_AT_MOST:
        return _unreadable("the message is too long", dialect)
    found = _split(text)
    if isinstance(found, str):
        return _unreadable(found, dialect)
    parts, oddities = found
    match parts[0]:
        case b"2":
            return _read_call(parts, dialect, oddities)
        case b"3":
            return _read_result(parts)
        case b"4":
            return _read_error(parts)
        case number if re.fullmatch(rb"-?\d{1,9}", number):
            return Passed(number.decode())
        case _:
            return _unreadable("the message type is not a number", dialect)


def _split(text: str) -> tuple[list[bytes], tuple[str, ...]] | str:
    """The parts of the list, each as JSON, with what was odd about them; or why there are none."""
    oddities: tuple[str, ...] = ()
    try:
        parts = [bytes(part) for part in _scan(text)]
    except RecursionError:
        return "nested too deep"
    except (msgspec.DecodeError, UnicodeError):
        forgiven = _read_again(text)
        if forgiven is None:
            return "not a JSON list"
        parts, oddities = forgiven, ("values that are not JSON were left out",)
    if not parts:
        return "an empty list"
    if "\\u0000" in text:
        parts = [_ESCAPED_NUL.sub(rb"\1\\ufffd", part) for part in parts]
        oddities += ("U+0000 in a text was replaced",)
    return parts, oddities


def _read_call(parts: list[bytes], dialect: Dialect, oddities: tuple[str, ...]) -> Frame:
    call_id, id_is_odd = _read_id(parts[1]) if len(parts) > 1 else (None, None)
    if call_id is None:
        return _unreadable("no message id that can be read", dialect)
    action = _text_of(parts[2]) if len(parts) > 2 else None
    if action is None or not 0 < len(action) <= ACTION_LENGTH_AT_MOST:
        return refusal(call_id, Wrong.FRAME, "the action is not a text", dialect)
    forgiven = action in dialect.forgiven
    if id_is_odd is not None:
        if not forgiven:
            return refusal(call_id, Wrong.FRAME, id_is_odd, dialect)
        oddities += (id_is_odd,)
    if len(parts) != 4:
        if len(parts) < 4 or not forgiven:
            return refusal(call_id, Wrong.FRAME, f"a call has 4 parts, this one {len(parts)}", dialect)
        oddities += ("parts behind the payload were left out",)
    payload = parts[3]
    if payload[:1] != b"{":
        if payload not in {b"null", b"[]"}:
            return refusal(call_id, Wrong.FORMAT, "the payload is not an object", dialect)
        payload, oddities = b"{}", (*oddities, "an empty payload that is not an object")
    return Call(call_id, action, payload, oddities)


def _read_id(part: bytes) -> tuple[str | None, str | None]:
    """The id, and what is odd about it; no id where none can be read."""
    call_id = _text_of(part)
    if call_id is None:
        if re.fullmatch(rb"-?\d{1,36}", part):
            return part.decode(), "the message id is a number"
        return None, None
    if not call_id or len(call_id) > ID_LENGTH_TOLERATED:
        return None, None
    if len(call_id) > ID_LENGTH_AT_MOST:
        return call_id, f"the message id is longer than {ID_LENGTH_AT_MOST}"
    return call_id, None


def _read_result(parts: list[bytes]) -> Frame:
    call_id = _read_id(parts[1])[0] if len(parts) > 1 else None
    if call_id is None:
        return Malformed("an answer without a message id")
    payload = parts[2] if len(parts) > 2 and parts[2][:1] == b"{" else b"{}"
    return CallResult(call_id, payload)


def _read_error(parts: list[bytes]) -> Frame:
    call_id = _read_id(parts[1])[0] if len(parts) > 1 else None
    if call_id is None:
        return Malformed("an error without a message id")
    code = _text_of(parts[2]) if len(parts) > 2 else None
    description = _text_of(parts[3]) if len(parts) > 3 else None
    return CallError(
        call_id,
        (code or "GenericError")[:ACTION_LENGTH_AT_MOST],
        (description or "")[:DESCRIPTION_LENGTH_AT_MOST],
    )


def _text_of(part: bytes) -> str | None:
    try:
        return _read_text(part)
    except (msgspec.DecodeError, UnicodeError):
        return None


def refusal(call_id: str, wrong: Wrong, description: str, dialect: Dialect) -> Malformed:
    """A call that is answered with an error, in the version's spelling."""
    return Malformed(description, write_error(call_id, dialect.codes[wrong], description))


def _unreadable(why: str, dialect: Dialect) -> Malformed:
    if not dialect.answers_without_id:
        return Malformed(why)
    return refusal(UNREADABLE_ID, Wrong.FRAME, why, dialect)


def write_call(call_id: str, action: str, payload: object) -> str:
    """The text of a call of ours; `payload` anything msgspec can write."""
    return _encode([CALL, call_id, action, payload]).decode()


def write_result(call_id: str, payload: object) -> str:
    """The text of our answer."""
    return _encode([RESULT, call_id, payload]).decode()


def write_error(call_id: str, code: str, description: str) -> str:
    """The text that refuses a call."""
    return _encode([ERROR, call_id, code, description[:DESCRIPTION_LENGTH_AT_MOST], {}]).decode()


# --- the forgiving reader ---


def _read_again(text: str) -> list[bytes] | None:
    """The parts of a list that is nearly JSON, each as JSON; None for what is no list, or too deep."""
    try:
        found = json.loads(text, parse_constant=_nothing, parse_int=_whole, parse_float=_broken, strict=False)
        if not isinstance(found, list):
            return None
        return [_ESCAPED_PAIR.sub(_whole_pair, json.dumps(part).encode()) for part in found]
    except (ValueError, RecursionError):
        return None


def _nothing(_: str) -> None:
    return None


def _whole(digits: str) -> int | None:
    return int(digits) if len(digits) <= 18 else None


def _broken(digits: str) -> float | None:
    value = float(digits)
    return value if abs(value) < _DEFINITE_FLOAT else None


def _whole_pair(found: re.Match[bytes]) -> bytes:
    return found[0] if len(found[0]) != 6 else b"\\ufffd"
