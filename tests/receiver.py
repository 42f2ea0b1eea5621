"""A real HTTP receiver on loopback: where the product sends webhooks and orders in tests.

It runs on a thread of its own, so that async tests, plain tests and servers in other processes can all reach it.

    receiver.answer(Answer(status=503), Answer(delay_s=2.0))     # the next two; after them 204 again
    ... the product delivers to receiver.url ...
    first, second, third = receiver.wait_for(3)                  # or: await receiver.arrived(3)
    assert first.json()["event"] == "flex:session:updated"
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

DEADLINE_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedRequest:
    """One request as it came over the wire, header names in lower case; and what it is answered, 0 for nothing."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    status: int = 204

    def json(self) -> Any:
        """The body, read as JSON."""
        return json.loads(self.body)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the receiver answers. `hang_up` closes the connection without a word, after `delay_s`."""

    status: int = 204
    delay_s: float = 0.0
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    hang_up: bool = False


class Receiver:
    """Records every request before answering it. All methods may be called from any thread."""

    def __init__(self) -> None:
        self.url = ""
        self._changed = threading.Condition()
        self._requests: list[ReceivedRequest] = []
        self._scripted: deque[Answer] = deque()
        self._usual = Answer()
        self._closing = asyncio.Event()

    @property
    def requests(self) -> tuple[ReceivedRequest, ...]:
        """All that came so far, in order of arrival."""
        with self._changed:
            return tuple(self._requests)

    def answer(self, *answers: Answer) -> None:
        """Answers the coming requests with these, in order; then as usual."""
        with self._changed:
            self._scripted.extend(answers)

    def answer_always(self, answer: Answer) -> None:
        """What is answered from now on when nothing is scripted."""
        with self._changed:
            self._usual = answer

    def wait_for(self, count: int, *, timeout_s: float = DEADLINE_S) -> tuple[ReceivedRequest, ...]:
        """The requests, once there are `count`; AssertionError if they do not come in time."""
        with self._changed:
            enough = self._changed.wait_for(lambda: len(self._requests) >= count, timeout_s)
            assert enough, f"{len(self._requests)} of {count} requests came within {timeout_s} s"
            return tuple(self._requests)

    async def arrived(self, count: int, *, timeout_s: float = DEADLINE_S) -> tuple[ReceivedRequest, ...]:
        """`wait_for` for async tests: the loop goes on meanwhile."""
        return await asyncio.to_thread(self.wait_for, count, timeout_s=timeout_s)

    async def serve(self, started: threading.Event) -> None:
        """Serves on a free port of 127.0.0.1 until `close`; sets `started` when `url` is known."""
        runner = web.ServerRunner(web.Server(self._take), shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        started.set()
        await self._closing.wait()
        await runner.cleanup()

    def close(self) -> None:
        """Ends `serve`, answers under way included. Called on the thread that serves."""
        self._closing.set()

    async def _take(self, request: web.BaseRequest) -> web.StreamResponse:
        body = await request.read()
        with self._changed:
            answer = self._scripted.popleft() if self._scripted else self._usual
            received = ReceivedRequest(
                method=request.method,
                path=request.path_qs,
                headers={name.lower(): value for name, value in request.headers.items()},
                body=body,
                status=0 if answer.hang_up else answer.status,
            )
            self._requests.append(received)
            self._changed.notify_all()
        await self._wait(answer.delay_s)
        if answer.hang_up and request.transport is not None:
            request.transport.abort()
        return web.Response(status=answer.status, body=answer.body, headers=answer.headers)

    async def _wait(self, delay_s: float) -> None:
        """A slow receiver; closing cuts it short."""
        if delay_s > 0:
            try:
                await asyncio.wait_for(self._closing.wait(), delay_s)
            except TimeoutError:
                return


@contextmanager
def running_receiver() -> Iterator[Receiver]:
    """A receiver that serves while the block runs."""
    receiver = Receiver()
    started = threading.Event()
    loop = asyncio.new_event_loop()

    def serve() -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(receiver.serve(started))

    thread = threading.Thread(target=serve, name="receiver", daemon=True)
    thread.start()
    assert started.wait(DEADLINE_S), "the receiver did not start"
    try:
        yield receiver
    finally:
        loop.call_soon_threadsafe(receiver.close)
        thread.join(DEADLINE_S)
        assert not thread.is_alive(), "the receiver did not stop"
