"""Deliveries: signed, in order, tried again by the schedule, never lost, never sent by two at once."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from application.sessions.evenings import HOUR, plugged, unplugged
from application.webhooks.mailroom import Mailroom, a_mailroom, events_of, heartbeats_of, in_order
from dwell.application.deliveries import LEASE, attempts_of, dead_letters_of, record
from dwell.application.webhooks import Wanted, change_webhook, remove_webhook, replay
from dwell.domain.errors import NotFound, Refused
from dwell.domain.webhooks.schedule import DELAYS, HEARTBEAT_EVERY
from house import BUILT_AT, ORGANIZATION
from receiver import Answer, Receiver
from stores import AnyStore

pytestmark = pytest.mark.anyio
WHOLE = sum(DELAYS, timedelta(0))
DAY = timedelta(days=1)


async def visit(room: Mailroom, first_h: float = 0) -> None:
    """A visit of three hours, told as it goes."""
    await room.happen(plugged(first_h, soc_percent=40, energy_register_wh=1_000))
    await room.happen(plugged(first_h + 1, soc_percent=45, energy_register_wh=6_000))
    await room.happen(unplugged(first_h + 3))
    await room.house.live_until(room.house.clock.now() + 2 * timedelta(minutes=1))
    await room.route()


async def test_every_change_arrives_signed_in_order_with_the_whole_session(
    store: AnyStore, receiver: Receiver
) -> None:
    async with a_mailroom(store) as room:
        await room.subscribe(receiver.url, header=("x-their-key", "hush"))
        await visit(room)
        await room.deliver_all()

    events = events_of(receiver.requests)
    assert receiver.requests[0].headers["x-their-key"] == "hush"
    in_order(events)
    assert {event["event"] for event in events} == {"flex:session:updated"}
    assert {event["userId"] for event in events} == {"owner"}
    settled = [event["session"] for event in events if event["session"]["state"] == "SETTLED"]
    assert [session["statistics"]["aggregated"]["kwhSum"] for session in settled] == [5.0]
    assert len({event["id"] for event in events}) == len(events)


async def test_a_receiver_that_is_down_for_a_day_gets_everything_then(
    store: AnyStore, receiver: Receiver
) -> None:
    receiver.answer_always(Answer(status=500))
    async with a_mailroom(store) as room:
        webhook_id = await room.subscribe(receiver.url)
        await visit(room)
        expected = (await room.view(webhook_id)).line.pending
        began_at = room.house.clock.now()
        while (next_at := (await room.view(webhook_id)).line.next_at) < began_at + DAY:
            room.house.clock.move_to(max(room.house.clock.now(), next_at))
            await room.deliver()
        failed = len(receiver.requests)
        receiver.answer_always(Answer())
        await room.live_until_delivered(webhook_id, at_most=DAY)

    assert failed == len(DELAYS)
    events = events_of(receiver.requests[failed:])
    in_order(events)
    assert len(events) == expected > 3


async def test_after_the_whole_schedule_nothing_is_dropped_and_all_can_be_sent_again(
    store: AnyStore, receiver: Receiver
) -> None:
    receiver.answer_always(Answer(status=503))
    async with a_mailroom(store) as room:
        webhook_id = await room.subscribe(receiver.url)
        await visit(room)
        waiting = (await room.view(webhook_id)).line.pending
        took = await room.live_until_delivered(webhook_id, at_most=2 * DAY)
        assert WHOLE <= took <= WHOLE * 1.11
        line = (await room.view(webhook_id)).line
        assert (line.is_active, line.pending, len(receiver.requests)) == (False, 0, 18)

        await visit(room, first_h=40)  # while nobody listens
        letters = await dead_letters_of(room.office.ports, ORGANIZATION, webhook_id, after=0, limit=500)
        assert len(letters) > waiting
        assert await room.deliver_all() == 0

        receiver.answer_always(Answer())
        window = (BUILT_AT, room.house.clock.now() + HOUR)
        assert await replay(room.office.ports, ORGANIZATION, webhook_id, window) == len(letters)
        await room.deliver_all()

    events = events_of(receiver.requests[18:])
    in_order(events)
    assert [event["id"] for event in events] == [letter.event_id for letter in letters]


async def test_letters_sent_again_meanwhile_outlive_a_try_of_the_same_worker_that_did_not_hold_them(
    store: AnyStore, receiver: Receiver
) -> None:
    receiver.answer_always(Answer(status=503))
    async with a_mailroom(store) as room:
        webhook_id = await room.subscribe(receiver.url)
        await visit(room)
        await room.live_until_delivered(webhook_id, at_most=2 * DAY)
        letters = await dead_letters_of(room.office.ports, ORGANIZATION, webhook_id, after=0, limit=500)
        last_at = letters[-1].created_at
        await replay(room.office.ports, ORGANIZATION, webhook_id, (last_at, room.house.clock.now()))
        [under_way] = await room.claimed()
        receiver.answer(Answer())
        taken = await room.post(under_way)
        await replay(room.office.ports, ORGANIZATION, webhook_id, (BUILT_AT, last_at))
        [whole] = await room.claimed()

        assert len(under_way.items) < len(whole.items) == len(letters)
        assert taken.is_success
        assert await record(room.office.ports, under_way, taken, chance=0.5) is False
        assert await record(room.office.ports, whole, await room.post(whole), chance=0.5)
        assert (await room.view(webhook_id)).line.pending == len(letters)


async def test_a_worker_that_died_is_taken_over_with_the_same_ids_and_comes_back_to_nothing(
    store: AnyStore, receiver: Receiver
) -> None:
    async with a_mailroom(store) as room:
        webhook_id = await room.subscribe(receiver.url)
        await visit(room)
        [late] = await room.claimed("died")
        answered = await room.post(late)
        assert await room.claimed("other") == []

        room.house.clock.move_to(room.house.clock.now() + LEASE)
        assert await room.deliver("other") == 1
        assert await record(room.office.ports, late, answered, chance=0.0) is False
        assert (await room.view(webhook_id)).line.pending == 0

    first, second = (events_of([request]) for request in receiver.requests)
    assert [event["id"] for event in first] == [event["id"] for event in second]


async def test_two_workers_at_once_never_hold_one_line(store: AnyStore, receiver: Receiver) -> None:
    async with a_mailroom(store) as room:
        for _ in range(6):
            await room.subscribe(receiver.url)
        await visit(room)
        claims = await asyncio.gather(*(room.claimed(f"worker {n}", limit=4) for n in range(4)))

    held = [job.line.webhook_id for jobs in claims for job in jobs]
    assert len(held) == len(set(held)) == 6


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (Answer(status=410), (410, None)),
        (Answer(status=301, headers={"location": "http://127.0.0.1:1/"}), (301, None)),
        (Answer(status=500, body=b"x" * 100_000), (500, None)),
        (Answer(hang_up=True), (None, "the connection was closed without an answer")),
        (Answer(delay_s=5.0), (None, "no answer in time")),
    ],
)
async def test_what_is_no_success_is_kept_with_its_reason_and_tried_again(
    receiver: Receiver, sqlite_store: AnyStore, answer: Answer, expected: tuple[int | None, str | None]
) -> None:
    receiver.answer(answer)
    async with a_mailroom(sqlite_store, patience=timedelta(seconds=0.3)) as room:
        webhook_id = await room.subscribe(receiver.url)
        await room.happen(plugged(0, soc_percent=40))
        await room.deliver()
        [attempt] = await attempts_of(room.office.ports, ORGANIZATION, webhook_id, before_id=None, limit=9)
        assert (attempt.status, attempt.fault) == expected
        assert len(attempt.answer) <= 2_048
        line = (await room.view(webhook_id)).line
        assert line.attempt == 1
        assert line.pending == len(attempt.events)
        await room.live_until_delivered(webhook_id, at_most=HOUR)
    assert len(receiver.requests) == 2


async def test_a_longer_wait_that_is_asked_for_is_kept_within_bounds(
    sqlite_store: AnyStore, receiver: Receiver
) -> None:
    receiver.answer(
        Answer(status=429, headers={"retry-after": "90"}),
        Answer(status=429, headers={"retry-after": "999999"}),
    )
    async with a_mailroom(sqlite_store) as room:
        webhook_id = await room.subscribe(receiver.url)
        await room.happen(plugged(0, soc_percent=40))
        waits = []
        for _ in range(2):
            await room.deliver()
            line = (await room.view(webhook_id)).line
            waits.append(line.next_at - room.house.clock.now())
            room.house.clock.move_to(line.next_at)
    assert waits == [timedelta(seconds=90), HOUR]


async def test_a_heartbeat_comes_when_nothing_else_does_and_a_deaf_receiver_stays_active(
    sqlite_store: AnyStore, receiver: Receiver
) -> None:
    async with a_mailroom(sqlite_store) as room:
        webhook_id = await room.subscribe(receiver.url, events=("system:heartbeat",))
        await visit(room)
        for status in (204, 500, 500):
            receiver.answer(Answer(status=status))
            room.house.clock.move_to(room.house.clock.now() + HEARTBEAT_EVERY)
            await room.deliver()
        assert (await room.view(webhook_id)).line.is_active
    events = heartbeats_of(receiver.requests)
    assert len(events) == len(receiver.requests) == 3
    assert events[0]["pendingEvents"] == 0


async def test_changes_of_one_session_within_a_second_merge_until_they_are_numbered(
    store: AnyStore, receiver: Receiver
) -> None:
    async with a_mailroom(store) as room:
        await room.subscribe(receiver.url)
        await room.happen(plugged(0, soc_percent=40, energy_register_wh=1_000))
        for minute in range(1, 30):
            await room.house.tell(
                plugged(minute / 60, soc_percent=40, energy_register_wh=1_000 + 10 * minute)
            )
        await room.route()
        await room.deliver_all()
    events = events_of(receiver.requests)
    in_order(events)
    assert len(events) <= 6
    assert events[-1]["session"]["statistics"]["aggregated"]["kwhSum"] == 0.29


async def test_a_webhook_that_ended_is_told_nothing_more(store: AnyStore, receiver: Receiver) -> None:
    async with a_mailroom(store) as room:
        webhook_id = await room.subscribe(receiver.url)
        await visit(room)
        await remove_webhook(room.office.ports, ORGANIZATION, webhook_id)
        assert await room.deliver_all() == 0
        with pytest.raises(NotFound):
            await room.view(webhook_id)


async def test_a_change_of_address_makes_it_active_and_secrets_are_not_in_the_store(
    store: AnyStore, receiver: Receiver
) -> None:
    async with a_mailroom(store) as room:
        webhook_id = await room.subscribe("http://127.0.0.1:9/")
        await visit(room)
        await room.live_until_delivered(webhook_id, at_most=2 * DAY)
        view = await room.view(webhook_id)
        assert not view.line.is_active
        assert b"YSBrZXkg" not in view.webhook.secret

        changed = await change_webhook(room.office, ORGANIZATION, webhook_id, Wanted(url=receiver.url))
        assert changed.line.is_active
        await replay(room.office.ports, ORGANIZATION, webhook_id, (BUILT_AT, room.house.clock.now()))
        await room.deliver_all()
    in_order(events_of(receiver.requests))


async def test_an_address_inside_is_refused_at_the_door_and_at_the_connection(store: AnyStore) -> None:
    async with a_mailroom(store) as room:
        with pytest.raises(Refused):
            await room.subscribe("http://10.0.0.1/")
        answered = await room.office.deliver.post("http://[::1]:8080/", b"[]", {})
        assert (answered.status, answered.fault) == (None, "the target is not allowed")
