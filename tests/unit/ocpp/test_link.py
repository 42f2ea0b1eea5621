"""OC19: one call in flight, late, stray and repeated answers, full queues; all on a clock that is only a number."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from random import Random

import pytest

from dwell.protocols.ocpp.rpc.frames import Wrong
from dwell.protocols.ocpp.rpc.link import (
    ABUSE_AT_MOST,
    UNANSWERED_AT_MOST,
    Answered,
    Asked,
    Close,
    Errored,
    Expired,
    Happening,
    Link,
    Odd,
    QueueIsFull,
    Send,
)
from dwell.protocols.ocpp.versions import VERSIONS

DIALECT = VERSIONS["ocpp1.6"].dialect


def ask(link: Link, call_id: str, now_s: float = 0.0) -> list[object]:
    return list(link.ask(call_id, "ClearCache", {}, now_s=now_s, timeout_s=30.0))


def sent_ids(happened: list[object]) -> list[str]:
    return [json.loads(one.text)[1] for one in happened if isinstance(one, Send)]


def test_one_call_is_in_flight_and_the_next_goes_when_it_is_answered() -> None:
    link = Link(DIALECT)
    assert ask(link, "a") == [Send('[2,"a","ClearCache",{}]')]
    assert ask(link, "b") == [] and link.waiting == 2
    happened = link.receive('[3,"a",{"status":"Accepted"}]', now_s=1.0)
    assert happened == [Answered("a", b'{"status":"Accepted"}'), Send('[2,"b","ClearCache",{}]')]


def test_a_refused_call_is_over_too() -> None:
    link = Link(DIALECT)
    ask(link, "a")
    assert link.receive('[4,"a","NotSupported","no",{}]', now_s=1.0) == [Errored("a", "NotSupported", "no")]
    assert link.waiting == 0 and link.wake_at_s is None


def test_an_answer_that_does_not_come_is_given_up_and_known_when_it_comes_late() -> None:
    link = Link(DIALECT)
    ask(link, "a")
    ask(link, "b")
    assert link.wake_at_s == 30.0
    assert link.expire(now_s=29.9) == []
    assert link.expire(now_s=30.0) == [Expired("a"), Send('[2,"b","ClearCache",{}]')]
    assert link.receive('[3,"a",{}]', now_s=31.0) == [Answered("a", b"{}", late=True)]
    assert isinstance(link.receive('[3,"a",{}]', now_s=31.0)[0], Odd), "and only once"
    assert link.receive('[3,"b",{}]', now_s=32.0) == [Answered("b", b"{}")]


def test_a_call_that_waited_too_long_for_its_turn_was_never_sent() -> None:
    link = Link(DIALECT)
    ask(link, "a", now_s=0.0)
    link.ask("b", "ClearCache", {}, now_s=0.0, timeout_s=30.0, patience_s=5.0)
    assert link.wake_at_s == 5.0
    assert link.expire(now_s=5.0) == [Expired("b", sent=False)]


def test_50_000_stray_answers_change_nothing() -> None:
    link = Link(DIALECT)
    ask(link, "a")
    for number in range(50_000):
        [odd] = link.receive(f'[3,"stray-{number}",{{}}]', now_s=1.0)
        assert isinstance(odd, Odd)
    assert link.receive('[3,"a",{}]', now_s=2.0) == [Answered("a", b"{}")]


def test_a_full_queue_refuses_the_newest() -> None:
    link = Link(DIALECT, queue_at_most=2)
    for call_id in "abc":
        ask(link, call_id)
    with pytest.raises(QueueIsFull):
        ask(link, "d")
    assert sent_ids(list(link.receive('[3,"a",{}]', now_s=1.0))) == ["b"]


def test_an_id_is_used_once() -> None:
    link = Link(DIALECT)
    ask(link, "a")
    with pytest.raises(ValueError, match="in use"):
        ask(link, "a")


def test_their_call_is_asked_once_and_answered_once() -> None:
    link = Link(DIALECT)
    [asked] = link.receive('[2,"x","Heartbeat",{}]', now_s=0.0)
    assert isinstance(asked, Asked) and asked.call.action == "Heartbeat"
    assert isinstance(link.receive('[2,"x","Heartbeat",{}]', now_s=0.1)[0], Odd), "a repeat before the answer"
    assert link.answer("x", {"a": 1}) == [Send('[3,"x",{"a":1}]')]
    assert isinstance(link.answer("x", {})[0], Odd)
    assert isinstance(link.receive('[2,"x","Heartbeat",{}]', now_s=0.2)[0], Asked), (
        "a repeat after it is a new call"
    )
    assert link.refuse("x", Wrong.SECURITY, "not yet") == [Send('[4,"x","SecurityError","not yet",{}]')]


def test_a_station_that_does_not_wait_for_answers_is_not_read_on() -> None:
    link = Link(DIALECT)
    for number in range(UNANSWERED_AT_MOST):
        assert link.may_read
        link.receive(f'[2,"{number}","Heartbeat",{{}}]', now_s=0.0)
    assert not link.may_read
    link.answer("0", {})
    assert link.may_read


def test_a_lost_connection_leaves_nothing_waiting() -> None:
    link = Link(DIALECT)
    ask(link, "a")
    ask(link, "b")
    assert link.lose() == [Expired("a"), Expired("b", sent=False)]
    assert link.waiting == 0 and link.wake_at_s is None and link.may_read


def test_nothing_but_noise_ends_the_connection_and_one_good_frame_forgives_it() -> None:
    link = Link(DIALECT)
    for _ in range(ABUSE_AT_MOST - 1):
        assert not [one for one in link.receive("noise", now_s=0.0) if isinstance(one, Close)]
    link.receive('[9,"a",{}]', now_s=0.0)
    for _ in range(ABUSE_AT_MOST - 1):
        assert not [one for one in link.receive("noise", now_s=0.0) if isinstance(one, Close)]
    assert Close(1008, "too many messages that are not OCPP") in link.receive("noise", now_s=0.0)


class Books:
    """What became of each call of ours, and which one is in flight."""

    def __init__(self) -> None:
        self.in_flight: list[str] = []
        self.ends, self.late = Counter[str](), Counter[str]()

    def take(self, happened: Sequence[Happening]) -> None:
        for one in happened:
            match one:
                case Send(text=text):
                    assert not self.in_flight, "two calls at once"
                    self.in_flight.append(json.loads(text)[1])
                case Answered(call_id=call_id, late=True) | Errored(call_id=call_id, late=True):
                    self.late[call_id] += 1
                case Expired(call_id=call_id, sent=False):
                    self.ends[call_id] += 1
                case Answered(call_id=call_id) | Errored(call_id=call_id) | Expired(call_id=call_id):
                    self.ends[call_id] += 1
                    self.in_flight.remove(call_id)
                case Asked() | Odd() | Close():
                    pass


def test_in_any_life_each_call_of_ours_ends_once_and_one_is_in_flight(seed: int) -> None:
    chance, link, books = Random(seed), Link(DIALECT, queue_at_most=5), Books()
    now_s, asked = 0.0, 0
    for _ in range(3_000):
        now_s += chance.expovariate(0.5)
        match chance.randrange(5):
            case 0 | 1:
                try:
                    call_id = f"c{asked + 1}"
                    happened = link.ask(call_id, "ClearCache", {}, now_s=now_s, timeout_s=5, patience_s=20)
                    asked += 1
                except QueueIsFull:
                    assert link.waiting == 6
                    happened = []
            case 2:
                happened = link.receive(f'[3,"c{chance.randint(1, asked + 1)}",{{}}]', now_s=now_s)
            case 3 if books.in_flight:
                text = f'[{chance.choice([3, 4])},"{books.in_flight[0]}",{{}}]'
                happened = link.receive(text, now_s=now_s)
            case _:
                happened = link.expire(now_s=now_s)
        books.take(happened)
    books.take(link.lose())
    assert books.ends == Counter(f"c{number}" for number in range(1, asked + 1))
    assert books.late and set(books.late.values()) == {1}
