"""Messages of many stations in one transaction of the store.

While a group is being stored, what comes meanwhile waits and makes the next one: nobody waits for a clock, and the more
there is to do the larger the groups are. Where a group fails, each of its messages is taken alone and has only its own
fault.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass

from dwell.application.ports import Ports
from dwell.application.stations.reports import Heard, may_go_together, take_report, take_reports
from dwell.domain.errors import NotFound, Unavailable
from dwell.domain.ids import OrganizationId, StationId
from dwell.domain.station.replies import StationReply

GROUP_LIMIT = 64
"""Messages in one transaction."""
GROUPS_AT_ONCE = 2
"""One is being committed while the next one is worked on."""


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    organization_id: OrganizationId
    station_id: StationId
    heard: Heard
    future: asyncio.Future[StationReply]


class Together:
    """Takes the reports of all stations of a gateway. How many wait is limited by the sockets: one message each."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._waiting: deque[_Waiting] = deque()
        self._groups: set[asyncio.Task[None]] = set()
        self._stored_now: set[StationId] = set()

    async def take(
        self, organization_id: OrganizationId, station_id: StationId, heard: Heard
    ) -> StationReply:
        """The reply once all is stored. Raises as `take_report` does."""
        if not may_go_together(heard.report):
            return await take_report(self._ports, organization_id, station_id, heard)
        future: asyncio.Future[StationReply] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(organization_id, station_id, heard, future))
        if len(self._groups) < GROUPS_AT_ONCE:
            task = asyncio.create_task(self._work())
            self._groups.add(task)
            task.add_done_callback(self._groups.discard)
        return await future

    async def end(self) -> None:
        """Let go of what still waits: nobody is left to be answered."""
        for task in self._groups:
            task.cancel()
        await asyncio.gather(*self._groups, return_exceptions=True)

    async def _work(self) -> None:
        await asyncio.sleep(0)  # what has come in the same turn of the loop goes along
        while group := self._next_group():
            stations = {one.station_id for one in group}
            self._stored_now |= stations
            try:
                await self._store(group)
            finally:
                self._stored_now -= stations
                for one in group:
                    one.future.cancel()  # of those that have an answer nothing is changed by it

    def _next_group(self) -> list[_Waiting]:
        """Those that wait longest, of one organization; of a station one message at a time, in their order."""
        chosen: list[_Waiting] = []
        left: list[_Waiting] = []
        seen = set(self._stored_now)
        while self._waiting and len(chosen) < GROUP_LIMIT:
            one = self._waiting.popleft()
            is_ours = not chosen or one.organization_id == chosen[0].organization_id
            (chosen if is_ours and one.station_id not in seen else left).append(one)
            seen.add(one.station_id)
        self._waiting.extendleft(reversed(left))
        return chosen

    async def _store(self, group: list[_Waiting]) -> None:
        told = [(one.station_id, one.heard) for one in group]
        try:
            replies = await take_reports(self._ports, group[0].organization_id, told)
        except Unavailable as error:
            for one in group:
                _fail(one, error)
        except Exception:  # noqa: BLE001 - whichever of them it was: alone, each has only its own fault
            for one in group:
                await self._alone(one)
        else:
            for one, reply in zip(group, replies, strict=True):
                if reply is None:
                    _fail(one, NotFound("There is no such station."))
                elif not one.future.done():
                    one.future.set_result(reply)

    async def _alone(self, one: _Waiting) -> None:
        try:
            reply = await take_report(self._ports, one.organization_id, one.station_id, one.heard)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is for the one who waits
            _fail(one, error)
        else:
            if not one.future.done():
                one.future.set_result(reply)


def _fail(one: _Waiting, error: Exception) -> None:
    if not one.future.done():
        one.future.set_exception(error)
