"""The savings' page as a person meets it: a real Chromium, and visits that were really lived."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from fractions import Fraction

import pytest
from playwright.sync_api import Browser, Page, expect

from browser.yard import People, people_of
from contract.native.test_scoped_savings import CLEAN, added, home_in, valuations
from contract.serving import Home, Serving, serving

EVIL = "<img src=x onerror='window.broken=1'>"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with serving(f"sqlite:///{tmp_path_factory.mktemp('savings')}/dwell.sqlite3") as one:
        yield one


@pytest.fixture
def people(server: Serving) -> People:
    return people_of(server)


@pytest.fixture
def homes(people: People) -> tuple[Home, Home]:
    """Two homes; the first with visits on two days, the second with one."""
    first, second = home_in(people.tenant, CLEAN), home_in(people.tenant, CLEAN)
    first.visit(-12 * 60 - 90, hours=0.9, kwh=2.25)
    first.visit(-187, hours=2.4, kwh=7.321)
    second.visit(-690, hours=2, kwh=9.007)
    return first, second


def _opened(people: People, page: Page) -> None:
    people.sign_in(page, "savings")
    page.locator("tfoot").wait_for()


def _shown(page: Page) -> list[str]:
    """The row of totals: saved, percent, cost, charged at once, kWh, visits."""
    return page.locator("tfoot td").all_inner_texts()


def _expected(*homes: Home) -> list[str]:
    """The same from the sessions themselves."""
    shown = valuations(*homes)
    saved, cost, at_once = (added(shown, name) for name in ("savings", "cost", "baseline_cost"))
    figures = [f"{float(saved):.2f}", f"{float(100 * saved / at_once):.2f}"]
    energy = sum(one["energy_wh"] for one in shown) / 1000
    return [*figures, f"{float(cost):.2f}", f"{float(at_once):.2f}", f"{energy:.1f}", str(len(shown))]


def test_the_figures_are_those_of_the_sessions_for_everybody_a_place_and_a_vehicle(
    people: People, homes: tuple[Home, Home], page: Page
) -> None:
    _opened(people, page)
    first, second = homes
    total = page.locator("tfoot td")
    expect(total).to_have_text(_expected(first, second))
    expect(page.locator(".totals")).to_contain_text(f"{_expected(first, second)[0]} EUR")
    expect(page.locator(".bars canvas")).to_be_visible()
    for of, home in (("location", first), ("vehicle", second)):
        page.get_by_label("Of", exact=True).select_option(f"{of}:{getattr(home, of)['id']}")
        expect(total).to_have_text(_expected(home))


def test_days_weeks_and_months_are_those_of_the_location_and_sums_stay(
    people: People, homes: tuple[Home, Home], page: Page
) -> None:
    _opened(people, page)
    rows = page.locator(".scroll tbody tr")
    expect(rows).to_have_count(30)
    before = _shown(page)
    expect(rows.filter(has_text="Fri, 9 Jan 2026").locator("td").last).to_have_text("1")
    expect(rows.filter(has_text="Sat, 10 Jan 2026").locator("td").last).to_have_text("2")
    for step, name in (("1WEEK", "Week of 5 Jan 2026"), ("1MONTH", "January 2026")):
        page.get_by_label("By", exact=True).select_option(step)
        expect(rows.filter(has_text=name).locator("td")).to_have_text(before)
        assert _shown(page) == before
    expect(page.get_by_text("days of Europe/Berlin")).to_be_visible()


def test_the_csv_adds_up_to_the_sessions_exactly(
    people: People, homes: tuple[Home, Home], page: Page
) -> None:
    _opened(people, page)
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    rows = list(csv.DictReader(download.value.path().read_text(encoding="utf-8").splitlines()))
    shown = valuations(*homes)
    for name in ("cost", "baseline_cost", "savings"):
        assert sum(Fraction(row[name]) for row in rows) == added(shown, name) != 0
    assert 1000 * sum(Fraction(row["energy_kwh"]) for row in rows) == added(shown, "energy_wh")
    assert (len(rows), rows[-1]["from"], rows[0]["currency"]) == (30, "2026-01-10T00:00:00+01:00", "EUR")


def test_faults_stand_beside_the_days_and_the_form_goes_by_keyboard(
    people: People, homes: tuple[Home, Home], page: Page
) -> None:
    _opened(people, page)
    end = page.get_by_label("To", exact=True)
    end.fill("2025-01-01")
    end.press("Enter")
    expect(page.locator("#savings-to-fault")).to_have_text("must not be before from")
    expect(end).to_have_attribute("aria-invalid", "true")
    page.get_by_label("From", exact=True).fill("2025-01-01")
    page.keyboard.press("Enter")
    expect(page.locator("#savings-to-fault")).to_be_empty()
    expect(page.locator(".scroll tbody tr")).to_have_count(1)
    end.fill("2026-01-10")
    end.press("Enter")
    expect(page.locator("tfoot td")).to_have_text(_expected(*homes))


def test_a_name_runs_nothing_and_nothing_saved_is_said(people: People, page: Page) -> None:
    people.tenant.home(name=EVIL)
    _opened(people, page)
    expect(page.get_by_label("Of", exact=True)).to_contain_text(EVIL)
    assert page.evaluate("() => window.broken") is None
    assert page.locator("main img").count() == 0
    assert _shown(page) == ["0.00", "–", "0.00", "0.00", "0.0", "0"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_all_without_scrolling_sideways(
    people: People, homes: tuple[Home, Home], browser: Browser, scheme: str
) -> None:
    context = browser.new_context(viewport={"width": 360, "height": 740}, locale="en-GB")
    page = context.new_page()
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    _opened(people, page)
    page.get_by_role("button", name="Deutsch").click()
    expect(page.locator(".totals")).to_contain_text("Gespart")
    expect(page.locator(".bars canvas")).to_be_visible()
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 360
    context.close()
