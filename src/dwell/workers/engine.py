"""The engine's loop: look after what is due, then wait for the next instant, or for news.

Orders are handed out beside the loop: a receiver that hangs holds up no vehicle but those it is called for.
"""

from __future__ import annotations

import asyncio
from datetime import datetime

import structlog

from dwell.application.engine import BATCH, Engine, Looked, look_after_due, next_wake_at
from dwell.domain.errors import Unavailable
from dwell.workers.orders import Dispatch

LONGEST_WAIT_S = 5.0
"""The wall clock may be set, and another process may have brought something: never sleep longer on one look."""
PAUSE_S = 1.0
"""After the store could not serve."""

log = structlog.get_logger("dwell.engine")


async def run_engine(engine: Engine, news: asyncio.Event) -> None:
    """Run until cancelled. Set `news` after every commit that may have brought an earlier instant."""
    async with asyncio.TaskGroup() as tasks:
        dispatch = Dispatch(engine, tasks)
        try:
            await _look_for_ever(engine, news, dispatch)
        finally:
            await dispatch.end()


async def _look_for_ever(engine: Engine, news: asyncio.Event, dispatch: Dispatch) -> None:
    while True:
        news.clear()
        try:
            looked = await look_after_due(engine)
            dispatch.take(looked.orders)
            wake_at = None if looked.due >= BATCH else await next_wake_at(engine.ports)
        except Unavailable as error:
            log.warning("engine_waited_for_store", reason=error.message)
            await _wait(news, PAUSE_S)
            continue
        _tell(looked)
        if looked.due < BATCH:
            await _wait(news, _seconds_until(wake_at, engine.ports.clock.now()))


def _tell(looked: Looked) -> None:
    for vehicle_id, faults in looked.plan_faults:
        log.error("plan_refused_by_verifier", vehicle_id=vehicle_id, faults=[f.message for f in faults])
    for vehicle_id, reason in looked.failures:
        log.error("vehicle_put_off", vehicle_id=vehicle_id, reason=reason)


def _seconds_until(wake_at: datetime | None, now: datetime) -> float:
    if wake_at is None:
        return LONGEST_WAIT_S
    return min(LONGEST_WAIT_S, max(0.0, (wake_at - now).total_seconds()))


async def _wait(news: asyncio.Event, timeout_s: float) -> None:
    try:
        await asyncio.wait_for(news.wait(), timeout_s)
    except TimeoutError:
        return
