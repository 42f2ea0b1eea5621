"""What a process has heard of the others: who holds which station, and how long each of them is to be believed.

No waiting and no clock in here: instants are seconds of the caller's clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dwell.domain.ids import StationId

NOBODY = ""
"""In place of a process: the station has left."""


@dataclass(frozen=True, slots=True)
class Holder:
    """The process that holds a station, or NOBODY, since an epoch."""

    process_id: str
    epoch: int


class View:
    """News may come late, twice and out of order: of a station the highest epoch counts."""

    def __init__(self, process_id: str) -> None:
        self._own = process_id
        self._holders: dict[StationId, Holder] = {}
        self._until_s: dict[str, float] = {}

    def hear_leases(self, left_s: Mapping[str, float], now_s: float) -> None:
        """All processes that hold a lease, and for how long still. `now_s`: when that was asked."""
        self._until_s = {process_id: now_s + left for process_id, left in left_s.items()}

    def hear_holder(self, station_id: StationId, holder: Holder) -> bool:
        """Whether another process speaks for the station now, by news that is not older than what is known."""
        known = self._holders.get(station_id)
        if known is not None and holder.epoch < known.epoch:
            return False
        self._holders[station_id] = holder
        return holder.process_id not in {NOBODY, self._own}

    def is_leased(self, process_id: str) -> bool:
        """Whether the process was among those with a lease when that was last asked."""
        return process_id in self._until_s

    def is_elsewhere(self, station_id: StationId, now_s: float) -> bool:
        """Whether another process holds the station, and a lease."""
        holder = self._holders.get(station_id)
        if holder is None or holder.process_id in {NOBODY, self._own}:
            return False
        return now_s < self._until_s.get(holder.process_id, now_s)
