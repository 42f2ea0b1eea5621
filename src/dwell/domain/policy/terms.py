"""Policies, and the terms under which one visit is judged: a snapshot of what was agreed when its facts came in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import msgspec

from dwell.domain.policy.connection import BaseLoad, Room, less, rooms
from dwell.domain.policy.override import Override, Wanted
from dwell.domain.policy.schedule import USUAL_DEADLINE, Deadline, Restriction

WALK = timedelta(days=14)
"""How far full power is followed through a daily profile; what is not done by then is as good as never."""
_HOUR = timedelta(hours=1)
_HAIR_WH = 1e-4
"""What full power gives within the microsecond to which instants are kept."""


class PolicyTerms(msgspec.Struct, frozen=True):
    """What a policy asks for; the schedule has seven entries, Monday first."""

    battery_reserve_percent: float = 20
    schedule: tuple[Deadline | None, ...] = (USUAL_DEADLINE,) * 7
    restrictions: tuple[Restriction, ...] = ()


class Agreed(msgspec.Struct, frozen=True):
    """Policy terms in force from an instant on. The first of a session also holds before its instant."""

    from_at: datetime
    terms: PolicyTerms


class VisitTerms(msgspec.Struct, frozen=True):
    """Everything but facts and prices that decides how a visit is settled.

    `anticipated_at` is when the session began to wait: the end of the policy's visit before, or the policy's creation.
    """

    timezone: str = "UTC"
    zone: str | None = None
    power_max_w: int = 11_000
    power_min_w: int = 1_400
    battery_capacity_wh: int | None = None
    efficiency: float = 0.9
    control: str = "on_off"
    grid_limit_w: int | None = None
    base_load: tuple[BaseLoad, ...] = ()
    agreed: tuple[Agreed, ...] = ()
    overrides: tuple[Override, ...] = ()
    anticipated_at: datetime | None = None
    smart_charging: bool = True
    charging_mode: str = "optimized"
    link_valid: bool = True
    at_home: bool = False

    @property
    def available_power_w(self) -> int:
        """The most power the session can have: the lesser of the vehicle's and the connection's, W."""
        if self.grid_limit_w is None:
            return self.power_max_w
        return min(self.power_max_w, self.grid_limit_w)

    def left(self, start_at: datetime, end_at: datetime) -> Iterator[Room]:
        """What the connection leaves for all charging behind it, over a time without gaps, W."""
        limit_w = self.power_max_w if self.grid_limit_w is None else self.grid_limit_w
        base_load = self.base_load if self.grid_limit_w is not None else ()
        return rooms(limit_w, base_load, self.timezone, (start_at, end_at))

    def rooms(self, start_at: datetime, end_at: datetime, taken: Sequence[Room] = ()) -> Iterator[Room]:
        """The session's full available power over a time without gaps: less than the vehicle's least is none, W.

        `taken` is what others draw behind the connection meanwhile.
        """
        for room in less(self.left(start_at, end_at), taken):
            power_w = min(self.power_max_w, room.power_w)
            yield room._replace(power_w=power_w if power_w >= min(self.power_min_w, self.power_max_w) else 0)

    def done_at(self, since: datetime, energy_wh: float) -> datetime:
        """When `energy_wh` at the meter is in at full available power from `since`; WALK later where it never is."""
        if not self.has_profile:
            return since + timedelta(hours=energy_wh / max(1, self.available_power_w))
        left_wh = energy_wh
        for room in self.rooms(since, since + WALK):
            whole_wh = room.power_w * ((room.end_at - room.start_at) / _HOUR)
            if left_wh <= whole_wh + _HAIR_WH:
                return room.start_at + timedelta(hours=left_wh / max(1, room.power_w))
            left_wh -= whole_wh
        return since + WALK

    def latest_start(self, until: datetime, energy_wh: float) -> datetime:
        """The last instant from which full available power brings `energy_wh` at the meter by `until`."""
        if not self.has_profile:
            return until - timedelta(hours=energy_wh / max(1, self.available_power_w))
        left_wh = energy_wh
        for room in reversed([*self.rooms(until - WALK, until)]):
            whole_wh = room.power_w * ((room.end_at - room.start_at) / _HOUR)
            if left_wh <= whole_wh + _HAIR_WH:
                return room.end_at - timedelta(hours=left_wh / max(1, room.power_w))
            left_wh -= whole_wh
        return until - WALK

    @property
    def has_profile(self) -> bool:
        """Whether the available power is other than the lesser of vehicle and connection at some time of day."""
        if self.grid_limit_w is None:
            return False
        return bool(self.base_load) or self.grid_limit_w < min(self.power_min_w, self.power_max_w)

    def policy_at(self, instant: datetime) -> PolicyTerms | None:
        """The policy terms in force at `instant`; None for an unmanaged visit."""
        if not self.agreed:
            return None
        if len(self.agreed) == 1:
            return self.agreed[0].terms
        found = self.agreed[0].terms
        for entry in self.agreed[1:]:
            if entry.from_at > instant:
                break
            found = entry.terms
        return found

    def override_at(self, instant: datetime, plugged_in_at: datetime | None) -> Wanted | None:
        """What a person has asked for at `instant`, if it still stands; `plugged_in_at` is None while waiting.

        What was asked of a running visit holds for no later one.
        """
        for entry in reversed(self.overrides):
            asked_of_it = plugged_in_at is not None and entry.at >= plugged_in_at
            waited = entry.waiting and self.anticipated_at is not None and entry.at >= self.anticipated_at
            if entry.at <= instant and (asked_of_it or waited):
                return entry.wanted
        return None

    def told_after(self, instant: datetime) -> datetime | None:
        """When the policy was next edited, or overridden, after `instant`; the first terms are no edit."""
        if (len(self.agreed) < 2 or self.agreed[-1].from_at <= instant) and (
            not self.overrides or self.overrides[-1].at <= instant
        ):
            return None
        edits = (entry.from_at for entry in self.agreed[1:] if entry.from_at > instant)
        asked = (entry.at for entry in self.overrides if entry.at > instant)
        return min((at for at in (next(edits, None), next(asked, None)) if at is not None), default=None)

    def until(self, instant: datetime) -> VisitTerms:
        """The terms of a visit that was over at `instant`: what was said after that is not about it."""
        agreed = tuple(entry for entry in self.agreed if entry.from_at <= instant) or self.agreed[:1]
        overrides = tuple(entry for entry in self.overrides if entry.at <= instant)
        if len(agreed) == len(self.agreed) and len(overrides) == len(self.overrides):
            return self
        return msgspec.structs.replace(self, agreed=agreed, overrides=overrides)


def agreed_since(agreed: tuple[Agreed, ...], instant: datetime | None) -> tuple[Agreed, ...]:
    """The entries that matter from `instant` on: the one then in force, and all later ones."""
    if instant is None or len(agreed) < 2:
        return agreed
    past = sum(1 for entry in agreed if entry.from_at <= instant)
    return agreed[max(0, past - 1) :]


def overrides_since(overrides: tuple[Override, ...], instant: datetime | None) -> tuple[Override, ...]:
    """What was asked at or after `instant`."""
    if instant is None or not overrides:
        return overrides
    return tuple(entry for entry in overrides if entry.at >= instant)
