"""The dashboard as a person meets it: a real Chromium on a demonstration that runs."""

from __future__ import annotations

import csv
import re
from datetime import datetime
from typing import Any

from playwright.sync_api import Browser, FilePayload, Page, expect

from browser.conftest import Demo

WHY = re.compile(r"Waits: |Charging |Told to start|The target is reached")
WARUM = re.compile(r"Wartet: |Lädt |Soll starten|Das Ziel ist erreicht")
EVIL = "<script>window.broken = 1</script><img src=x onerror='window.broken = 1'>"


PLANNED_MORE = """async ([name, percent, hours]) => {
  const now = await (await fetch('/ui/now')).json();
  const live = now.rows.find(row => row.name === name).sessions.find(one => one.state === 'ACTIVE');
  const planned = live.planned.reduce((sum, [, from, to]) => sum + (Date.parse(to) - Date.parse(from)) / 3.6e6, 0);
  return live.target_percent === percent && planned > hours;
}"""


# First, while it is night in the demonstration and vehicles wait.
def test_an_edited_policy_is_planned_anew(demo: Demo, page: Page) -> None:
    demo.sign_in(page, "vehicles")
    waiting = page.locator(".card", has_text="Waits:").first
    name = waiting.locator("strong").inner_text()
    card = page.locator(".card").filter(has=page.get_by_text(name, exact=True))
    before = _live(page, name)
    card.locator("summary").click()
    card.get_by_label("Reserve %").fill("120")
    card.get_by_label("Ready by").first.fill("07:00")
    card.get_by_label("At least %").first.fill("101")
    card.get_by_role("button", name="Save").click()
    for label in ("Reserve %", "At least %"):
        field = card.get_by_label(label).first
        expect(field).to_have_attribute("aria-invalid", "true")
        expect(page.locator(f"[id='{field.get_attribute('aria-describedby')}']")).to_contain_text("100")
    card.get_by_label("Reserve %").fill("25")
    for percent in card.get_by_label("At least %").all():
        percent.fill("95")
    card.get_by_role("button", name="Save").click()
    expect(card.get_by_role("status")).to_have_text("Saved; the plan follows.")
    page.wait_for_function(PLANNED_MORE, arg=[name, 95, sum(_hours(block) for block in before["planned"])])
    assert before["target_percent"] < 95


def test_a_vehicle_that_waits_for_long_charges_when_it_is_told_to(demo: Demo, page: Page) -> None:
    demo.sign_in(page, "vehicles")
    guest = "Vehicle 13"  # whom nobody plays: it would never begin
    waiting = page.locator(".card", has_text="Waits:").filter(has_not_text=guest).filter(has_text="Vehicle")
    name = waiting.first.locator("strong").inner_text()
    card = page.locator(".card").filter(has=page.get_by_text(name, exact=True))
    plugged_in_at = _live(page, name)["plugged_in_at"]
    page.wait_for_function(
        "since => fetch('/ui/now').then(answer => answer.json()).then(now => Date.parse(now.now) - since > 36e5)",
        arg=datetime.fromisoformat(plugged_in_at).timestamp() * 1000,
    )
    card.get_by_role("button", name="Charge now").click()
    expect(card).to_contain_text("Charging at once, to 100 %.")


def test_a_wrong_password_is_told_and_a_right_one_opens_the_page(demo: Demo, page: Page) -> None:
    page.goto(f"{demo.url}/dashboard")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("is needed")).to_have_count(2)
    page.get_by_label("Name").fill("demo")
    page.get_by_label("Password").fill("not this one, no")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_have_text("Name and password do not belong together.")
    demo.sign_in(page)
    expect(page.locator(".row").first).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("Password")).to_be_visible()


def test_the_cookie_is_out_of_reach_and_a_change_needs_the_pages_token(demo: Demo, page: Page) -> None:
    demo.sign_in(page)
    cookie = page.context.cookies()[0]
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
    status = "path => fetch(path, {method: 'POST'}).then(answer => answer.status)"
    assert page.evaluate(status, "/ui/sign-out") == 403
    expect(page.locator(".row").first).to_be_visible()
    assert page.evaluate("() => fetch('/ui/me').then(answer => answer.status)") == 200


def test_rows_move_by_themselves(demo: Demo, page: Page) -> None:
    demo.sign_in(page)
    page.locator(".row svg rect.visit").first.wait_for()
    for rows in page.locator(".rows").all():  # the vehicles', and the charge points'
        before = rows.evaluate("rows => rows.innerHTML")
        page.wait_for_function(
            "([rows, before]) => rows.innerHTML !== before",
            arg=[rows.element_handle(), before],
            timeout=15_000,
        )


def test_a_plug_in_shows_by_the_event_stream_alone(demo: Demo, page: Page) -> None:
    page.add_init_script("window.setInterval = () => 0;")  # the page does not ask by itself any more
    demo.sign_in(page)
    row = page.locator(".row", has_text="Vehicle 13")
    expect(row).to_contain_text("Not plugged in.")
    now = page.evaluate("() => fetch('/ui/now').then(answer => answer.json())")
    guest = next(one["id"] for one in now["rows"] if one["name"] == "Vehicle 13")
    fact = {"vehicle_id": guest, "at": now["now"], "plugged_in": True, "charging": False, "soc_percent": 42}
    assert demo.client.post("/v1/observations", json=[fact]).status_code == 202
    expect(row).to_contain_text("42 %", timeout=10_000)
    expect(row.locator("rect.visit")).to_have_count(1)


def test_a_charge_point_shows_who_stood_there_and_when_it_charged(demo: Demo, page: Page) -> None:
    demo.sign_in(page)
    points = page.get_by_role("list", name="Charge points")
    points.scroll_into_view_if_needed()
    points.locator("rect.visit").first.wait_for()
    widths = "bars => bars.reduce((sum, bar) => sum + bar.width.baseVal.value, 0)"
    stood, charged = (points.locator(f"rect.{kind}").evaluate_all(widths) for kind in ("visit", "past"))
    assert 0 < charged < 0.9 * stood, "vans wait for the cheap hours, and for each other"


def test_a_vehicles_name_runs_nothing(demo: Demo, page: Page) -> None:
    vehicle = {
        "vendor": "ACME",
        "information": {"brand": "A", "model": "B", "displayName": EVIL},
        "batteryCapacity": 60,
        "maxPower": 11,
    }
    assert demo.client.post("/users/evil/vehicles", json=vehicle).status_code == 201
    demo.sign_in(page)
    expect(page.get_by_text(EVIL)).to_be_visible()
    assert page.evaluate("() => window.broken") is None


def test_a_lost_connection_is_shown_and_comes_back(demo: Demo, page: Page) -> None:
    demo.sign_in(page)
    page.locator(".row").first.wait_for()
    page.evaluate("() => { window.loadedOnce = true; }")
    page.context.set_offline(True)
    expect(page.get_by_text("No connection to the server")).to_be_visible(timeout=15_000)
    page.context.set_offline(False)
    expect(page.get_by_text("No connection to the server")).to_be_hidden(timeout=15_000)
    before = page.locator(".summary time").inner_text()
    expect(page.locator(".summary time")).not_to_have_text(before, timeout=15_000)
    assert page.evaluate("() => window.loadedOnce"), "it came back without being loaded again"


def test_a_phone_shows_all_without_scrolling_sideways(demo: Demo, browser: Browser) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 800}, locale="en-GB")
    page = context.new_page()
    demo.sign_in(page)
    page.locator(".row").first.wait_for()
    for name in ("now", "sessions", "vehicles", "prices", "webhooks"):
        page.goto(f"{demo.url}/dashboard#{name}")
        expect(page.locator("main h1, main .summary").first).to_be_visible()
        assert page.evaluate("() => document.documentElement.scrollWidth") <= 390, name
        assert page.evaluate("() => document.querySelector('nav').scrollWidth") <= 390, (
            "every page can be seen"
        )
    context.close()


def test_sessions_are_listed_opened_and_exported(demo: Demo, page: Page) -> None:
    demo.sign_in(page, "sessions")
    page.locator("tbody tr").first.wait_for()
    for link, columns in (("CSV by session", 14), ("CSV by quarter hour", 8)):
        with page.expect_download() as download:
            page.get_by_role("link", name=link).click()
        text = download.value.path().read_text(encoding="utf-8")
        rows = list(csv.reader(text.splitlines()))
        assert len(rows) > 20
        assert {len(row) for row in rows} == {columns}
        start, zone = rows[0].index("start"), rows[0].index("timezone")
        assert {row[zone] for row in rows[1:]} == {"Europe/Berlin"}
        assert all(row[start].endswith(("+02:00", "+01:00")) for row in rows[1:]), "times are the location's"
        figures = [row[rows[0].index(name)] for row in rows[1:] for name in ("cost", "baseline_cost")]
        assert [one for one in figures if not re.fullmatch(r"-?\d+(\.\d+)?|", one)] == [], "no exponents"
    page.locator("tbody a").first.click()
    expect(page.get_by_text("As each contract shows it")).to_be_visible()
    for contract in ("Flex", "Partner", "Dwell"):
        shown = page.locator("section").filter(has=page.get_by_role("heading", name=contract, exact=True))
        expect(shown.locator("pre")).to_contain_text('"')
    orders = page.locator("table.orders tbody tr")
    expect(orders.filter(has_text="Start").filter(has_text="obeyed").first).to_be_visible()
    page.get_by_role("button", name="Copy curl").first.click()
    assert page.evaluate("() => navigator.clipboard.readText()").startswith("curl -H")


def test_the_tables_of_a_page_are_the_tenants_own(demo: Demo) -> None:
    for path in ("/ui/now", "/ui/sessions", "/ui/v1/audit", "/ui/webhooks"):
        assert demo.client.get(path).status_code == 401, "a bearer token is no browser"


def test_the_fleets_word_is_lent_to_the_pages_too(demo: Demo, page: Page) -> None:
    demo.sign_in(page)
    status = "path => fetch(path).then(answer => answer.status)"
    assert page.evaluate(status, "/ui/public/charging/1/sessions") == 200
    assert demo.client.get("/ui/public/charging/1/sessions").status_code in {401, 403}


def _live(page: Page, name: str) -> Any:
    """The running session of the vehicle of that name, as the page is told of it."""
    now = page.evaluate("() => fetch('/ui/now').then(answer => answer.json())")
    row = next(row for row in now["rows"] if row["name"] == name)
    return next(session for session in row["sessions"] if session["state"] == "ACTIVE")


def _hours(block: list[str]) -> float:
    start, end = (datetime.fromisoformat(text) for text in block[1:3])
    return (end - start).total_seconds() / 3600


def test_the_list_is_filtered_and_says_what_is_wrong_with_a_filter(demo: Demo, page: Page) -> None:
    demo.sign_in(page, "sessions")
    rows = page.locator("tbody tr")
    rows.first.wait_for()
    page.get_by_label("Vehicle", exact=True).select_option(label="Vehicle 2")
    expect(rows.filter(has_not_text="Vehicle 2")).to_have_count(0)
    expect(rows.first).to_contain_text("Vehicle 2")
    page.get_by_label("Outcome").select_option(label="Missed")
    expect(rows.filter(has_text="Reached")).to_have_count(0)
    page.get_by_label("Outcome").select_option(label="All")
    day = rows.first.locator("td").nth(1).inner_text()
    page.get_by_label("From").fill("2025-09-22")
    page.get_by_label("To").fill("2025-09-22")
    expect(rows.filter(has_not_text="22 Sept")).to_have_count(0)
    assert "Sept" in day
    assert page.evaluate("() => fetch('/ui/sessions?from=soon').then(answer => answer.json())")["issues"]


def test_a_running_visit_says_why_in_both_languages(demo: Demo, page: Page) -> None:
    demo.sign_in(page)
    page.locator(".row:has(rect.planned) .row-link").first.click()
    expect(page.locator(".because")).to_contain_text(WHY)
    expect(page.locator(".plan li").first).to_be_visible()
    page.get_by_role("button", name="Deutsch").click()
    expect(page.locator(".because")).to_contain_text(WARUM)
    expect(page.locator("article")).to_contain_text(re.compile("Block|Blöcken"))
    assert page.evaluate("() => document.documentElement.lang") == "de"


def test_an_hour_that_is_not_todays_is_told_with_its_day(demo: Demo, page: Page) -> None:
    page.goto(f"{demo.url}/dashboard")
    hour = """async hours => {
      const {hourOf} = await import('/dashboard/state.js'), now = '2025-09-25T08:00:00Z';
      return hourOf(Date.parse(now) + hours * 3.6e6, 'Europe/Berlin', now);
    }"""
    assert [page.evaluate(hour, hours) for hours in (3, 12)] == ["13:00", "22:00"]
    assert page.evaluate(hour, 27) == "Fri 13:00"
    page.evaluate("async () => (await import('/dashboard/state.js')).speak('de')")
    assert page.evaluate(hour, 27) == "Fr., 13:00"


def test_every_word_is_there_in_both_languages(demo: Demo, page: Page) -> None:
    page.goto(f"{demo.url}/dashboard")
    words = page.evaluate("async () => (await import('/dashboard/words.js')).WORDS")
    assert words["en"].keys() == words["de"].keys()
    holes = {name: [re.findall(r"\{\d\}", words[tongue][name]) for tongue in words] for name in words["en"]}
    assert [name for name, (english, german) in holes.items() if sorted(english) != sorted(german)] == []


def test_a_price_file_is_taken_and_its_faults_are_named(demo: Demo, page: Page) -> None:
    demo.sign_in(page, "prices")
    form = page.get_by_role("form", name="Import a price file")
    form.get_by_role("button", name="Import").click()
    expect(form.get_by_text("choose a file")).to_be_visible()
    form.get_by_label("File", exact=True).set_input_files(_file("no prices here"))
    form.get_by_role("button", name="Import").click()
    expect(form.get_by_text("not a price document of a known format")).to_be_visible()
    rows = ["start,end,price_nok_per_kwh", "2025-09-24T00:00:00Z,2025-09-24T01:00:00Z,0.1"]
    form.get_by_label("File", exact=True).set_input_files(_file("\n".join(rows)))
    form.get_by_label("Zone").fill("nowhere at all")
    form.get_by_role("button", name="Import").click()
    expect(form.get_by_label("Zone")).to_have_attribute("aria-invalid", "true")
    form.get_by_label("Zone").fill("NO2")
    form.get_by_role("button", name="Import").click()
    expect(form.get_by_role("status")).to_contain_text("NO2: 1 prices, 1 changed spans.")


def _file(text: str) -> FilePayload:
    return {"name": "prices.csv", "mimeType": "text/csv", "buffer": text.encode()}


def test_a_chart_that_is_drawn_anew_shows_what_is_known_now(demo: Demo, page: Page) -> None:
    demo.sign_in(page)
    page.locator(".u-over").first.wait_for()
    later = page.locator(".summary time").inner_text()
    expect(page.locator(".summary time")).not_to_have_text(later, timeout=15_000)
    page.set_viewport_size({"width": 1000, "height": 900})
    ends = """async () => {
      const uPlot = (await import('/dashboard/vendor/uplot.js')).default;
      return uPlot ? uPlot.sync('time').plots.map(plot => plot.scales.x.max - plot.data[0].at(-1)) : null;
    }"""
    page.wait_for_function("() => document.querySelector('.uplot').clientWidth < 1000")
    behind = page.evaluate(ends)
    assert len(behind) == 2
    assert max(behind) <= 15 * 60 + 1, "the last quarter hour drawn is the last of the window"
