"""What a vehicle gives of the power that it is told: as it shows now, and as it has been learned over its visits.

Both are functions of facts and promises. They decide what is promised next and never how a visit is settled.
"""

from __future__ import annotations

from datetime import timedelta

from dwell.domain.metering.ledger import seconds_after
from dwell.domain.session.record import Promise
from dwell.domain.session.steering import CONFIRMED, START, Order
from dwell.domain.session.visit import Visit
from dwell.domain.units import HOUR_S, QUARTER_S

SHOWS_AFTER = timedelta(minutes=5)
"""Charging ramps up: a power is believed to be what the vehicle gives this long after it was seen to start."""
SHARE_LEAST = 0.5
SHARE_MOVES = 0.05
"""A share that is off by more than this is reason for a new plan."""
TAPERS_FROM_PERCENT = 95.0
"""Above this level less power is the battery's doing: it teaches nothing."""
HALF_LIFE_H = 3.0
"""After so many hours of charging a new habit counts as much as all before it."""
FULL = 0.99


def shown_share(order: Order | None, visit: Visit) -> float | None:
    """The share of the told power that flows by the newest fact; None where that cannot be told."""
    ledger = visit.ledger
    if order is None or order.kind != START or order.state != CONFIRMED or order.confirmed_at is None:
        return None
    if not ledger.charging or not ledger.power_seen or not ledger.power_w or order.power_w <= 0:
        return None
    if visit.last_at < order.confirmed_at + SHOWS_AFTER or _tapers(visit.soc_now_percent()):
        return None
    return bounded(ledger.power_w / order.power_w)


def learned_share(before: float, promise: Promise, visit: Visit, *, available_w: int) -> float:
    """What is known of a vehicle after the part of `visit` that `promise` ruled.

    Counted are quarter hours that lie whole within a block at full power and within a run of charging, so that
    neither ramps nor lost orders are taken for weakness. An exponentially weighted mean over hours of charging.
    """
    ledger = visit.ledger.closed()
    if _tapers(visit.soc_now_percent()) or visit.fully_charged_at is not None:
        return before
    told_wh = given_wh = 0.0
    for block, power_w in zip(promise.blocks, promise.powers_w, strict=True):
        if power_w < FULL * available_w:
            continue
        start_s = seconds_after(ledger.origin_at, max(block.start_at, promise.made_at))
        end_s = min(seconds_after(ledger.origin_at, block.end_at), ledger.last_s)
        for run in ledger.runs:
            first = -int(-max(start_s, run.start_s) // QUARTER_S)
            last = int(min(end_s, run.end_s) // QUARTER_S)
            for quarter in range(first, last):
                told_wh += power_w * QUARTER_S / HOUR_S
                given_wh += ledger.rows_wh[quarter]
    if told_wh <= 0:
        return before
    weight = 1 - 0.5 ** (told_wh / available_w / HALF_LIFE_H)
    return bounded(before + weight * (bounded(given_wh / told_wh) - before))


def bounded(share: float) -> float:
    """A share within what is believed: half to all."""
    return min(1.0, max(SHARE_LEAST, share))


def _tapers(soc_percent: float | None) -> bool:
    return soc_percent is not None and soc_percent >= TAPERS_FROM_PERCENT
