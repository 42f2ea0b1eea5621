"""Orders to vehicles by an HTTP call to an address of the operator's, signed like a webhook.

    POST {url}
    {"id": "…", "vehicleId": "…", "sessionId": "…", "action": "START" | "STOP", "powerKw": 7.4, "attempt": 1}

Any 2xx answer means that the order was passed on, not that the vehicle obeys: that is seen in what it reports next.
The same order may come again, with the same id and a higher attempt. Redirects are not followed.
"""

from __future__ import annotations

from types import TracebackType

import aiohttp
import msgspec

from dwell.application.ports import Clock
from dwell.domain.errors import PeerFault
from dwell.domain.session.steering import Order
from dwell.domain.units import W_PER_KW
from dwell.protocols.webhooks.signature import key_of, signed_headers

TIMEOUT_S = 10.0
ANSWER_LIMIT_BYTES = 2_048
AT_ONCE = 100
"""Calls under way at the same time; more wait for one to end."""


class OrderBody(msgspec.Struct, frozen=True, rename="camel"):
    """What the operator's address receives."""

    id: str
    vehicle_id: str
    session_id: str
    action: str
    power_kw: float
    attempt: int


class HttpOrders:
    """Calls `url` for every order. Use as an async context manager: it holds connections open."""

    def __init__(self, url: str, secret: str, clock: Clock, *, timeout_s: float = TIMEOUT_S) -> None:
        """`secret` signs the calls, see `key_of`. Raises ValueError for one that cannot."""
        self._url = url
        self._key = key_of(secret)
        self._clock = clock
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> HttpOrders:
        connector = aiohttp.TCPConnector(limit=AT_ONCE)
        self._session = aiohttp.ClientSession(connector=connector, timeout=self._timeout)
        return self

    async def __aexit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def give(self, order: Order) -> str:
        """Pass the order on. Returns the answer's status and beginning; raises PeerFault when it was not taken."""
        if self._session is None:
            raise PeerFault("The way to vehicles is not open.")
        body = msgspec.json.encode(
            OrderBody(
                id=order.id,
                vehicle_id=order.vehicle_id,
                session_id=order.session_id,
                action=order.kind,
                power_kw=order.power_w / W_PER_KW,
                attempt=order.attempts,
            )
        )
        headers = signed_headers(self._key, order.id, self._clock.now(), body)
        headers["content-type"] = "application/json"
        try:
            async with self._session.post(
                self._url, data=body, headers=headers, allow_redirects=False
            ) as response:
                said = (await response.content.read(ANSWER_LIMIT_BYTES)).decode("utf-8", "replace")
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise PeerFault(f"The order could not be passed on: {type(error).__name__}.") from error
        if not 200 <= response.status < 300:
            raise PeerFault(f"The order was answered with status {response.status}: {said}")
        return f"{response.status} {said}".rstrip()
