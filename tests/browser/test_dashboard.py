"""The dashboard as a person meets it: a real Chromium on a demonstration that runs."""

from __future__ import annotations

from playwright.sync_api import Browser, Page, expect

from browser.conftest import Demo

EVIL = "<script>window.broken = 1</script><img src=x onerror='window.broken = 1'>"


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
    before = page.locator(".rows").evaluate("rows => rows.innerHTML")
    page.wait_for_function(
        "before => document.querySelector('.rows').innerHTML !== before", arg=before, timeout=15_000
    )


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
    page.context.set_offline(True)
    expect(page.get_by_text("No connection to the server")).to_be_visible(timeout=15_000)
    page.context.set_offline(False)
    expect(page.get_by_text("No connection to the server")).to_be_hidden(timeout=15_000)


def test_a_phone_shows_all_without_scrolling_sideways(demo: Demo, browser: Browser) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 800}, locale="en-GB")
    page = context.new_page()
    demo.sign_in(page)
    page.locator(".row").first.wait_for()
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
    context.close()
