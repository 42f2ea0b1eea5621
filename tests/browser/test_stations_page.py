"""The stations' pages as a person meets them: a real Chromium, and a station on a socket."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from ocpp.v16 import call
from playwright.sync_api import Browser, Page, expect

from browser.yard import CARD, Yard, people_of, yard_of
from contract.fleet.depot import Post
from contract.native.test_pending_stations import KEY, waits
from contract.serving import Serving, serving
from dwell.application.ports import Transaction
from dwell.application.stations.registry import StationSpecification, add_station
from dwell.domain.ids import StationId
from dwell.domain.station.ladder import Ladder, Rung

EVIL = "<img src=x onerror='window.broken=1'>"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with serving(f"sqlite:///{tmp_path_factory.mktemp('stations')}/dwell.sqlite3") as one:
        yield one


@pytest.fixture
def yard(server: Serving) -> Yard:
    return yard_of(server)


def _charges(yard: Yard, post: Post) -> int:
    """Half an hour of charging at EVSE 1; returns the transaction's number."""
    yard.run(post.says("Preparing"))
    number = yard.run(post.begins(CARD, ago=31))
    yard.run(post.says("Charging"))
    values = {"Energy.Active.Import.Register": ("4500", "Wh"), "Power.Active.Import": ("10870", "W")}
    sampled = [{"value": value, "measurand": name, "unit": unit} for name, (value, unit) in values.items()]
    reading = {"timestamp": yard.depot.ago(1), "sampledValue": sampled}
    yard.run(post.call(call.MeterValues(connector_id=1, transaction_id=number, meter_value=[reading])))
    return number


def _opened(yard: Yard, page: Page) -> None:
    yard.people.sign_in(page, f"station/{yard.depot.station_id}")
    page.get_by_role("heading", name=yard.depot.name).wait_for()


def test_a_station_is_shown_as_it_stands_and_what_charges_there(yard: Yard, page: Page) -> None:
    with yard.connected() as post:
        _charges(yard, post)
        yard.run(post.says("Faulted", connector=2))
        yard.people.sign_in(page, "stations")
        line = page.locator(".card", has_text=yard.depot.name)
        for words in ("connected", "Depot Süd", "OCPP 1.6", "V M", "1 charging", "2 faulty", "not tried yet"):
            expect(line).to_contain_text(words)
        line.get_by_role("link").click()
        first = page.get_by_role("region", name="EVSE 1")
        told = ("TYPE 2 22.0 kW", "0.55 EUR/kWh", "Running", "anna", "3.50 kWh", "10.9 kW (12:59)")
        for words in (*told, "Sat 10 Jan, 12:29"):  # Berlin's clock, an hour ahead of the server's
            expect(first).to_contain_text(words)
        expect(page.get_by_role("region", name="EVSE 2")).to_contain_text("faulty")


def test_the_page_follows_the_station_by_itself(yard: Yard, page: Page) -> None:
    yard.people.sign_in(page, "stations")
    line = page.locator(".card", has_text=yard.depot.name)
    expect(line).to_contain_text("never heard of")
    with yard.connected() as post:
        expect(line).to_contain_text("connected")
        yard.run(post.says("Preparing"))
        expect(line).to_contain_text("1 occupied")
    expect(line).to_contain_text("silent since Sat 10 Jan, 13:00")
    expect(line).to_contain_text("last known")


def test_what_a_station_says_of_itself_runs_nothing(yard: Yard, page: Page) -> None:
    with yard.connected() as post:
        boot = call.BootNotification(charge_point_model=EVIL, charge_point_vendor=EVIL, firmware_version=EVIL)
        yard.run(post.call(boot, skip_schema_validation=True))
        yard.run(post.call(call.DataTransfer(vendor_id=EVIL, data=EVIL)))
        _opened(yard, page)
        expect(page.get_by_text(f"{EVIL} {EVIL}").first).to_be_visible()
        page.locator(".said summary").first.click()
        expect(page.locator(".said pre").first).to_contain_text(EVIL)
        page.goto(f"{yard.depot.serving.url}/dashboard#stations")
        expect(page.locator(".card", has_text=EVIL)).to_be_visible()
        assert page.locator("main img").count() == 0
        assert page.evaluate("() => window.broken") is None


def test_the_last_messages_are_newest_first_and_can_be_copied(yard: Yard, page: Page) -> None:
    with yard.connected() as post:
        yard.run(post.call(call.DataTransfer(vendor_id="acme", data="x" * 9000)))
        _opened(yard, page)
        said = page.get_by_role("list", name="Last messages").locator("li")
        expect(said.locator("strong")).to_have_text(
            ["DataTransfer", "StatusNotification", "BootNotification"]
        )
        expect(said.first.locator("time")).to_have_text("10 Jan, 13:00:00")
        expect(said.first).to_contain_text("The first 4000 of")
        said.last.get_by_role("button", name="Copy BootNotification").click()
        action, payload = json.loads(page.evaluate("() => navigator.clipboard.readText()"))
        assert (action, payload["chargePointModel"]) == ("BootNotification", "M")
        for n in range(40):
            yard.run(post.says("Available" if n % 2 else "Preparing"))
        expect(said).to_have_count(30)


def test_a_start_is_asked_for_by_keyboard_and_its_faults_stand_beside_the_fields(
    yard: Yard, page: Page
) -> None:
    with yard.connected() as post:
        _opened(yard, page)
        who = page.get_by_label("User or token")
        who.press("Enter")
        expect(page.locator("#start-who-fault")).to_have_text("is required")
        expect(who).to_have_attribute("aria-invalid", "true")
        who.fill("nobody we know")
        who.press("Enter")
        expect(page.locator("#start-who-fault")).to_have_text("no user and no token has this name")
        post.verdict = "Rejected"
        who.fill(CARD)
        who.press("Enter")
        answer = page.locator("[data-answer]")
        expect(answer).to_have_text("EVSE 1: Not started: the station refused")
        post.verdict = "Accepted"
        who.press("Enter")
        expect(answer).to_have_text("EVSE 1: Start ordered, waiting for the station")
        tag = [yard.run(post.told.get()) for _ in range(2)][-1][1]
        number = yard.run(post.begins(tag))
        expect(answer).to_have_text("EVSE 1: Running")
        page.get_by_role("button", name="Stop EVSE 1").click()
        expect(answer).to_have_text("EVSE 1: Stop accepted, waiting for the end")
        assert yard.run(post.told.get()) == ("stop", number)
        yard.run(post.ends(number))
        expect(answer).to_have_text("EVSE 1: Ended")


def test_what_we_did_stands_among_the_messages_and_is_no_sign_of_life(tmp_path: Path, page: Page) -> None:
    with serving(f"sqlite:///{tmp_path}/dwell.sqlite3") as server:
        yard = yard_of(server)
        with yard.connected() as post:
            yard.depot.later(10)
            _opened(yard, page)
            page.get_by_label("User or token").fill("anna")
            page.get_by_role("button", name="Start", exact=True).click()
            assert yard.run(post.told.get())[0] == "start"
            said = page.get_by_role("list", name="Last messages").locator("li")
            expect(said.first).to_contain_text("Dwell: StartOrdered")
            expect(said.first.locator("time")).to_have_text("10 Jan, 13:10:00")
            expect(said.last).to_contain_text("Station: BootNotification")
        expect(page.get_by_role("heading", name="silent since Sat 10 Jan, 13:00")).to_be_visible()
        page.goto("about:blank")  # a page that listens would keep the server


def test_strangers_wait_until_they_are_approved_or_refused(server: Serving, yard: Yard, page: Page) -> None:
    tenant = yard.people.tenant
    keys = {"one": KEY, "short": "admin", "away": KEY}
    names = {suffix: waits(server, tenant, key=key, suffix=suffix) for suffix, key in keys.items()}
    yard.people.sign_in(page, "stations")
    waiting = page.get_by_role("region", name="Waiting for your word")
    told = page.locator("[data-pending]")
    first = waiting.locator(".card", has_text=names["one"])
    expect(first).to_contain_text("192.0.2.1")
    first.get_by_label("Location").select_option(label="Depot Süd")
    first.get_by_role("button", name="Approve").click()
    expect(told).to_have_text(f"{names['one']} is registered.")
    expect(page.locator("ol.cards .card", has_text=names["one"])).to_contain_text("Depot Süd")
    waiting.get_by_role("button", name=f"Approve {names['short']}").click()
    expect(told).to_have_text(re.compile(r"Its new key, shown only now: \S{16,}$"))
    waiting.get_by_role("button", name=f"Refuse {names['away']}").click()
    expect(told).to_have_text(f"{names['away']} is refused.")
    expect(waiting.locator(".card")).to_have_count(1)
    expect(waiting.locator(".card")).to_contain_text("refused")


def test_what_cannot_be_started_or_stopped_is_said(yard: Yard, page: Page) -> None:
    with yard.connected() as post:
        _charges(yard, post)
        post.verdict = "Rejected"
        _opened(yard, page)
        page.get_by_role("button", name="Stop EVSE 1").click()
        expect(page.locator(".charge [role=alert]")).to_have_text("The station refused to stop.")
        page.get_by_label("User or token").fill("anna")
        page.get_by_role("button", name="Start", exact=True).click()
        expect(page.locator(".start > [role=alert]")).to_have_text("The EVSE is occupied.")
    expect(page.get_by_role("heading", name="silent since")).to_be_visible()
    page.get_by_label("EVSE", exact=True).select_option("2")
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.locator(".start > [role=alert]")).to_have_text("The station is offline.")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_all_without_scrolling_sideways(yard: Yard, browser: Browser, scheme: str) -> None:
    context = browser.new_context(viewport={"width": 360, "height": 740}, locale="en-GB")
    page = context.new_page()
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    with yard.connected() as post:
        _charges(yard, post)
        yard.run(post.call(call.DataTransfer(vendor_id="acme", data="x" * 3000)))
        _opened(yard, page)
        page.locator(".said summary").first.click()
        page.get_by_role("button", name="Deutsch").click()
        for wanted in ("lädt", "Läuft", "Laden starten", "Wie Pläne ankommen"):
            expect(page.get_by_text(wanted).first).to_be_visible()
        assert page.evaluate("() => document.documentElement.scrollWidth") <= 360
    context.close()


def test_how_plans_are_put_is_shown_rung_by_rung(yard: Yard, page: Page) -> None:
    found = Ladder(rung=Rung.TX_DEFAULT_PROFILE, proven=True, ruled_out=(Rung.TX_PROFILE,))

    async def climbed(tx: Transaction) -> None:
        held = await tx.hold_station(yard.people.owner, StationId(yard.depot.station_id))
        assert held is not None
        await tx.save_station(msgspec.structs.replace(held, ladder=found))

    yard.run(yard.depot.serving.ports.store.write(climbed))
    yard.people.sign_in(page, "stations")
    expect(page.locator(".card")).to_contain_text("a default profile, verified by its meter")
    page.locator(".card").get_by_role("link").click()
    rungs = page.locator(".ladder li")
    expect(rungs).to_have_text(
        [
            "a profile for each transaction does not work here",
            "a default profile verified by its meter",
            "a limit for the whole station not tried yet",
            "a configuration value not tried yet",
            "starts and stops not tried yet",
        ]
    )


def test_many_stations_come_a_page_at_a_time(yard: Yard, page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dwell.application.stations.board.STATIONS_AT_MOST", 2)
    serving = yard.depot.serving
    for name in ("second", "third"):
        wanted = StationSpecification(name=f"{yard.depot.name}-{name}")
        yard.run(add_station(serving.ports, serving.keyring, yard.people.owner, wanted))
    yard.people.sign_in(page, "stations")
    expect(page.locator(".cards .title")).to_have_text([yard.depot.name, f"{yard.depot.name}-second"])
    page.get_by_role("button", name="Next page").click()
    expect(page.locator(".cards .title")).to_have_text([f"{yard.depot.name}-third"])
    expect(page.get_by_role("button", name="Next page")).to_have_count(0)
    page.get_by_role("button", name="First page").click()
    expect(page.locator(".cards .title")).to_have_count(2)


def test_another_organizations_station_is_not_there(server: Serving, yard: Yard, page: Page) -> None:
    strangers = people_of(server)
    strangers.sign_in(page, f"station/{yard.depot.station_id}")
    expect(page.get_by_text("There is no such station.")).to_be_visible()
    page.goto(f"{server.url}/dashboard#stations")
    expect(page.get_by_text("No stations yet.")).to_be_visible()
