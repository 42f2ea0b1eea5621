"""The loop that keeps market prices fresh from a live feed. Without one nothing is missing: prices are imported."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

import structlog

from dwell.application.ports import Ports
from dwell.application.price_feed import FeedState, PriceFeed, refresh_prices
from dwell.domain.errors import DwellError
from dwell.domain.tariff.feed import wait_for_next

log = structlog.get_logger("dwell.prices")


async def run_price_feed(
    ports: Ports,
    feed: PriceFeed,
    zone: str,
    *,
    changed: Callable[[], None],
    noted: Callable[[FeedState], None],
) -> None:
    """Run until cancelled. `changed` is called after prices came in, `noted` with the state after each try."""
    state = FeedState()
    while True:
        try:
            state = await refresh_prices(ports, feed, zone)
            log.info("prices_refreshed", zone=zone, known_until=str(state.known_until))
            changed()
        except DwellError as error:
            state = state.failed(error.message)
            log.warning("price_feed_failed", zone=zone, reason=error.message, failures=state.failures)
        except Exception as error:  # whatever it is: tomorrow's prices are wanted all the same
            state = state.failed(type(error).__name__)
            log.exception("price_feed_failed", zone=zone, failures=state.failures)
        now = ports.clock.now()
        if state.is_alarming(now):
            log.error("price_feed_stale", zone=zone, good_at=str(state.good_at), reason=state.trouble)
        noted(state)
        wait = wait_for_next(state.known_until, now, state.failures, random.random())
        await asyncio.sleep(wait.total_seconds())
