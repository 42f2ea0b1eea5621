"""Partner: day-ahead prices that an organization on its own lays down take effect, whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from contract.partner.people import BASE, Partner
from contract.partner.test_partner_vehicles import events_of, look, plan_of
from contract.serving import AT_HOME, START, Home, Serving, serving_on
from dwell.domain.instants import write_instant

HOUR = timedelta(hours=1)
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture(params=["sqlite", "postgres"])
def alone(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A server with one organization only: no other pays the market's prices."""
    with serving_on(request, tmp_path_factory, "alone") as one:
        yield one


@pytest.fixture
def home(alone: Serving) -> Home:
    return alone.tenant().home()


@pytest.fixture
def client(home: Home) -> httpx.Client:
    client = Partner(tenant=home.tenant).client()
    client.base_url = httpx.URL(f"{client.base_url}{BASE}/org/{home.tenant.credentials.organization_id}")
    return client


PRICES = "trading/dayahead/prices"


def hourly(first_at: datetime, prices: list[float]) -> list[dict[str, Any]]:
    return [
        {
            "start": write_instant(first_at + n * HOUR),
            "end": write_instant(first_at + (n + 1) * HOUR),
            "price": price,
        }
        for n, price in enumerate(prices)
    ]


def lay(client: httpx.Client, entries: list[dict[str, Any]]) -> Any:
    answer = client.patch(PRICES, json={"price_zone": "DE_LU", "prices": entries})
    assert answer.status_code == 200, answer.text
    return answer.json()


def known(client: httpx.Client, first_at: datetime, end_at: datetime) -> Any:
    window = {"from": write_instant(first_at), "to": write_instant(end_at)}
    return client.get(PRICES, params={"price_zone": "DE_LU", **window}).json()


def charged_in(home: Home) -> set[int]:
    """The hours after START in which the running session is to be charged towards its target."""
    look(home.tenant.serving)
    blocks = plan_of(home)["plan"]["blocks"]
    return {(datetime.fromisoformat(block["start"]) - START) // HOUR for block in blocks}


def test_prices_take_effect_once(alone: Serving, home: Home, client: httpx.Client) -> None:
    end_at = START + 24 * HOUR
    assert known(client, START, end_at)["state"] == "missing"
    first = [50.0 if n in {8, 9} else 300.0 for n in range(24)]
    shown = lay(client, hourly(START, first))
    assert (shown["state"], shown["unit"], shown["price_zone"]) == ("complete", "EUR/MWh", "DE_LU")
    assert [price["price"] for price in shown["prices"]] == first
    assert shown == known(client, START, end_at)
    assert known(client, START - HOUR, end_at)["state"] == "partial"

    home.tenant.observe(home.at(-1, plugged_in=True, charging=False, soc_percent=60, **AT_HOME))
    assert charged_in(home) <= {8, 9}
    cheaper = hourly(START + 14 * HOUR, [-20.5, -20.5])
    lay(client, cheaper)
    assert charged_in(home) <= {14, 15}
    assert [p["price"] for p in known(client, START + 13 * HOUR, START + 17 * HOUR)["prices"]] == [
        300,
        -20.5,
        -20.5,
        300,
    ]

    before, plan = events_of(home), plan_of(home)["plan"]
    alone.clock.move_to(alone.clock.now() + timedelta(seconds=1))
    again = lay(client, cheaper)
    assert again["prices"] == cheaper
    look(alone)
    assert (events_of(home), plan_of(home)["plan"]) == (before, plan)


@pytest.mark.parametrize(("day", "hours"), [((2026, 3, 29), 23), ((2026, 10, 25), 25)])
def test_a_day_on_which_clocks_change_is_as_long_as_it_is(
    client: httpx.Client, day: tuple[int, int, int], hours: int
) -> None:
    first_at = datetime(*day, tzinfo=BERLIN).astimezone(START.tzinfo)
    end_at = (datetime(*day, tzinfo=BERLIN) + timedelta(days=1)).astimezone(START.tzinfo)
    prices = [float(n) for n in range(hours)]
    assert lay(client, hourly(first_at, prices))["state"] == "complete"
    shown = known(client, first_at, end_at)
    assert (shown["state"], [price["price"] for price in shown["prices"]]) == ("complete", prices)
    whole = {"start": write_instant(first_at), "end": write_instant(end_at), "price": 7}
    lay(client, [whole])
    assert {price["price"] for price in known(client, first_at, end_at)["prices"]} == {7}


def test_of_a_body_with_faults_all_are_named_and_nothing_is_applied(client: httpx.Client) -> None:
    good = hourly(START, [10, 20, 30])
    lay(client, good)
    wrong = [
        *hourly(START, [1]),
        {**good[0], "price": 2, "end": good[1]["end"]},  # over both of its neighbours
        {**good[1], "price": "3"},
        {**good[1], "price": 10**9},
        {"start": "2026-01-10", "end": good[1]["end"], "price": 4},
        {"start": good[2]["start"], "end": good[2]["start"], "price": 5},
        {"start": good[2]["start"], "end": write_instant(START + 40 * 24 * HOUR), "price": 5},
        "6",
        {
            "start": write_instant(START + 40 * 24 * HOUR),
            "end": write_instant(START + 961 * HOUR),
            "price": 7,
        },
    ]
    answer = client.patch(PRICES, json={"price_zone": "", "currency": "euros", "prices": wrong})
    assert answer.status_code == 422
    assert {tuple(fault["loc"]) for fault in answer.json()["detail"]} == {
        ("body", "price_zone"),
        ("body", "currency"),
        ("body", "prices"),
        ("body", "prices[1]", "start"),
        ("body", "prices[2]", "price"),
        ("body", "prices[3]", "price"),
        ("body", "prices[4]", "start"),
        ("body", "prices[5]", "end"),
        ("body", "prices[6]", "end"),
        ("body", "prices[7]"),
    }
    other = client.patch(PRICES, json={"price_zone": "DE_LU", "currency": "CHF", "prices": good})
    assert other.status_code == 409, "a market has one currency"
    assert known(client, START, START + 3 * HOUR)["prices"] == good
    assert known(client, START, START + 4 * HOUR)["state"] == "partial"
