"""What a vehicle gives of the power it is told: when that shows, and what is learned from it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from dwell.domain.ids import OrderId, OrganizationId, SessionId, VehicleId
from dwell.domain.policy.terms import VisitTerms
from dwell.domain.session.facts import Fact
from dwell.domain.session.power_share import learned_share, shown_share
from dwell.domain.session.record import Block, Promise
from dwell.domain.session.steering import CONFIRMED, SENT, START, STOP, Order
from dwell.domain.session.visit import Visit, begin, step

BEGAN_AT = datetime(2026, 3, 1, 20, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
TERMS = VisitTerms(battery_capacity_wh=60_000)


def visit(power_w: int, minutes: int, *, soc_percent: float = 50.0, every: int = 5) -> Visit:
    """A visit that charges at that power, with a fact every so many minutes."""
    found = begin(
        Fact(BEGAN_AT, plugged_in=True, charging=True, power_w=power_w, soc_percent=soc_percent), TERMS
    )
    for minute in range(every, minutes + 1, every):
        step(found, Fact(BEGAN_AT + minute * MINUTE, plugged_in=True, charging=True, power_w=power_w), TERMS)
    return found


def order(**changes: object) -> Order:
    given = Order(
        id=OrderId("o"),
        organization_id=OrganizationId("a"),
        vehicle_id=VehicleId("v"),
        session_id=SessionId("s"),
        kind=START,
        power_w=11_000,
        created_at=BEGAN_AT,
        state=CONFIRMED,
        confirmed_at=BEGAN_AT,
    )
    return msgspec.structs.replace(given, **changes)


def promise(hours: float = 4, power_w: int = 11_000) -> Promise:
    block = Block("REGULAR", BEGAN_AT, BEGAN_AT + timedelta(hours=hours), 0)
    return Promise(made_at=BEGAN_AT, target_number=1, blocks=(block,), powers_w=(power_w,))


def test_it_shows_once_the_ramp_is_over() -> None:
    assert shown_share(order(), visit(9_900, 5)) == pytest.approx(0.9)
    assert shown_share(order(), visit(9_900, 4, every=1)) is None


@pytest.mark.parametrize(
    "given",
    [None, order(kind=STOP), order(state=SENT), order(confirmed_at=None), order(power_w=0)],
)
def test_nothing_shows_without_an_order_that_is_obeyed(given: Order | None) -> None:
    assert shown_share(given, visit(9_900, 10)) is None


def test_near_full_less_power_is_the_batterys_doing() -> None:
    assert shown_share(order(), visit(5_500, 10, soc_percent=96)) is None
    assert learned_share(1.0, promise(), visit(5_500, 60, soc_percent=96), available_w=11_000) == 1.0


def test_what_shows_is_believed_within_bounds() -> None:
    assert shown_share(order(), visit(2_000, 10)) == 0.5
    assert shown_share(order(), visit(12_000, 10)) == 1.0


def test_three_hours_of_a_new_habit_count_as_much_as_all_before() -> None:
    tired = learned_share(1.0, promise(), visit(8_800, 180, soc_percent=20), available_w=11_000)
    assert tired == pytest.approx(0.9, abs=0.005)
    rested = learned_share(tired, promise(), visit(11_000, 180, soc_percent=20), available_w=11_000)
    assert rested == pytest.approx(0.95, abs=0.005)


def test_an_hour_without_a_start_is_no_weakness() -> None:
    """Only quarter hours that were whole within a run are counted: an order that was lost is not the vehicle's."""
    late = begin(Fact(BEGAN_AT, plugged_in=True, charging=False, power_w=0, soc_percent=30), TERMS)
    for minute in range(65, 180, 5):
        step(late, Fact(BEGAN_AT + minute * MINUTE, plugged_in=True, charging=True, power_w=11_000), TERMS)
    assert learned_share(1.0, promise(), late, available_w=11_000) == 1.0


def test_less_power_that_was_wanted_teaches_nothing() -> None:
    assert learned_share(1.0, promise(power_w=4_000), visit(4_000, 120), available_w=11_000) == 1.0
    assert learned_share(0.8, promise(hours=0.1), visit(11_000, 120), available_w=11_000) == 0.8


def test_what_is_learned_does_not_hang_on_how_often_it_was_said() -> None:
    rare, often = visit(9_000, 120, every=15), visit(9_000, 120, every=1)
    ones = [learned_share(1.0, promise(), found, available_w=11_000) for found in (rare, often)]
    assert ones[0] == pytest.approx(ones[1], abs=1e-3)
