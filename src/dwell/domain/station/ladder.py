"""How a station can be steered: one way after the other, until its meter shows that it obeys (OC25).

Accepted proves nothing: some stations accept a profile and ignore it, some refuse one kind and keep to another. Each
rung is tried TRIES times at most. A station that has been seen to obey on a rung stays on it.
"""

from __future__ import annotations

from enum import IntEnum

import msgspec

from dwell.domain.station.orders import Verdict

TRIES = 3


class Rung(IntEnum):
    """Ways to limit a charge, the best first."""

    TX_PROFILE = 0
    TX_DEFAULT_PROFILE = 1
    STATION_MAX_PROFILE = 2
    CONFIGURATION = 3
    START_STOP = 4


PROFILES = frozenset({Rung.TX_PROFILE, Rung.TX_DEFAULT_PROFILE, Rung.STATION_MAX_PROFILE})
PLAN_KEEPERS = PROFILES
"""Rungs on which the station keeps the whole plan itself; on the others each edge is an order."""


class Ladder(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a station stands. `rung` None: nothing works. `proven`: its meter has shown that it obeys here."""

    rung: Rung | None = Rung.TX_PROFILE
    tries: int = 0
    proven: bool = False
    ruled_out: tuple[Rung, ...] = ()

    @property
    def is_exhausted(self) -> bool:
        """Nothing is left to try."""
        return self.rung is None


def first_rung(*, smart_charging: bool, evses: int = 1) -> Ladder:
    """Where to begin: stations without smart charging cannot keep profiles.

    A profile for the whole station, and a configuration value, limit every EVSE: not used where there are several.
    """
    ruled_out = set() if smart_charging else set(PROFILES)
    if evses > 1:
        ruled_out |= {Rung.STATION_MAX_PROFILE, Rung.CONFIGURATION}
    return _settled(Ladder(ruled_out=tuple(sorted(ruled_out))))


def after_answer(ladder: Ladder, verdict: Verdict) -> Ladder:
    """After the station's answer to an order on this rung. No sooner is it believed than `after_measured`."""
    match verdict:
        case Verdict.NOT_SUPPORTED:
            return _down(ladder)
        case Verdict.REJECTED | Verdict.UNCLEAR | Verdict.UNKNOWN_TARGET | Verdict.OCCUPIED:
            return _tried(ladder)
        case Verdict.ACCEPTED | Verdict.SCHEDULED | Verdict.REBOOT_REQUIRED:
            return ladder


def after_measured(ladder: Ladder, *, obeyed: bool) -> Ladder:
    """After the meter had time to show it."""
    if obeyed:
        return msgspec.structs.replace(ladder, proven=True, tries=0)
    return _tried(ladder)


def after_read_back(ladder: Ladder, *, ignored: bool) -> Ladder:
    """After the station's own word of what it keeps: a profile that it took and ignores was a try in vain."""
    return _tried(ladder) if ignored and not ladder.proven else ladder


def after_silence(ladder: Ladder) -> Ladder:
    """After an order that got no answer in time: counts as a try."""
    return _tried(ladder)


def obeys(limit_w: int, measured_w: int, *, tolerance_w: int = 300) -> bool:
    """Whether a measured power keeps to a limit; 5 % of it or `tolerance_w` over is a meter's matter."""
    return measured_w <= limit_w + max(tolerance_w, limit_w // 20)


def _tried(ladder: Ladder) -> Ladder:
    if ladder.rung is None:
        return ladder
    if ladder.tries + 1 < TRIES:
        return msgspec.structs.replace(ladder, tries=ladder.tries + 1)
    return _down(ladder)


def _down(ladder: Ladder) -> Ladder:
    if ladder.rung is None:
        return ladder
    ruled_out = tuple(sorted({*ladder.ruled_out, ladder.rung}))
    return _settled(Ladder(ruled_out=ruled_out))


def _settled(ladder: Ladder) -> Ladder:
    rung = next((rung for rung in Rung if rung not in ladder.ruled_out), None)
    return msgspec.structs.replace(ladder, rung=rung)
