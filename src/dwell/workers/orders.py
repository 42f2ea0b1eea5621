"""Orders on their way out, beside the engine's loop: so many calls at once, one at a time for each vehicle.

A newer order takes the place of one that still waits for the same vehicle; one that is under way ends first, so a
vehicle hears its orders in the order in which they were given. When too many vehicles wait, further orders are turned
away. Nothing is lost by that, nor by a stop: every order is in the store as sent, and comes again when the vehicle is
not seen to obey in time (`steering.CONFIRM_WITHIN`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from functools import partial

import structlog

from dwell.application.engine import Engine, hand_out
from dwell.domain.ids import OrganizationId, VehicleId
from dwell.domain.session.steering import Order

AT_ONCE = 100
"""Calls under way at the same time."""
WAITING_AT_MOST = 10_000
"""Vehicles whose next order waits for a call to end; orders of further ones are turned away until they come again."""
STOP_WAIT_S = 5.0
"""How long a stop waits for calls under way; shorter than a call may take, for the order is not lost."""

Key = tuple[OrganizationId, VehicleId]

log = structlog.get_logger("dwell.orders")


class Dispatch:
    """Hands out orders in tasks of `tasks`; `told` hears whether each could be told. For the loop's own thread."""

    def __init__(
        self,
        engine: Engine,
        tasks: asyncio.TaskGroup,
        *,
        told: Callable[[bool], None] = lambda told: None,
        at_once: int = AT_ONCE,
        waiting_at_most: int = WAITING_AT_MOST,
    ) -> None:
        self._engine = engine
        self._tasks = tasks
        self._told = told
        self._at_once = at_once
        self._waiting_at_most = waiting_at_most
        self._waiting: dict[Key, Order] = {}
        self._under_way: dict[Key, asyncio.Task[None]] = {}
        self._ended = False

    def take(self, orders: Iterable[Order]) -> None:
        """Hand these out as soon as may be; never waits. What finds no room is logged and comes again."""
        for order in orders:
            key = (order.organization_id, order.vehicle_id)
            if key not in self._waiting and len(self._waiting) >= self._waiting_at_most:
                log.error("order_turned_away", vehicle_id=order.vehicle_id, waiting=len(self._waiting))
                continue
            self._waiting[key] = order
            self._start_what_may()  # at once, so that only what cannot go now counts as waiting

    async def end(self) -> None:
        """Start no more calls, and wait up to STOP_WAIT_S for those under way."""
        self._ended = True
        if self._waiting:
            log.warning("orders_left_in_store", waiting=len(self._waiting))
        if self._under_way:
            await asyncio.wait(self._under_way.values(), timeout=STOP_WAIT_S)

    def _start_what_may(self) -> None:
        """Start waiting orders in turn, passing over vehicles that are being told something now."""
        free = self._at_once - len(self._under_way)
        if free <= 0 or self._ended:
            return
        ready = [key for key in self._waiting if key not in self._under_way][:free]
        for key in ready:
            task = self._tasks.create_task(self._hand_out(self._waiting.pop(key)))
            self._under_way[key] = task
            task.add_done_callback(partial(self._go_on, key))

    def _go_on(self, key: Key, _: asyncio.Task[None]) -> None:
        del self._under_way[key]
        self._start_what_may()

    async def _hand_out(self, order: Order) -> None:
        reason = await hand_out(self._engine, order)
        self._told(reason is None)
        if reason is not None:
            log.warning("order_not_delivered", vehicle_id=order.vehicle_id, reason=reason)
