"""From a folded visit to the session's record: as it runs, and as it is settled.

A settled record is a function of the visit's facts, its terms and the prices known, and of nothing else but the
fields named in `record.RECORDS_ONLY`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from dwell.domain.instants import QUARTER
from dwell.domain.metering.ledger import Ledger, seconds_after, whole_parts_wh
from dwell.domain.session.cut import End
from dwell.domain.session.outcome import Evidence, final_outcome, is_gate, live_outcome, reason_of
from dwell.domain.session.record import ACTIVE, SETTLED, Block, Session, Valuation, known_share
from dwell.domain.session.visit import Target, Visit, pass_time
from dwell.domain.tariff.cost import EXACT, cost_of
from dwell.domain.tariff.coverage import coverage
from dwell.domain.tariff.curve import PriceCurve
from dwell.domain.units import HOUR_S, round_half_up

SHORT = timedelta(minutes=5)
SHORT_WH = 100
YOUNG = timedelta(seconds=60)
OLD = timedelta(days=90)
AHEAD = timedelta(minutes=10)
OVERFULL = 1.5
OVERFULL_MARGIN_WH = 5_000
OVERPOWER = 1.5
OVERPOWER_MARGIN_WH = 1_000
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Energy drawn evenly over `[start_at, end_at)`, in Wh; what `cost_of` prices."""

    start_at: datetime
    end_at: datetime
    energy_wh: int


def observed(session: Session, visit: Visit, now: datetime, *, vehicle_deleted: bool = False) -> Session:
    """The record of a running visit as seen at `now`; money waits for settlement."""
    current = visit.copy()
    pass_time(current, now, session.terms)
    promise = session.promise
    expected = None
    if promise is not None and current.target is not None and promise.target_number == current.target.number:
        expected = promise.soc_at_ready_by_percent
    evidence = _evidence(session, current, active=True, vehicle_deleted=vehicle_deleted)
    return _with_figures(
        session,
        current,
        current.last_at,
        {
            "state": ACTIVE,
            "mode": current.mode,
            "target": current.target,
            "outcome": live_outcome(
                current,
                session.terms,
                now,
                expected_soc_percent=expected,
                share=known_share(promise),
            ),
            "reason": reason_of(evidence),
            "charging": bool(current.ledger.charging),
            "updated_at": now,
        },
    )


def settled(
    session: Session,
    visit: Visit,
    end: End,
    now: datetime,
    *,
    curve: PriceCurve | None,
    vehicle_deleted: bool = False,
) -> Session:
    """The record of a visit that is over. `curve` is the location's price curve, None where it has none."""
    current = visit.copy()
    session = msgspec.structs.replace(session, terms=session.terms.until(end.at))
    pass_time(current, end.at, session.terms)
    target, outcome = final_outcome(current)
    evidence = _evidence(
        session, current, active=False, vehicle_deleted=vehicle_deleted, curve=curve, until=end.at
    )
    reason = reason_of(evidence)
    record = _with_figures(
        session,
        current,
        end.at,
        {
            "state": SETTLED,
            "mode": current.mode,
            "target": target,
            "outcome": outcome,
            "reason": reason,
            "charging": False,
            "plugged_out_at": end.at if end.observed else None,
            "inferred_end_at": None if end.observed else end.at,
            "settled_at": session.settled_at or now,
            "updated_at": now,
        },
    )
    return msgspec.structs.replace(
        record,
        short=end.at - visit.plugged_in_at < SHORT and record.energy_wh < SHORT_WH,
        valuation=_valuation(record, curve, gated=is_gate(reason)),
        suspect=_suspicions(record, now, settled_at=record.settled_at or now),
    )


def is_hidden(session: Session, now: datetime) -> bool:
    """Whether lists leave the session out: too short to count, or so young that it may turn out to be."""
    if session.state == SETTLED:
        return session.short
    return session.plugged_in_at is not None and now - session.plugged_in_at < YOUNG


def _with_figures(session: Session, visit: Visit, until: datetime, changes: dict[str, object]) -> Session:
    ledger = visit.ledger.closed()
    until_s = seconds_after(ledger.origin_at, until)
    rows = ledger.whole_rows_wh(until_s)
    energy_wh = sum(rows)
    average_w = round_half_up(energy_wh * HOUR_S / ledger.charging_s) if ledger.charging_s > 0 else None
    return msgspec.structs.replace(
        session,
        plugged_in_at=visit.plugged_in_at,
        energy_wh=energy_wh,
        energy_source=ledger.source,
        rows_from_at=ledger.origin_at,
        rows_wh=tuple(rows),
        blocks=_blocks(ledger) if session.managed else (),
        soc_from_percent=visit.soc_from_percent,
        soc_to_percent=visit.soc_now_percent(),
        soc_observed_at=visit.soc_observed_at,
        average_power_w=average_w,
        peak_power_w=round_half_up(ledger.peak_w) if ledger.peak_w > 0 else None,
        **changes,
    )


def _blocks(ledger: Ledger) -> tuple[Block, ...]:
    """Charging runs as blocks of whole Wh that add up to the session's energy."""
    blocks = list[Block]()
    for run, energy_wh in zip(
        ledger.runs, whole_parts_wh([run.energy_wh for run in ledger.runs]), strict=True
    ):
        start_at = ledger.origin_at + timedelta(seconds=run.start_s)
        end_at = ledger.origin_at + timedelta(seconds=run.end_s)
        blocks.append(Block(run.mode, start_at, end_at, energy_wh))
    return tuple(block for block in blocks if block.energy_wh > 0)


def _evidence(
    session: Session,
    visit: Visit,
    *,
    active: bool,
    vehicle_deleted: bool,
    curve: PriceCurve | None = None,
    until: datetime | None = None,
) -> Evidence:
    target = visit.target if active else final_outcome(visit)[0]
    if active:
        covered = session.promise.price_coverage if session.promise is not None else 1.0
        reached = visit.reached_at is not None
    else:
        covered = _covered(visit, target, curve, until=until)
        outcome = final_outcome(visit)[1]
        reached = outcome is not None and outcome.state == "REACHED"
    return Evidence(
        visit=visit,
        terms=session.terms,
        managed=session.managed,
        active=active,
        vehicle_deleted=vehicle_deleted,
        coverage=covered,
        judged=target,
        reached=reached,
        error=session.error,
    )


def _covered(
    visit: Visit, target: Target | None, curve: PriceCurve | None, *, until: datetime | None
) -> float:
    """The share of real prices from plug-in to the deadline that judged the visit, or to its end if that came first.

    What was priced after the vehicle had left decides nothing: so prices that come in later change only visits that
    they overlap.
    """
    if curve is None:
        return 0.0
    if target is None or target.ready_by is None:
        return 1.0
    return coverage(curve, visit.plugged_in_at, min(target.ready_by, until or target.ready_by))


def row_stretches(record: Session) -> list[Stretch]:
    """The quarter hours of the session with their energies."""
    if record.rows_from_at is None:
        return []
    starts = [record.rows_from_at + index * QUARTER for index in range(len(record.rows_wh))]
    return [Stretch(at, at + QUARTER, wh) for at, wh in zip(starts, record.rows_wh, strict=True)]


def baseline_stretches(record: Session) -> list[Stretch]:
    """The same energy charged from plug-in at full available power, done by the plug-out at the latest.

    Full power is at least the peak that was seen, unless it changes with the time of day.
    """
    start_at, end_at, energy_wh = record.plugged_in_at, record.ended_at, record.energy_wh
    if start_at is None or end_at is None:
        return []
    if start_at == end_at:
        return [Stretch(start_at, end_at, energy_wh)]
    stretches, left_wh = list[Stretch](), energy_wh
    seen_w = 0 if record.terms.has_profile else record.peak_power_w or 0
    for room in record.terms.rooms(start_at, end_at):
        power_w = max(room.power_w, seen_w)
        if power_w == 0 and room.end_at < end_at:
            continue
        done_at = min(room.start_at + timedelta(hours=left_wh / max(1, power_w)), room.end_at)
        last = done_at < room.end_at or room.end_at == end_at
        part_wh = left_wh if last else round_half_up(power_w * ((done_at - room.start_at) / _HOUR))
        stretches.append(Stretch(room.start_at, done_at, min(left_wh, part_wh)))
        left_wh -= stretches[-1].energy_wh
        if left_wh <= 0:
            break
    return [stretch for stretch in stretches if stretch.start_at < stretch.end_at]


def _valuation(record: Session, curve: PriceCurve | None, *, gated: bool) -> Valuation | None:
    if curve is None or not curve.slots:
        return None
    cost = cost_of(row_stretches(record), curve)
    if cost is None or (gated and not _priced_throughout(record, curve)):
        return None
    baseline = baseline_stretches(record)
    baseline_cost = cost_of(baseline, curve) if not gated else None
    savings = EXACT.subtract(baseline_cost, cost) if baseline_cost is not None else None
    return Valuation(curve.currency, cost, baseline_cost, savings)


def _priced_throughout(record: Session, curve: PriceCurve) -> bool:
    if record.plugged_in_at is None or record.ended_at is None:
        return False
    return coverage(curve, record.plugged_in_at, record.ended_at) >= 1.0


def _suspicions(record: Session, now: datetime, *, settled_at: datetime) -> tuple[str, ...]:
    """Why the figures should not be believed without a person's look; how old they are, by the first settlement."""
    terms, found = record.terms, list[str]()
    start_at, end_at = record.plugged_in_at or settled_at, record.ended_at or settled_at
    hours = (end_at - start_at) / timedelta(hours=1)
    if terms.battery_capacity_wh is not None:
        holds_wh = OVERFULL * terms.battery_capacity_wh / terms.efficiency + OVERFULL_MARGIN_WH
        if record.energy_wh > holds_wh:
            found.append("energy_above_battery")
    if (
        record.at_home
        and record.energy_wh > OVERPOWER * terms.available_power_w * hours + OVERPOWER_MARGIN_WH
    ):
        found.append("energy_above_connector")
    if end_at > now + AHEAD:
        found.append("in_future")
    if settled_at - start_at > OLD:
        found.append("older_than_90_days")
    return tuple(found)
