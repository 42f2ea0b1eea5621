"""From the rows of the domain to the words of the Partner dialect. Wh and W become kWh and kW here."""

from __future__ import annotations

import math
from decimal import ROUND_HALF_UP, Decimal
from typing import cast
from uuid import UUID

from dwell.api.partner import schemas
from dwell.domain.session.outcome import is_gate
from dwell.domain.session.record import SETTLED, Promise, Session
from dwell.domain.units import W_PER_KW, WH_PER_KWH

EUR = "EUR"
_CENT = Decimal("0.01")


def session_item(session: Session) -> schemas.SessionItem:
    """A session that has begun. Raises ValueError for one that has not."""
    if session.plugged_in_at is None:
        raise ValueError("the session has not begun")
    over = session.state == SETTLED
    promise = session.first_promise if over else session.promise
    target = session.target
    cost, expected, actual = _euros(session)
    return schemas.SessionItem(
        id=UUID(session.id),
        plug_in_time=session.plugged_in_at,
        unplug_time=session.plugged_out_at,
        inferred_session_end=session.inferred_end_at if session.plugged_out_at is None else None,
        desired_charging_start_time=promise.blocks[0].start_at if promise and promise.blocks else None,
        desired_charging_end_time=promise.blocks[-1].end_at if promise and promise.blocks else None,
        charge_deadline=target.ready_by if target is not None else None,
        target_soc_pct=target.minimum_charge_percent if target is not None else None,
        initial_soc_pct=session.soc_from_percent,
        final_soc_pct=session.soc_to_percent if over else None,
        energy_charged_kwh=session.energy_wh / WH_PER_KWH,
        avg_charge_power_kw=_kw(session.average_power_w),
        peak_charge_power_kw=_kw(session.peak_power_w),
        actual_cost_eur=cost,
        expected_savings_eur=expected,
        actual_savings_eur=actual,
        is_at_home=session.at_home,
        session_outcome=cast(schemas.SessionOutcome, session.reason),
        is_hidden=session.short,
        hidden_reason="short_duration" if session.short else None,
        target_reachable=promise.reachable if promise is not None else None,
        reachable_soc_pct=_whole_percent(promise),
    )


def _euros(session: Session) -> tuple[Decimal | None, Decimal | None, Decimal | None]:
    """Cost, expected and actual savings; nothing in another currency passes for euros."""
    valuation = session.valuation
    if valuation is None or valuation.currency != EUR:
        return None, None, None
    if is_gate(session.reason):
        return _cents(valuation.cost), None, None
    first = session.first_promise
    expected = first.expected_savings if first is not None else None
    return _cents(valuation.cost), _cents(expected), _cents(valuation.savings)


def _cents(amount: Decimal | None) -> Decimal | None:
    return None if amount is None else amount.quantize(_CENT, rounding=ROUND_HALF_UP)


def _kw(power_w: int | None) -> float | None:
    return None if power_w is None else power_w / W_PER_KW


def _whole_percent(promise: Promise | None) -> int | None:
    if promise is None or promise.reachable_soc_percent is None:
        return None
    return math.floor(promise.reachable_soc_percent)
