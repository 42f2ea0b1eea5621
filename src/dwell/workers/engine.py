"""The engine's loop: look after what is due, then wait for the next instant, or for news.

Orders are handed out beside the loop: a receiver that hangs holds up no vehicle but those it is called for.

Nothing ends it but its cancellation. A fault that nobody foresaw is logged with its trace, counted, and followed by a
pause that doubles up to LONGEST_PAUSE_S: the server goes on to take facts and to answer, and says that it is not ready.
"""

from __future__ import annotations

import asyncio
import time
from datetime import datetime

import structlog

from dwell.application.engine import BATCH, Engine, Looked, look_after_due, next_wake_at
from dwell.application.watching import EngineWatch
from dwell.domain.errors import Unavailable
from dwell.workers.orders import Dispatch

LONGEST_WAIT_S = 5.0
"""The wall clock may be set, and another process may have brought something: never sleep longer on one look."""
PAUSE_S = 1.0
"""After the store could not serve, and after the first unforeseen fault."""
LONGEST_PAUSE_S = 60.0
"""Between two runs that fail."""

log = structlog.get_logger("dwell.engine")


async def run_engine(engine: Engine, news: asyncio.Event, watch: EngineWatch) -> None:
    """Run until cancelled. Set `news` after every commit that may have brought an earlier instant."""
    async with asyncio.TaskGroup() as tasks:
        dispatch = Dispatch(engine, tasks, told=lambda told: watch.order_given(told=told))
        try:
            await _look_for_ever(engine, news, watch, dispatch)
        finally:
            await dispatch.end()


async def _look_for_ever(engine: Engine, news: asyncio.Event, watch: EngineWatch, dispatch: Dispatch) -> None:
    pause_s = PAUSE_S
    while True:
        news.clear()
        started_s = time.monotonic()
        try:
            looked = await look_after_due(engine)
            dispatch.take(looked.orders)
            wake_at = None if looked.due >= BATCH else await next_wake_at(engine.ports)
        except Unavailable as error:
            log.warning("engine_waited_for_store", reason=error.message)
            watch.engine_failed("Unavailable")
            await _wait(news, PAUSE_S)
            continue
        except Exception as error:  # whatever it is: one fault may not leave every vehicle without an engine
            log.exception("engine_failed", again_in_s=pause_s)
            watch.engine_failed(type(error).__name__)
            # Not shortened by news: under steady traffic that would be no pause at all.
            await asyncio.sleep(pause_s)
            pause_s = min(LONGEST_PAUSE_S, 2 * pause_s)
            continue
        pause_s = PAUSE_S
        watch.engine_ran(looked, time.monotonic() - started_s)
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
