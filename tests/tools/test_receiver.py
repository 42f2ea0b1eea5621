"""The loopback receiver that stands for other people's servers."""

from __future__ import annotations

import asyncio
import urllib.request
from time import monotonic

import aiohttp
import pytest

from receiver import Answer, Receiver, running_receiver

pytestmark = pytest.mark.anyio


async def test_a_request_is_kept_as_it_came(receiver: Receiver) -> None:
    async with aiohttp.ClientSession() as client:
        answered = await client.post(
            f"{receiver.url}/hooks?a=1", json={"event": "x"}, headers={"X-Sign": "s"}
        )

    (request,) = await receiver.arrived(1)
    assert answered.status == 204
    assert (request.method, request.path, request.headers["x-sign"]) == ("POST", "/hooks?a=1", "s")
    assert request.json() == {"event": "x"}


async def test_scripted_answers_come_in_order_then_the_usual_one(receiver: Receiver) -> None:
    receiver.answer_always(Answer(status=200, body=b"ok"))
    receiver.answer(Answer(status=503, headers={"Retry-After": "7"}), Answer(status=410))

    async with aiohttp.ClientSession() as client:
        answers = [await client.get(receiver.url) for _ in range(3)]

    assert [answer.status for answer in answers] == [503, 410, 200]
    assert answers[0].headers["Retry-After"] == "7"


async def test_a_slow_answer_lets_the_sender_time_out_and_does_not_hold_up_the_end() -> None:
    began = monotonic()
    with running_receiver() as receiver:
        receiver.answer(Answer(delay_s=60))
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=0.1)) as client:
            with pytest.raises(asyncio.TimeoutError):
                await client.get(receiver.url)
        assert len(await receiver.arrived(1)) == 1

    assert monotonic() - began < 10


async def test_hanging_up_is_a_broken_connection(receiver: Receiver) -> None:
    receiver.answer(Answer(hang_up=True))

    async with aiohttp.ClientSession() as client:
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await client.post(receiver.url, data=b"x")


async def test_requests_that_do_not_come_are_a_failure(receiver: Receiver) -> None:
    with pytest.raises(AssertionError, match="0 of 1 requests came"):
        await receiver.arrived(1, timeout_s=0.05)


def test_it_serves_plain_tests_too(receiver: Receiver) -> None:
    with urllib.request.urlopen(receiver.url, data=b"hello") as answer:
        assert answer.status == 204

    assert [request.body for request in receiver.wait_for(1)] == [b"hello"]
