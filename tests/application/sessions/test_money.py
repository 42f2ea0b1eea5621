"""What a session costs: exact, signed, unknown where a price is, and revised when prices are."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

import msgspec
import pytest

from application.sessions.evenings import EVENING, HOUR, MINUTE, a_garage, plugged, unplugged, with_vehicle
from dwell.adapters.storage.memory import MemoryStore
from dwell.application.prices import import_prices
from dwell.domain.errors import Conflict
from dwell.domain.session.record import RECORDS_ONLY, Session
from dwell.domain.session.settle import baseline_stretches, row_stretches
from dwell.domain.tariff.cost import cost_of
from dwell.domain.tariff.curve import PriceCurve, PriceSlot
from house import ZONE, House, a_house, hourly_prices

pytestmark = pytest.mark.anyio


def hours(*prices: str, first_h: float = 0) -> list[PriceSlot]:
    """Hourly prices from the evening on."""
    starts = [EVENING + (first_h + n) * HOUR for n in range(len(prices))]
    return [PriceSlot(at, at + HOUR, Decimal(price)) for at, price in zip(starts, prices, strict=True)]


def quarters(*prices: str, first_h: float = 0) -> list[PriceSlot]:
    starts = [EVENING + first_h * HOUR + n * 15 * MINUTE for n in range(len(prices))]
    return [PriceSlot(at, at + 15 * MINUTE, Decimal(price)) for at, price in zip(starts, prices, strict=True)]


async def a_house_with(slots: Sequence[PriceSlot]) -> House:
    """A house whose zone has these prices and, beyond the deadline, none."""
    house = await a_house(MemoryStore(), with_prices=False)
    if slots:
        await import_prices(house.ports, ZONE, "EUR", slots)
    return house


async def charged(house: House, wh_by_hour: Sequence[int], **said: object) -> Session:
    """The settled session of a visit that charged so much in each hour from the evening on."""
    register_wh = 1_000
    facts = [plugged(0, energy_register_wh=register_wh, **{"soc_percent": 40, **said})]
    for hour, wh in enumerate(wh_by_hour, start=1):
        register_wh += wh
        facts.append(plugged(hour, energy_register_wh=register_wh))
    facts.append(unplugged(len(wh_by_hour) + 0.5))
    await house.tell(*facts, at=EVENING + (len(wh_by_hour) + 1) * HOUR)
    await house.look()
    return (await house.settled())[-1]


async def test_cost_is_the_sum_of_energy_times_price_to_the_last_digit() -> None:
    night = hours("0.123456789", "0.1", "0.07", "0.3", "0.2", "0.2", "0.1", "0.1", "0.1", "0.1", "0.1", "0.1")
    settled = await charged(await a_house_with(night), [3_333, 0, 7])
    assert settled.valuation is not None
    assert settled.valuation.currency == "EUR"
    assert settled.valuation.cost == Decimal("3.333") * Decimal("0.123456789") + Decimal("0.007") * Decimal(
        "0.07"
    )


async def test_negative_prices_pay_for_the_charge() -> None:
    night = hours(*["-0.05"] * 12)
    settled = await charged(await a_house_with(night), [10_000, 1_000])
    assert settled.valuation is not None
    assert settled.valuation.cost == Decimal("-0.55")
    assert settled.valuation.savings == 0


async def test_savings_may_be_negative() -> None:
    night = hours("0.10", "0.50", *["0.20"] * 10)
    settled = await charged(await a_house_with(night), [0, 10_000])
    assert settled.valuation is not None
    assert settled.valuation.cost == 5
    assert settled.valuation.baseline_cost == 1
    assert settled.valuation.savings == -4


async def test_quarter_hours_and_hours_may_be_mixed() -> None:
    night = [*quarters("0.1", "0.2", "0.3", "0.4"), *hours(*["0.5"] * 11, first_h=1)]
    settled = await charged(await a_house_with(night), [4_000, 2_000])
    assert settled.valuation is not None
    assert settled.valuation.cost == Decimal(1) + Decimal(1)


async def test_a_day_price_that_covers_all_values_every_row() -> None:
    day = [PriceSlot(EVENING - 18 * HOUR, EVENING + 30 * HOUR, Decimal("0.3"))]
    settled = await charged(await a_house_with(day), [1_000, 2_000, 3_000])
    assert settled.valuation is not None
    assert settled.valuation.cost == Decimal("1.8")


async def test_energy_in_an_hour_without_a_price_has_no_cost() -> None:
    night = [*hours("0.1"), *hours(*["0.1"] * 10, first_h=2)]
    assert (await charged(await a_house_with(night), [1_000, 1_000, 1_000])).valuation is None


async def test_an_hour_without_a_price_and_without_energy_does_no_harm() -> None:
    night = [*hours("0.1"), *hours(*["0.1"] * 10, first_h=2)]
    settled = await charged(await a_house_with(night), [1_000, 0, 1_000])
    assert settled.valuation is not None
    assert settled.valuation.cost == Decimal("0.2")


async def test_a_baseline_in_an_hour_without_a_price_leaves_the_cost() -> None:
    night = hours(*["0.1"] * 11, first_h=1)
    settled = await charged(await a_house_with(night), [0, 1_000])
    assert settled.valuation is not None
    assert settled.valuation.cost == Decimal("0.1")
    assert (settled.valuation.baseline_cost, settled.valuation.savings) == (None, None)


async def test_a_zone_without_prices_has_no_money() -> None:
    assert (await charged(await a_house_with([]), [1_000])).valuation is None


async def test_a_gated_visit_has_energy_and_cost_and_no_savings() -> None:
    house = await with_vehicle(await a_house_with(hours(*["0.2"] * 12)), control="none")
    settled = await charged(house, [1_000, 2_000])
    assert (settled.reason, settled.energy_wh) == ("oem_not_capable", 3_000)
    assert settled.valuation is not None
    assert settled.valuation.cost == Decimal("0.6")
    assert (settled.valuation.baseline_cost, settled.valuation.savings) == (None, None)


async def test_a_gated_visit_with_a_gap_in_its_prices_has_no_cost() -> None:
    slots = [*hours("0.1"), *hours(*["0.1"] * 10, first_h=2)]
    house = await with_vehicle(await a_house_with(slots), control="none")
    assert (await charged(house, [1_000, 0, 1_000])).valuation is None


async def test_the_baseline_can_be_worked_out_again_from_the_record() -> None:
    garage = await a_garage(MemoryStore(), 55)
    settled = await garage.leave(EVENING + 11.5 * HOUR)
    curve = PriceCurve.of("EUR", hourly_prices())
    [baseline] = baseline_stretches(settled)
    assert settled.valuation is not None
    assert baseline.start_at == settled.plugged_in_at
    assert baseline.end_at - baseline.start_at == timedelta(hours=settled.energy_wh / 11_000)
    assert cost_of([baseline], curve) == settled.valuation.baseline_cost
    assert cost_of(row_stretches(settled), curve) == settled.valuation.cost
    assert settled.valuation.baseline_cost is not None and settled.valuation.cost is not None
    assert settled.valuation.savings == settled.valuation.baseline_cost - settled.valuation.cost > 0


async def test_expected_savings_are_those_of_the_first_plan() -> None:
    garage = await a_garage(MemoryStore(), 55)
    await garage.report()
    [session] = await garage.house.unsettled()
    settled = await garage.leave(EVENING + 11.5 * HOUR)
    assert settled.first_promise is not None and session.promise is not None
    assert settled.first_promise.expected_savings == session.promise.expected_savings
    assert settled.first_promise.expected_savings is not None
    assert settled.first_promise.expected_savings > 0


async def test_a_correction_of_prices_after_settlement_is_a_new_revision() -> None:
    house = await a_house_with(hours(*["0.2"] * 12))
    before = await charged(house, [1_000, 2_000])
    house.clock.move_to(EVENING + timedelta(days=30))
    await import_prices(house.ports, ZONE, "EUR", hours("0.3", first_h=1))
    await house.look()
    [after] = await house.settled()
    assert after.valuation is not None
    assert (after.revision, after.valuation.cost) == (2, Decimal("0.8"))
    assert after.settled_at == before.settled_at
    changed = {n for n in Session.__struct_fields__ if getattr(before, n) != getattr(after, n)}
    assert changed - RECORDS_ONLY == {"valuation"}
    await import_prices(house.ports, ZONE, "EUR", hours("0.3", first_h=1))
    await house.look()
    assert [s.revision for s in await house.settled()] == [2]


async def test_a_correction_after_three_months_makes_nothing_suspect() -> None:
    house = await a_house_with(hours(*["0.2"] * 12))
    await charged(house, [1_000])
    house.clock.move_to(EVENING + timedelta(days=100))
    await import_prices(house.ports, ZONE, "EUR", hours("0.3"))
    await house.look()
    [after] = await house.settled()
    assert (after.revision, after.suspect) == (2, ())


async def test_prices_of_other_hours_touch_no_settled_session() -> None:
    house = await a_house_with(hours(*["0.2"] * 12))
    before = await charged(house, [1_000])
    await import_prices(house.ports, ZONE, "EUR", hours("0.3", first_h=11))
    await house.look()
    [after] = await house.settled()
    assert msgspec.structs.replace(after, updated_at=before.updated_at) == before


async def test_a_zone_keeps_its_currency() -> None:
    house = await a_house_with(hours("0.2"))
    with pytest.raises(Conflict):
        await import_prices(house.ports, ZONE, "NOK", hours("2.2"))
    with pytest.raises(Conflict):
        await import_prices(house.ports, ZONE, "NOK", hours("2.2", first_h=24 * 60))


async def test_blocks_rows_and_costs_add_up() -> None:
    garage = await a_garage(MemoryStore(), 13)
    settled = await garage.leave(EVENING + 11.7 * HOUR)
    assert sum(settled.rows_wh) == sum(block.energy_wh for block in settled.blocks) == settled.energy_wh
    curve = PriceCurve.of("EUR", hourly_prices())
    costs = [cost_of([row], curve) for row in row_stretches(settled)]
    assert settled.valuation is not None
    assert sum(cost for cost in costs if cost is not None) == settled.valuation.cost
