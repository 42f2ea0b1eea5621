"""Tariffs in life: the location pays by its formula, plans and settlements with it, and both follow its changes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from application.sessions.evenings import EVENING, HOUR, plugged, unplugged
from dwell.application.idempotency import IN_USE, KEPT, LOCK, OTHER_BODY, once
from dwell.application.ports import Transaction
from dwell.application.prices import import_prices
from dwell.application.tariffs import FormulaText, define_tariff, put_formula, put_timeseries, resolved_rates
from dwell.domain.errors import Conflict, NotFound, Refused
from dwell.domain.tariff.contracts import EXPORT, IMPORT, Tariff
from dwell.domain.tariff.curve import PriceSlot
from house import BUILT_AT, HOME, ORGANIZATION, ZONE, House, a_house
from stores import AnyStore

pytestmark = pytest.mark.anyio
DAY = timedelta(days=1)


async def define(house: House, name: str, direction: str = IMPORT, currency: str = "EUR") -> None:
    tariff = Tariff(
        organization_id=ORGANIZATION,
        id=name,
        direction=direction,
        currency=currency,
        per="kWh",
        created_at=BUILT_AT,
    )
    await define_tariff(house.ports, ORGANIZATION, tariff)


async def rates(house: House, name: str, slots: Sequence[PriceSlot]) -> None:
    async def work(tx: Transaction) -> None:
        await put_timeseries(tx, (ORGANIZATION, name), slots, now=house.clock.now())

    await house.ports.store.write(work)


def steps(start_at: datetime, *rates: str, step: timedelta = HOUR) -> list[PriceSlot]:
    return [
        PriceSlot(start_at + n * step, start_at + (n + 1) * step, Decimal(rate))
        for n, rate in enumerate(rates)
    ]


async def formula(house: House, text: str, **variables: str) -> None:
    wanted = FormulaText(direction=IMPORT, variables=variables, formula=text)
    await put_formula(house.ports, ORGANIZATION, HOME, wanted)


async def paid(house: House, at: datetime) -> Decimal | None:
    curve = await resolved_rates(
        house.ports, ORGANIZATION, HOME, direction=IMPORT, window=(at, at + timedelta(minutes=1))
    )
    slot = curve.at(at) if curve is not None else None
    return slot.price_per_kwh if slot is not None else None


async def test_a_location_pays_by_its_formula_from_then_on(store: AnyStore) -> None:
    house = await a_house(store)
    assert await paid(house, EVENING) is not None

    await define(house, "grid")
    await rates(house, "grid", steps(BUILT_AT - 10 * DAY, "0.10", "0.20", step=15 * DAY))
    await formula(house, "(spot + grid) * 1.5", spot=f"zone:{ZONE}", grid="grid")

    spot = Decimal(EVENING.hour * 7 % 24 - 3) / 50
    assert await paid(house, EVENING) == (spot + Decimal("0.10")) * Decimal("1.5")


async def test_a_change_of_any_source_is_a_change_of_what_is_paid(store: AnyStore) -> None:
    house = await a_house(store)
    await define(house, "fee")
    await rates(house, "fee", steps(EVENING, "0.1", "0.1", "0.1"))
    await formula(house, "spot + fee", spot=f"zone:{ZONE}", fee="fee")

    await import_prices(house.ports, ZONE, "EUR", steps(EVENING, "1", "1", "1"))
    await rates(house, "fee", steps(EVENING + HOUR, "0.3"))

    assert [await paid(house, EVENING + n * HOUR) for n in range(4)] == [
        Decimal("1.1"),
        Decimal("1.3"),
        Decimal("1.1"),
        None,
    ]


async def test_where_a_formula_has_no_value_any_more_there_is_no_rate(store: AnyStore) -> None:
    house = await a_house(store)
    await define(house, "share")
    await rates(house, "share", steps(EVENING, "1", "2", "4"))
    await formula(house, "1 / share", share="share")

    await rates(house, "share", steps(EVENING + HOUR, "0"))

    assert [await paid(house, EVENING + n * HOUR) for n in range(3)] == [1, None, Decimal("0.25")]


async def test_a_formula_that_grows_beyond_all_prices_stops_nobody_s_import(store: AnyStore) -> None:
    house = await a_house(store)
    await formula(house, "spot * max(0, spot - 5) * 999999999999 * 999999999999", spot=f"zone:{ZONE}")

    await import_prices(house.ports, ZONE, "EUR", steps(EVENING, "6", "1"))

    assert [await paid(house, EVENING + n * HOUR) for n in range(2)] == [None, 0]


async def test_a_plan_and_its_cost_follow_the_formula_and_its_corrections(store: AnyStore) -> None:
    house = await a_house(store)
    await define(house, "tou")
    # Dear but for two hours: 02:00–04:00 UTC.
    night = steps(EVENING, *("0.50" if n not in {8, 9} else "0.10" for n in range(14)))
    await rates(house, "tou", night)
    await formula(house, "tou * 2", tou="tou")

    await house.tell(plugged(0, soc_percent=65, energy_register_wh=0))
    await house.look()
    [session] = [one for one in await house.unsettled() if one.plugged_in_at is not None]
    assert session.promise is not None
    [block] = session.promise.blocks
    assert block.start_at >= EVENING + 8 * HOUR
    assert block.end_at <= EVENING + 10 * HOUR

    await rates(house, "tou", steps(EVENING + 5 * HOUR, "0.01", "0.01"))
    await house.look()
    [session] = [one for one in await house.unsettled() if one.plugged_in_at is not None]
    assert session.promise is not None
    assert session.promise.blocks[0].start_at >= EVENING + 5 * HOUR
    assert session.promise.blocks[-1].end_at <= EVENING + 7 * HOUR

    await house.tell(
        plugged(5, energy_register_wh=0),
        plugged(6, energy_register_wh=10_000),
        unplugged(7),
        at=EVENING + 8 * HOUR,
    )
    await house.look()
    settled = (await house.settled())[-1]
    assert settled.valuation is not None
    assert settled.valuation.cost == Decimal("0.2")
    assert settled.terms.zone == f"location:{HOME}:import"


async def test_a_running_visit_keeps_what_it_was_priced_by(store: AnyStore) -> None:
    house = await a_house(store)
    await house.tell(plugged(0, soc_percent=65))
    await define(house, "flat")
    await rates(house, "flat", steps(EVENING, "0.3", step=30 * DAY))
    await formula(house, "flat", flat="flat")

    [session] = [one for one in await house.unsettled() if one.plugged_in_at is not None]
    assert session.terms.zone == ZONE


async def test_every_fault_of_a_formula_is_named_at_once(store: AnyStore) -> None:
    house = await a_house(store)
    await define(house, "sold", direction=EXPORT)
    await define(house, "krona", currency="SEK")

    with pytest.raises(Refused) as caught:
        await formula(house, "a + b + c", a="sold", c="nothing", d=f"zone:{ZONE}", e="krona", f="zone:XX")

    assert {fault.field for fault in caught.value.faults} == {
        "formula",
        "variables.a",
        "variables.c",
        "variables.f",
        "variables",
    }


async def test_another_definition_is_a_conflict_and_the_same_is_none(store: AnyStore) -> None:
    house = await a_house(store)
    await define(house, "grid")
    await define(house, "grid")
    with pytest.raises(Conflict):
        await define(house, "grid", currency="SEK")


async def test_an_effect_happens_once_for_each_key(store: AnyStore) -> None:
    house = await a_house(store)
    done: list[str] = []

    async def effect(_: Transaction) -> tuple[int, bytes]:
        done.append("once")
        return 200, b"answer"

    name = (ORGANIZATION, "key")
    assert await once(house.ports, name, b"request", effect) == (200, b"answer")
    assert await once(house.ports, name, b"request", effect) == (200, b"answer")
    assert done == ["once"]
    with pytest.raises(Conflict) as caught:
        await once(house.ports, name, b"another", effect)
    assert caught.value.code == OTHER_BODY

    house.clock.move_to(house.clock.now() + KEPT + HOUR)
    await once(house.ports, name, b"another", effect)
    assert done == ["once", "once"]


async def test_a_twin_is_told_that_the_first_is_at_work_and_a_lock_lapses(store: AnyStore) -> None:
    house = await a_house(store)
    name = (ORGANIZATION, "key")

    class Died(BaseException):
        """The process of the first request ended here."""

    async def dies(_: Transaction) -> tuple[int, bytes]:
        raise Died

    async def lives(_: Transaction) -> tuple[int, bytes]:
        return 200, b"answer"

    with pytest.raises(Died):
        await once(house.ports, name, b"request", dies)
    with pytest.raises(Conflict) as caught:
        await once(house.ports, name, b"request", lives)
    assert caught.value.code == IN_USE

    house.clock.move_to(house.clock.now() + LOCK)
    assert await once(house.ports, name, b"request", lives) == (200, b"answer")


async def test_a_refusal_frees_its_key(store: AnyStore) -> None:
    house = await a_house(store)
    name = (ORGANIZATION, "key")

    async def refused(_: Transaction) -> tuple[int, bytes]:
        raise NotFound("There is no such tariff.")

    async def lives(_: Transaction) -> tuple[int, bytes]:
        return 200, b"answer"

    with pytest.raises(NotFound):
        await once(house.ports, name, b"request", refused)
    assert await once(house.ports, name, b"request", lives) == (200, b"answer")


async def test_prices_taken_away_leave_what_lies_beside_them(store: AnyStore) -> None:
    house = await a_house(store, with_prices=False)
    await import_prices(house.ports, ZONE, "EUR", steps(EVENING, "1", "2", "3"))

    async def work(tx: Transaction) -> None:
        await tx.remove_prices(ZONE, EVENING + HOUR / 2, EVENING + 2.5 * HOUR)

    await house.ports.store.write(work)

    assert [await paid(house, EVENING + n * HOUR / 4) for n in (0, 1, 2, 6, 9, 10, 11)] == [
        1,
        1,
        None,
        None,
        None,
        3,
        3,
    ]
