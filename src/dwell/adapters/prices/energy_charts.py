"""The live feed of Energy-Charts (Fraunhofer ISE), open, without a key.

    GET /price?bzn=DE-LU&start=2026-03-28&end=2026-03-30

One request at a time, bounded in time, in bytes after inflation, and to where it was sent: redirects are not followed.
"""

from __future__ import annotations

from datetime import datetime

import aiohttp

from dwell.domain.errors import Fault, PeerFault, Refused
from dwell.domain.ids import Zone
from dwell.domain.tariff.curve import PriceSlot
from dwell.protocols.prices import read_prices

TIMEOUT_S = 30.0
LIMIT_BYTES = 2_000_000
"""Three days of quarter hours take 15 kB."""


class EnergyCharts:
    """The feed of one zone."""

    def __init__(self, url: str, zone: str, *, timeout_s: float = TIMEOUT_S) -> None:
        self._url = url
        self._zone = zone
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)

    async def fetch(self, start_at: datetime, end_at: datetime) -> tuple[str, tuple[PriceSlot, ...]]:
        """Currency and slots of the window. Raises PeerFault, Refused."""
        window = {"bzn": self._zone, "start": f"{start_at:%F}", "end": f"{end_at:%F}"}
        try:
            async with (
                aiohttp.ClientSession(timeout=self._timeout, cookie_jar=aiohttp.DummyCookieJar()) as session,
                session.get(self._url, params=window, allow_redirects=False) as response,
            ):
                if response.status != 200:
                    raise PeerFault(f"The price feed answered with status {response.status}.")
                content = await _bounded(response)
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise PeerFault(f"The price feed did not answer: {type(error).__name__}.") from error
        document = read_prices("the price feed", content, zone=Zone(self._zone))
        return document.currency, document.slots


async def _bounded(response: aiohttp.ClientResponse) -> bytes:
    """The body, inflated. Raises Refused beyond LIMIT_BYTES, without reading on."""
    read = bytearray()
    async for chunk in response.content.iter_chunked(65_536):
        read += chunk
        if len(read) > LIMIT_BYTES:
            response.close()
            raise Refused.because(
                Fault(field="$", message=f"more than {LIMIT_BYTES} bytes"), code="too_large"
            )
    return bytes(read)
