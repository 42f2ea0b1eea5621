"""Who may speak when, on one connection: a state machine that touches no socket, no task and no clock.

    our side                                     their side
    ask ─▶ queue ─▶ in flight ─▶ Answered        CALL ─▶ Asked ─▶ answer / refuse
              │         ├─▶ Errored                    └─▶ (repeated while unanswered: passed over)
              │         └─▶ Expired ─▶ LateAnswer
              └─▶ QueueIsFull                    anything odd ─▶ Odd, with or without a Send

Every method returns what came of it, in order; a `Send` is to be written to the socket in that order. Time is
monotonic seconds, given by the caller. One call of ours is in flight at a time, as OCPP wants. A station that sends a
second call before our answer to its first is let be up to UNANSWERED_AT_MOST; then `may_read` turns False, and the
caller leaves the socket alone until it has answered.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import msgspec

from dwell.protocols.ocpp.rpc.frames import (
    Call,
    CallError,
    CallResult,
    Dialect,
    Malformed,
    Passed,
    Wrong,
    read_frame,
    write_call,
    write_error,
    write_result,
)

QUEUE_AT_MOST = 64
"""Calls of ours that wait for their turn. More is a station that cannot keep up: the newest is refused."""
UNANSWERED_AT_MOST = 8
LATE_REMEMBERED = 64
"""Calls that we gave up on, but whose answer would still be known."""
ABUSE_AT_MOST = 50
"""Frames in a row that were none. A station that says nothing else is not speaking OCPP."""
POLICY_VIOLATION = 1008


class Send(msgspec.Struct, frozen=True):
    """Write this to the socket."""

    text: str


class Close(msgspec.Struct, frozen=True):
    """End the connection; `code` as WebSocket has it."""

    code: int
    why: str


class Asked(msgspec.Struct, frozen=True):
    """The station wants something: answer it by its id."""

    call: Call


class Answered(msgspec.Struct, frozen=True):
    """A call of ours was answered."""

    call_id: str
    payload: bytes
    late: bool = False


class Errored(msgspec.Struct, frozen=True):
    """A call of ours was refused."""

    call_id: str
    code: str
    description: str
    late: bool = False


class Expired(msgspec.Struct, frozen=True):
    """A call of ours got no answer in time; whether it was carried out is not known. One not `sent` was not."""

    call_id: str
    sent: bool = True


class Odd(msgspec.Struct, frozen=True):
    """Something that changed nothing: for the log and the count."""

    why: str


Happening = Send | Close | Asked | Answered | Errored | Expired | Odd


class QueueIsFull(Exception):
    """Too many calls wait for this station."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Waiting:
    call_id: str
    text: str
    timeout_s: float
    until_s: float


class Link:
    """One connection. `dialect` says how its version frames calls."""

    def __init__(self, dialect: Dialect, *, queue_at_most: int = QUEUE_AT_MOST) -> None:
        self._dialect = dialect
        self._queue: deque[_Waiting] = deque()
        self._queue_at_most = queue_at_most
        self._in_flight: _Waiting | None = None
        self._in_flight_until_s = 0.0
        self._given_up: deque[str] = deque(maxlen=LATE_REMEMBERED)
        self._unanswered: set[str] = set()
        self._abuse = 0

    @property
    def may_read(self) -> bool:
        """Whether the socket may be read on: False while the station waits for too many answers."""
        return len(self._unanswered) < UNANSWERED_AT_MOST

    @property
    def wake_at_s(self) -> float | None:
        """When `expire` has something to do; None while nothing waits."""
        moments = [waiting.until_s for waiting in self._queue]
        if self._in_flight is not None:
            moments.append(self._in_flight_until_s)
        return min(moments, default=None)

    @property
    def waiting(self) -> int:
        """How many calls of ours are in flight or in the queue."""
        return len(self._queue) + (self._in_flight is not None)

    def ask(
        self,
        call_id: str,
        action: str,
        payload: object,
        *,
        now_s: float,
        timeout_s: float,
        patience_s: float = 300.0,
    ) -> list[Happening]:
        """Put a call of ours in line. It has `timeout_s` from its sending for an answer, `patience_s` to be sent.

        Raises QueueIsFull; ValueError for an id that is in use.
        """
        if call_id in self._ids_in_use():
            raise ValueError("the message id is in use")
        if len(self._queue) >= self._queue_at_most:
            raise QueueIsFull
        text = write_call(call_id, action, payload)
        self._queue.append(
            _Waiting(call_id=call_id, text=text, timeout_s=timeout_s, until_s=now_s + patience_s)
        )
        return self._send_next(now_s)

    def receive(self, text: str | bytes, *, now_s: float) -> list[Happening]:
        """What a message from the station comes to. Never raises, whatever it is."""
        frame = read_frame(text, self._dialect)
        if not isinstance(frame, Malformed):
            self._abuse = 0
        match frame:
            case Call():
                if frame.id in self._unanswered:
                    return [Odd("a call repeated before it was answered")]
                self._unanswered.add(frame.id)
                return [Asked(frame)]
            case CallResult() | CallError():
                return self._take_answer(frame, now_s)
            case Passed(message_type=message_type):
                return [Odd(f"a message of the unknown type {message_type}")]
            case Malformed(why=why, answer=answer):
                return self._count_abuse(why, answer)

    def answer(self, call_id: str, payload: object) -> list[Happening]:
        """Our answer to a call of theirs; nothing for one that was answered before."""
        if call_id not in self._unanswered:
            return [Odd("an answer to a call that was answered before")]
        self._unanswered.discard(call_id)
        return [Send(write_result(call_id, payload))]

    def refuse(self, call_id: str, wrong: Wrong, description: str) -> list[Happening]:
        """Refuse a call of theirs."""
        if call_id not in self._unanswered:
            return [Odd("a refusal of a call that was answered before")]
        self._unanswered.discard(call_id)
        return [Send(write_error(call_id, self._dialect.codes[wrong], description))]

    def expire(self, *, now_s: float) -> list[Happening]:
        """Give up what has waited too long, and send what comes next."""
        happened: list[Happening] = []
        if self._in_flight is not None and self._in_flight_until_s <= now_s:
            happened.append(Expired(self._in_flight.call_id))
            self._given_up.append(self._in_flight.call_id)
            self._in_flight = None
        happened += [Expired(one.call_id, sent=False) for one in self._queue if one.until_s <= now_s]
        self._queue = deque(one for one in self._queue if one.until_s > now_s)
        return happened + self._send_next(now_s)

    def lose(self) -> list[Happening]:
        """The connection is gone: nothing that waits will be answered on it."""
        happened: list[Happening] = []
        if self._in_flight is not None:
            happened.append(Expired(self._in_flight.call_id))
        happened += [Expired(one.call_id, sent=False) for one in self._queue]
        self._in_flight = None
        self._queue.clear()
        self._unanswered.clear()
        return happened

    def _ids_in_use(self) -> set[str]:
        used = {one.call_id for one in self._queue} | set(self._given_up)
        return used if self._in_flight is None else used | {self._in_flight.call_id}

    def _send_next(self, now_s: float) -> list[Happening]:
        if self._in_flight is not None or not self._queue:
            return []
        self._in_flight = self._queue.popleft()
        self._in_flight_until_s = now_s + self._in_flight.timeout_s
        return [Send(self._in_flight.text)]

    def _take_answer(self, frame: CallResult | CallError, now_s: float) -> list[Happening]:
        in_time = self._in_flight is not None and self._in_flight.call_id == frame.id
        if not in_time and frame.id not in self._given_up:
            return [Odd("an answer to nothing that was asked")]
        if not in_time:
            self._given_up.remove(frame.id)
        else:
            self._in_flight = None
        happened: list[Happening] = (
            [Answered(frame.id, frame.payload, not in_time)]
            if isinstance(frame, CallResult)
            else [Errored(frame.id, frame.code, frame.description, not in_time)]
        )
        return happened + self._send_next(now_s)

    def _count_abuse(self, why: str, answer: str | None) -> list[Happening]:
        self._abuse += 1
        happened: list[Happening] = [Odd(why)]
        if answer is not None:
            happened.append(Send(answer))
        if self._abuse >= ABUSE_AT_MOST:
            happened.append(Close(POLICY_VIOLATION, "too many messages that are not OCPP"))
        return happened
