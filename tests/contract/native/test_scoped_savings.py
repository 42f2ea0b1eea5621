"""What an organization, a location or a vehicle saved: one truth with the sessions, on both databases."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from contract.serving import START, Home, Tenant
from dwell.application.prices import import_prices
from dwell.application.savings import Scope, ScopedSavings, savings_over
from dwell.application.series import Asked, vehicle_savings
from dwell.domain.errors import NotFound, Refused
from dwell.domain.ids import LocationId, OrganizationId, VehicleId
from dwell.domain.series import Resolution, share_saved, total_of
from dwell.domain.tariff.contracts import carbon_zone
from dwell.domain.tariff.curve import PriceSlot

HOUR = timedelta(hours=1)
DAYS = date(2026, 1, 9), date(2026, 1, 10)
STEPS = [Resolution.DAY, Resolution.WEEK, Resolution.MONTH, Resolution.QUARTER, Resolution.YEAR]
CLEAN, OTHER = "NO2", "DK1"


def home_in(tenant: Tenant, zone: str, currency: str = "EUR") -> Home:
    """A home in a zone with prices that change by the hour."""
    curve(tenant, zone, currency, [Decimal(n * 37 % 101 - 30) / 997 for n in range(96)])
    return tenant.home(zone=zone)


def curve(tenant: Tenant, zone: str, unit: str, values: Iterable[Decimal]) -> None:
    first_at = START - timedelta(hours=24)
    slots = [
        PriceSlot(first_at + n * HOUR, first_at + (n + 1) * HOUR, value) for n, value in enumerate(values)
    ]
    tenant.serving.run(import_prices(tenant.serving.ports, zone, unit, slots))


def saved(
    tenant: Tenant,
    resolution: Resolution = Resolution.DAY,
    *,
    days: tuple[date, date] = DAYS,
    **of: Any,
) -> ScopedSavings:
    owner = OrganizationId(tenant.credentials.organization_id)
    work = savings_over(tenant.serving.ports, owner, Scope(**of), resolution, days=days)
    return tenant.serving.run(work)


def valuations(*homes: Home) -> list[Any]:
    """The sessions of the homes, each with its money as it is served."""
    every = [session["id"] for home in homes for session in home.settled()]
    return [homes[0].tenant.get(f"/v1/sessions/{one}/valuation") for one in every]


def added(shown: list[Any], name: str) -> Fraction:
    return sum((Fraction(one[name]) for one in shown), Fraction(0))


@pytest.fixture
def homes(tenant: Tenant) -> tuple[Home, Home]:
    """Two homes with two visits each; one begins in the evening by UTC, and after midnight by Berlin's clock."""
    first, second = home_in(tenant, CLEAN), home_in(tenant, CLEAN)
    first.visit(-700, hours=3.3, kwh=11.113)
    first.visit(-187, hours=2.4, kwh=7.321)
    second.visit(-690, hours=2, kwh=9.007)
    second.visit(-150, hours=1.4, kwh=3.3)
    return first, second


@pytest.mark.parametrize("page", [500, 1])
def test_sums_are_those_of_the_sessions_at_every_resolution_and_for_everybody(
    homes: tuple[Home, Home], page: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dwell.application.savings.PAGE", page)
    first, second = homes
    scopes: list[tuple[dict[str, Any], list[Any]]] = [
        ({}, valuations(first, second)),
        ({"location_id": LocationId(first.location["id"])}, valuations(first)),
        ({"vehicle_id": VehicleId(second.vehicle["id"])}, valuations(second)),
    ]
    for of, shown in scopes:
        for step in STEPS:
            found = saved(first.tenant, step, **of)
            whole = total_of(found.periods)
            assert (whole.sessions, found.currency) == (len(shown), "EUR")
            assert whole.energy_wh == sum(one["energy_wh"] for one in shown)
            for name in ("cost", "baseline_cost", "savings"):
                assert Fraction(getattr(whole, name)) == added(shown, name) != 0


def test_a_vehicles_savings_are_those_that_every_dialect_serves(homes: tuple[Home, Home]) -> None:
    tenant, vehicle_id = homes[0].tenant, VehicleId(homes[0].vehicle["id"])
    owner = OrganizationId(tenant.credentials.organization_id)
    asked = Asked(vehicle_id=vehicle_id, user_id=None, resolution=Resolution.DAY)
    view = tenant.serving.run(vehicle_savings(tenant.serving.ports, owner, asked, DAYS))
    assert saved(tenant, vehicle_id=vehicle_id).periods == view.periods


def test_a_visit_counts_on_the_day_it_began_by_the_locations_clock(tenant: Tenant) -> None:
    home = home_in(tenant, CLEAN)
    home.visit(-12 * 60 - 30, hours=2)  # half past eleven at night by UTC, half past midnight in Berlin
    assert [one.sessions for one in saved(tenant).periods] == [0, 1]
    assert saved(tenant).timezone == "Europe/Berlin"


def test_days_on_which_clocks_are_set_have_23_and_25_hours(tenant: Tenant) -> None:
    tenant.home()
    for first, lengths in ((date(2026, 3, 28), [24, 23, 24]), (date(2026, 10, 24), [24, 25, 24])):
        periods = saved(tenant, days=(first, first + timedelta(days=2))).periods
        assert [(one.end_at - one.start_at) / HOUR for one in periods] == lengths


def test_emissions_are_those_of_the_sessions_where_they_are_known(
    homes: tuple[Home, Home], monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = homes[0].tenant
    curve(tenant, carbon_zone(CLEAN), "gCO2", [Decimal(50 + n * 13 % 61) for n in range(96)])
    elsewhere = home_in(tenant, "NO1")
    elsewhere.visit(-150, hours=1.4, kwh=3.3)
    shown = valuations(*homes)
    found = saved(tenant, Resolution.MONTH)
    assert found.emitted is not None
    [month] = found.emitted
    assert (month.sessions, found.periods[0].sessions) == (4, 5)
    assert Fraction(month.emissions_g) == added(shown, "emissions_g") > 0
    assert Fraction(month.baseline_emissions_g) == added(shown, "baseline_emissions_g") > 0
    monkeypatch.setattr("dwell.application.savings.EMISSIONS_AT_MOST", 3)
    many = saved(tenant, Resolution.MONTH)
    assert (many.emitted, many.periods) == (None, found.periods)


def test_visits_in_several_currencies_are_not_added_up(tenant: Tenant) -> None:
    home_in(tenant, CLEAN).visit(-187, hours=2.4)
    home_in(tenant, OTHER, "DKK").visit(-187, hours=2.4)
    found = saved(tenant)
    assert (found.mixed, found.currency, total_of(found.periods).sessions) == (True, None, 0)


def test_too_many_visits_are_refused_and_none_is_read_beyond_the_bound(
    homes: tuple[Home, Home], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dwell.application.savings.PAGE", 1)
    monkeypatch.setattr("dwell.application.savings.SESSIONS_AT_MOST", 2)
    with pytest.raises(Refused) as caught:
        saved(homes[0].tenant)
    assert caught.value.code == "window_too_long"


def test_what_is_anothers_or_nobodys_is_not_there(homes: tuple[Home, Home], tenant: Tenant) -> None:
    stranger = tenant.serving.tenant()
    for of in (
        {"location_id": LocationId(homes[0].location["id"])},
        {"vehicle_id": VehicleId(homes[0].vehicle["id"])},
    ):
        with pytest.raises(NotFound):
            saved(stranger, **of)
    assert total_of(saved(stranger).periods).sessions == 0
    assert share_saved(saved(stranger).periods[0]) is None
