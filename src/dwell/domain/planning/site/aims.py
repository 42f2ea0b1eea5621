"""Does any exchange of energy better a site plan? The aims in their order, for the verifier.

Without least powers a plan is best for an aim exactly when no chain of exchanges betters it: a vehicle takes more in
a slot with room, or another's energy there, which takes a third one's elsewhere. All chains are followed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dwell.domain.errors import Fault
from dwell.domain.planning.site.measured import NEAR, Measured, Numbers

APART = 1e-5  # points or fractions: nearer ones count as equal


def reserve_faults(found: Measured, unit_kwh: Numbers) -> list[Fault]:
    """Slot by slot in time: the most reserve energy, and nobody served before one who lacks more."""
    lacking = found.reserve_need.copy()
    for t in range(len(found.hours)):
        given = found.reserve[:, t]
        before, lacking = lacking, lacking - given
        able = (np.minimum(found.free[:, t], before) - given > found.near) & (lacking > found.near)
        if not able.any():
            continue
        if found.room[t] - given.sum() > found.near:
            return [_slot(t, "a battery below its reserve could have more")]
        served = given > found.near
        points = lacking / unit_kwh
        if served.any() and points[able].max() > points[served].min() + APART:
            return [_slot(t, "a battery that lacks more of its reserve stands back")]
    short = np.nonzero(lacking < -found.near)[0]
    return [
        Fault(field=f"vehicles[{v}].blocks", message="more reserve than the battery lacks") for v in short
    ]


class Chains:
    """Which vehicles could take more where, and whose energy stands where."""

    def __init__(self, found: Measured) -> None:
        before = np.arange(len(found.hours))[None, :] < np.array(found.until, np.int64)[:, None]
        most = np.where(before, np.maximum(found.allowed - found.reserve, 0.0), 0.0)
        self.found = found
        self.slack: NDArray[np.bool_] = most - found.target > found.near
        self.holds: NDArray[np.bool_] = found.target > found.near
        left = found.room - found.reserve.sum(axis=0) - found.target.sum(axis=0)
        self.roomy: NDArray[np.bool_] = left > found.near
        self.total = found.target.sum(axis=1)

    def fair(self) -> list[Fault]:
        """Whether a vehicle that gets less than it needs could have more from one that gets a greater part."""
        need = self.found.need
        part = np.where(need > NEAR, self.total / np.where(need > NEAR, need, 1.0), np.inf)
        seen_v, seen_t = np.zeros(len(need), bool), np.zeros(len(self.roomy), bool)
        for first in np.argsort(part, kind="stable"):
            if need[first] - self.total[first] <= self.found.near or seen_v[first]:
                continue
            queue, seen_v[first] = [int(first)], True
            while queue:
                slots = np.nonzero(self.slack[queue.pop()] & ~seen_t)[0]
                seen_t[slots] = True
                for t in slots:
                    if self.roomy[t]:
                        return [_vehicle(first, f"could have more by its deadline, in slots[{t}]")]
                    others = np.nonzero(self.holds[:, t] & ~seen_v)[0]
                    better = others[part[others] > part[first] + APART]
                    if len(better):
                        return [
                            _vehicle(first, f"could have more by its deadline, from vehicles[{better[0]}]")
                        ]
                    seen_v[others] = True
                    queue += others.tolist()
        return []

    def cheap(self) -> list[Fault]:
        """Whether energy could move to a cheaper slot or an equal one before, or more be worth its price."""
        found = self.found
        seen_v, seen_t = np.zeros(len(found.need), bool), np.zeros(len(self.roomy), bool)
        for goal in np.argsort(found.price, kind="stable"):
            if not self.roomy[goal] or seen_t[goal]:
                continue
            queue, seen_t[goal] = [int(goal)], True
            while queue:
                movers = np.nonzero(self.slack[:, queue.pop()] & ~seen_v)[0]
                seen_v[movers] = True
                more = movers[self.total[movers] < found.most[movers] - found.near]
                if found.price[goal] < -NEAR and len(more):
                    return [_vehicle(more[0], f"more in slots[{goal}] would earn money")]
                for v in movers:
                    slots = np.nonzero(self.holds[v] & ~seen_t)[0]
                    dearer = [s for s in slots if self._after(s, goal)]
                    if dearer:
                        return [_vehicle(v, f"energy of slots[{dearer[0]}] belongs into slots[{goal}]")]
                    seen_t[slots] = True
                    queue += slots.tolist()
        return self._needless()

    def _after(self, s: int, goal: int) -> bool:
        here, there = self.found.price[s], self.found.price[goal]
        return bool(here > there + 1e-9 or (here == there and s > goal))

    def _needless(self) -> list[Fault]:
        """Whether energy above the need is paid for: then less would cost less."""
        queue = np.nonzero(self.total > self.found.need + self.found.near)[0].tolist()
        seen_v, seen_t = np.zeros(len(self.total), bool), np.zeros(len(self.roomy), bool)
        seen_v[queue] = True
        while queue:
            v = queue.pop()
            for t in np.nonzero(self.holds[v] & ~seen_t)[0]:
                if self.found.price[t] >= 0.0:
                    return [_vehicle(v, f"slots[{t}] has more than is needed, at a price")]
                seen_t[t] = True
                others = np.nonzero(self.slack[:, t] & ~seen_v)[0]
                seen_v[others] = True
                queue += others.tolist()
        return []


def late_faults(found: Measured) -> list[Fault]:
    """Whether energy after a deadline waits although there is room, or is more than what was missed."""
    missed = found.need - found.target.sum(axis=1)
    left = found.room - (found.reserve + found.target + found.late).sum(axis=0)
    faults = []
    for v in np.nonzero((missed > found.near) | (found.late.sum(axis=1) > found.near))[0]:
        rest = missed[v] - np.cumsum(found.late[v])
        slack = found.allowed[v] - found.reserve[v] - found.late[v]
        waits = (left > found.near) & (slack > found.near) & (rest > found.near)
        if waits[found.until[v] :].any():
            faults.append(_vehicle(v, "late energy must not wait where there is room"))
        if rest[-1] < -found.near:
            faults.append(_vehicle(v, "more energy after the deadline than was missed"))
    return faults


def _slot(t: int, message: str) -> Fault:
    return Fault(field=f"slots[{t}]", message=message)


def _vehicle(v: int, message: str) -> Fault:
    return Fault(field=f"vehicles[{v}].blocks", message=message)
