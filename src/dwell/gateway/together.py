"""Messages of many stations in one transaction of the store.

While a group is being stored, what comes meanwhile waits and makes the next one: nobody waits for a clock, and the more
there is to do the larger the groups are. Each organization has groups of its own, so none waits for another's. Where a
group fails, each of its messages is taken alone and has only its own fault; a station whose message was at fault goes
alone for a while, so that one that repeats it for ever spoils no more groups.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from dataclasses import dataclass, field

from dwell.application.ports import Ports
from dwell.application.stations.reports import Heard, may_go_together, take_report, take_reports
from dwell.domain.errors import NotFound, Unavailable
from dwell.domain.ids import OrganizationId, StationId
from dwell.domain.station.replies import StationReply

GROUP_LIMIT = 64
"""Messages in one transaction."""
GROUPS_AT_ONCE = 2
"""Of an organization: one is being committed while the next one is worked on."""
ALONE_FOR_S = 600.0
"""How long a station goes alone after a message that spoiled a group."""
REMEMBERED = 10_000
"""Stations that are remembered as such; the one at fault longest ago is forgotten."""


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    station_id: StationId
    heard: Heard
    future: asyncio.Future[StationReply]


@dataclass(slots=True)
class _Line:
    """What waits of one organization, how many groups of it are under way, and whose messages are in them."""

    waiting: deque[_Waiting] = field(default_factory=deque)
    groups: int = 0
    stored_now: set[StationId] = field(default_factory=set)

    def next_group(self) -> list[_Waiting]:
        """Those that wait longest; of a station one message at a time, in their order."""
        chosen, left = list[_Waiting](), list[_Waiting]()
        seen = set(self.stored_now)
        while self.waiting and len(chosen) < GROUP_LIMIT:
            one = self.waiting.popleft()
            (left if one.station_id in seen else chosen).append(one)
            seen.add(one.station_id)
        self.waiting.extendleft(reversed(left))
        return chosen


class Together:
    """Takes the reports of all stations of a gateway. How many wait is limited by the sockets: one message each."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._lines: dict[OrganizationId, _Line] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._at_fault: OrderedDict[StationId, float] = OrderedDict()

    async def take(
        self, organization_id: OrganizationId, station_id: StationId, heard: Heard
    ) -> StationReply:
        """The reply once all is stored. Raises as `take_report` does."""
        if not may_go_together(heard.report) or self._goes_alone(station_id):
            return await take_report(self._ports, organization_id, station_id, heard)
        future: asyncio.Future[StationReply] = asyncio.get_running_loop().create_future()
        line = self._lines.setdefault(organization_id, _Line())
        line.waiting.append(_Waiting(station_id, heard, future))
        if line.groups < GROUPS_AT_ONCE:
            line.groups += 1
            task = asyncio.create_task(self._work(organization_id, line))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await future

    async def end(self) -> None:
        """Let go of what still waits: nobody is left to be answered."""
        for line in self._lines.values():
            for one in line.waiting:
                one.future.cancel()
            line.waiting.clear()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _work(self, organization_id: OrganizationId, line: _Line) -> None:
        try:
            await asyncio.sleep(0)  # what has come in the same turn of the loop goes along
            while group := line.next_group():
                stations = {one.station_id for one in group}
                line.stored_now |= stations
                try:
                    await self._store(organization_id, group)
                finally:
                    line.stored_now -= stations
                    for one in group:
                        one.future.cancel()  # of those that have an answer nothing is changed by it
        finally:  # in the turn that found nothing more to do: whoever comes after it has to begin a group
            line.groups -= 1
            if not line.groups and not line.waiting:
                self._lines.pop(organization_id, None)

    async def _store(self, organization_id: OrganizationId, group: list[_Waiting]) -> None:
        told = [(one.station_id, one.heard) for one in group]
        try:
            replies = await take_reports(self._ports, organization_id, told)
        except Unavailable as error:
            _fail(group, error)
        except Exception:  # noqa: BLE001 - whichever of them it was: alone, each has only its own fault
            await self._each_alone(organization_id, group)
        else:
            for one, reply in zip(group, replies, strict=True):
                if reply is None:
                    _fail([one], NotFound("There is no such station."))
                elif not one.future.done():
                    one.future.set_result(reply)

    async def _each_alone(self, organization_id: OrganizationId, group: list[_Waiting]) -> None:
        for place, one in enumerate(group):
            try:
                reply = await take_report(self._ports, organization_id, one.station_id, one.heard)
            except Unavailable as error:
                # The store is away, for the rest too: none waits for its turn to hear of it.
                _fail(group[place:], error)
                return
            except Exception as error:  # noqa: BLE001 - whatever it is, it is for the one who waits
                self._note_fault(one.station_id)
                _fail([one], error)
            else:
                if not one.future.done():
                    one.future.set_result(reply)

    def _goes_alone(self, station_id: StationId) -> bool:
        until_s = self._at_fault.get(station_id)
        return until_s is not None and asyncio.get_running_loop().time() < until_s

    def _note_fault(self, station_id: StationId) -> None:
        self._at_fault[station_id] = asyncio.get_running_loop().time() + ALONE_FOR_S
        self._at_fault.move_to_end(station_id)
        if len(self._at_fault) > REMEMBERED:
            self._at_fault.popitem(last=False)


def _fail(group: list[_Waiting], error: Exception) -> None:
    for one in group:
        if not one.future.done():
            one.future.set_exception(error)
