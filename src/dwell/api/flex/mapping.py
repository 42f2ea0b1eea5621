"""From the rows of the domain to the words of the Flex dialect. Wh and W become kWh and kW here, and nowhere earlier.

Instants are whole seconds, levels whole percents, energies kWh of three decimals, money is rounded to the cent.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal, cast

from dwell.api.flex import schemas as flex
from dwell.application.queries import LocationView, PolicyView, VehicleView
from dwell.domain.instants import QUARTER, write_instant
from dwell.domain.policy.schedule import Deadline
from dwell.domain.registry import Location, Vehicle
from dwell.domain.session.record import (
    ACTIVE,
    SETTLED,
    UPCOMING,
    Block,
    OutcomeState,
    Session,
    SessionError,
    Valuation,
)
from dwell.domain.session.track import Seen
from dwell.domain.session.visit import IMMEDIATE_START, Target, waiting_target
from dwell.domain.units import W_PER_KW, WH_PER_KWH, round_half_up

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
REACHABLE_WITHIN = timedelta(hours=24)
"""A vehicle that has been silent for longer is not counted on."""
_CENT = Decimal("0.01")
_M_PER_KM = 1000


def session_of(session: Session, now: datetime, *, charge_limit_percent: float | None = None) -> flex.Session:
    """The session as seen at `now`. The charge limit matters to the target of an UPCOMING one only."""
    target = session.target if session.managed else None
    if session.state == UPCOMING:
        target = waiting_target(session.terms, max(now, session.updated_at), charge_limit_percent)
    known = session.outcome if session.managed and session.state != UPCOMING else None
    return flex.Session(
        id=session.id,
        policy_id=session.policy_id,
        vehicle_id=session.vehicle_id,
        location_id=session.location_id,
        state=cast(flex.State, f"ACTIVE:{session.mode}" if session.state == ACTIVE else session.state),
        plugged_in_at=_at(session.plugged_in_at),
        plugged_out_at=_at(session.ended_at) if session.state == SETTLED else None,
        blocks=tuple(_block(block) for block in blocks_of(session, now)),
        statistics=_statistics(session),
        target=flex.Targets(latest=_target(target)),
        outcome=flex.Outcomes(latest=_outcome(known, target)),
        error=flex.Failures(latest=_failure(session.error)),
        valuation=_valuation(session.valuation),
    )


def blocks_of(session: Session, now: datetime) -> tuple[Block, ...]:
    """What happened, then, while the session runs, what is planned from there on; none of an unmanaged session."""
    if not session.managed or session.state == UPCOMING:
        return ()
    if session.state != ACTIVE or session.promise is None:
        return session.blocks
    known_until = session.blocks[-1].end_at if session.blocks else session.plugged_in_at or now
    start_at = known_until if session.charging else max(known_until, now)
    coming = (_rest_of(block, start_at) for block in session.promise.blocks)
    return (*session.blocks, *(block for block in coming if block is not None))


def _rest_of(block: Block, start_at: datetime) -> Block | None:
    """What lies of a planned block after `start_at`, with its share of the energy."""
    if block.start_at >= start_at:
        return block
    if block.end_at <= start_at:
        return None
    share = (block.end_at - start_at) / (block.end_at - block.start_at)
    return Block(block.type, start_at, block.end_at, round_half_up(block.energy_wh * share))


def _block(block: Block) -> flex.Block:
    return flex.Block(
        type=cast(flex.Mode, block.type),
        kwh_sum=_kwh(block.energy_wh),
        start_at=_second(block.start_at),
        end_at=_second(block.end_at),
    )


def _statistics(session: Session) -> flex.Statistics:
    if session.state == UPCOMING:
        return flex.Statistics(aggregated=None, timeseries=())
    aggregated = flex.Aggregated(
        kwh_sum=_kwh(session.energy_wh),
        battery_from=_percent(session.soc_from_percent),
        battery_to=_percent(session.soc_to_percent),
    )
    rows = list[flex.Row]()
    start_at = session.rows_from_at
    if start_at is not None:
        for energy_wh in session.rows_wh:
            end_at = start_at + QUARTER
            rows.append(flex.Row(start_at=_second(start_at), end_at=_second(end_at), kwh=_kwh(energy_wh)))
            start_at = end_at
    return flex.Statistics(aggregated=aggregated, timeseries=tuple(rows))


def _target(target: Target | None) -> flex.Target | None:
    if target is None:
        return None
    minimum = round_half_up(target.minimum_charge_percent)
    if target.type == IMMEDIATE_START:
        return flex.Target(id=target.number, type="IMMEDIATE_START", minimum_charge_target=minimum)
    return flex.Target(
        id=target.number,
        type="REGULAR",
        source=cast(Literal["POLICY", "OVERRIDE"], target.source),
        battery_reserve=round_half_up(target.battery_reserve_percent),
        minimum_charge_target=minimum,
        ready_by=_at(target.ready_by),
    )


def _outcome(outcome: OutcomeState | None, target: Target | None) -> flex.Outcome | None:
    if outcome is None:
        return None
    immediate = target is not None and target.type == IMMEDIATE_START
    return flex.Outcome(
        type="IMMEDIATE_START" if immediate else "REGULAR",
        state=cast(Literal["ON_TRACK", "AT_RISK", "REACHED", "MISSED"], outcome.state),
        target_id=outcome.target_number,
        battery_level_at_ready_by=_percent(outcome.soc_at_ready_by_percent),
        minimum_charge_target_reached_at=_at(outcome.reached_at),
    )


def _failure(error: SessionError | None) -> flex.Failure | None:
    if error is None:
        return None
    return flex.Failure(
        type=cast(flex.FailureType, error.type), detail=error.detail, created_at=_second(error.created_at)
    )


def _valuation(valuation: Valuation | None) -> flex.Valuation | None:
    """Each figure to the cent; savings are the difference of the other two as shown, so that the three agree."""
    if valuation is None:
        return None
    actual, baseline = _cents(valuation.cost), _cents(valuation.baseline_cost)
    savings = None
    if actual is not None and baseline is not None and valuation.savings is not None:
        savings = baseline - actual
    cost = flex.TariffCost(actual=actual, baseline=baseline, savings=savings)
    return flex.Valuation(currency=valuation.currency, tariff_cost=cost)


def policy_of(view: PolicyView) -> flex.Policy:
    """The policy and the terms in force."""
    policy, terms = view.policy, view.policy.terms
    return flex.Policy(
        id=policy.id,
        vehicle_id=policy.vehicle_id,
        location_id=policy.location_id,
        user_id=view.user_reference,
        battery_reserve=round_half_up(terms.battery_reserve_percent),
        schedule=flex.Schedule(**{name: _day(d) for name, d in zip(DAYS, terms.schedule, strict=True)}),
        restriction_schedule=tuple(
            flex.RestrictionWindow(
                type="NO_CHARGING", weekdays=window.weekdays, start_time=window.start, end_time=window.end
            )
            for window in terms.restrictions
        ),
        last_observed_location_charge_limit=_percent(view.charge_limit_percent),
        created_at=_second(policy.created_at),
        updated_at=_second(policy.updated_at),
    )


def _day(deadline: Deadline | None) -> flex.Day | None:
    if deadline is None:
        return None
    minimum = round_half_up(deadline.minimum_charge_percent)
    return flex.Day(deadline=deadline.deadline, minimum_charge_target=minimum)


def location_of(view: LocationView) -> flex.Location:
    """The location as its user described it."""
    return _location(view.location, view.user_reference)


def _location(location: Location, user_reference: str) -> flex.Location:
    return flex.Location(
        id=location.id,
        user_id=user_reference,
        name=location.name,
        latitude=location.latitude,
        longitude=location.longitude,
        timezone_name=location.timezone,
        zone=location.zone,
        area=location.area,
        radius_m=location.radius_m,
        grid_limit_w=location.grid_limit_w,
        base_load=tuple(flex.BaseLoad(start=load.start, power_w=load.power_w) for load in location.base_load),
        created_at=_second(location.created_at),
        updated_at=_second(location.updated_at),
    )


def vehicle_of(view: VehicleView, now: datetime) -> flex.Vehicle:
    """The vehicle and its state as last seen."""
    vehicle, seen = view.vehicle, view.seen
    information = vehicle.information
    heard = seen.received_at is not None and now - seen.received_at <= REACHABLE_WITHIN
    return flex.Vehicle(
        id=vehicle.id,
        user_id=view.user_reference,
        vendor=vehicle.vendor,
        last_seen=_at(seen.received_at),
        is_reachable=vehicle.link_valid and heard,
        information=flex.Information(
            vin=information.vin,
            brand=information.brand,
            model=information.model,
            year=information.year,
            display_name=information.display_name,
        ),
        charge_state=_charge_state(vehicle, seen),
        location=flex.VehicleLocation(
            id=view.at_location_id,
            longitude=seen.longitude,
            latitude=seen.latitude,
            last_updated=_at(seen.position_at),
        ),
        odometer=flex.Odometer(
            distance=None if seen.odometer_m is None else seen.odometer_m / _M_PER_KM,
            last_updated=_at(seen.odometer_at),
        ),
        capabilities=_capabilities(vehicle),
    )


def _charge_state(vehicle: Vehicle, seen: Seen) -> flex.ChargeState:
    capacity_wh = vehicle.battery_capacity_wh
    return flex.ChargeState(
        battery_level=_percent(seen.soc_percent),
        range=None,
        is_plugged_in=seen.plugged_in,
        is_charging=seen.charging,
        is_fully_charged=seen.fully_charged,
        battery_capacity=None if capacity_wh is None else _kwh(capacity_wh),
        charge_limit=_percent(seen.charge_limit_percent),
        charge_rate=None if seen.power_w is None else seen.power_w / W_PER_KW,
        charge_time_remaining=None,
        last_updated=_at(seen.at),
        max_current=None,
        power_delivery_state=power_delivery_state(seen),
    )


def power_delivery_state(seen: Seen) -> str:
    """What the plug does, in this dialect's words."""
    if seen.plugged_in is None:
        return "UNKNOWN"
    if not seen.plugged_in:
        return "UNPLUGGED"
    if seen.power_w is not None and seen.power_w < 0:
        return "PLUGGED_IN:DISCHARGING"
    if seen.charging is None:
        return "PLUGGED_IN:INITIALIZING"
    if seen.charging:
        return "PLUGGED_IN:CHARGING"
    return "PLUGGED_IN:COMPLETE" if seen.fully_charged else "PLUGGED_IN:STOPPED"


def _capabilities(vehicle: Vehicle) -> flex.Capabilities:
    seen, steered = flex.Capability(is_capable=True), flex.Capability(is_capable=vehicle.control != "none")
    return flex.Capabilities(
        information=seen,
        charge_state=seen,
        location=seen,
        odometer=seen,
        set_max_current=flex.Capability(is_capable=vehicle.control == "modulating"),
        start_charging=steered,
        stop_charging=steered,
        smart_charging=steered,
    )


def _kwh(energy_wh: int) -> float:
    return energy_wh / WH_PER_KWH


def _percent(level: float | None) -> int | None:
    return None if level is None else round_half_up(level)


def _cents(amount: Decimal | None) -> Decimal | None:
    return None if amount is None else amount.quantize(_CENT, rounding=ROUND_HALF_UP)


def _second(instant: datetime) -> str:
    return write_instant(instant.replace(microsecond=0))


def _at(instant: datetime | None) -> str | None:
    return None if instant is None else _second(instant)
