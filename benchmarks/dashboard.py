"""The dashboard in a real browser: `python -m benchmarks.dashboard [--rows N] [--seconds S]`.

Prints two tables. First, how long each page takes to open on the demonstration, from the navigation to its content on
the screen, as the browser's own clock has it: a new page each time, the median and the worst of several. Second, the
frames a second of the first page with N vehicles plugged in while facts come in all the time: the least and the median
over windows of one second, at rest and scrolling. The browser draws without a graphics card.
"""

from __future__ import annotations

import random
import shutil
import statistics
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import click
import httpx
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from scripts.screenshots import ARGUMENTS, Demonstration, demonstration, sign_in

CONTENT = {
    "now": ".row .why",
    "sessions": "tbody tr",
    "session": "article .u-over",
    "vehicles": ".card .because",
    "prices": ".u-over",
    "webhooks": "h1",
}
"""What is there once a page has opened."""
OPENED = """selector => {
  const look = () => {
    if (document.querySelector(selector)) requestAnimationFrame(() => { window.openedMs = performance.now(); });
    else requestAnimationFrame(look);
  };
  look();
}"""
FRAMES = """seconds => new Promise(done => {
  const windows = [], began = performance.now();
  let count = 0, edge = began + 1000;
  const tick = now => {
    while (now >= edge) { windows.push(count); count = 0; edge += 1000; }
    count++;
    if (windows.length < seconds) requestAnimationFrame(tick); else done(windows);
  };
  requestAnimationFrame(tick);
})"""
SCROLL = (
    "() => { let at = 0; window.rolling = setInterval(() => { at += 40; scrollTo(0, at % 9000); }, 16); }"
)
FACTS_EVERY_S = 0.5
FACTS_AT_ONCE = 50
VEHICLE = {"vendor": "ACME", "batteryCapacity": 60, "maxPower": 11}


def opening_ms(context: BrowserContext, demo: Demonstration, name: str, runs: int) -> list[float]:
    """What the browser took to open the page, each time in a new tab."""
    taken = []
    for _ in range(runs):
        page = context.new_page()
        page.add_init_script(f"({OPENED})({CONTENT[name.split('/', maxsplit=1)[0]]!r})")
        page.goto(f"{demo.url}/dashboard#{name}")
        page.wait_for_function("() => window.openedMs")
        taken.append(float(page.evaluate("() => window.openedMs")))
        page.close()
    return taken


def pages(browser: Browser, runs: int) -> None:
    """The first table."""
    with demonstration() as demo:
        context = browser.new_context(locale="en-GB", viewport={"width": 1280, "height": 860})
        first = context.new_page()
        sign_in(first, demo)
        link = first.locator(".row:has(rect.visit) .row-link").first.get_attribute("href") or ""
        print(f"{'page':<10} {'median ms':>9} {'worst ms':>9}")
        for name in CONTENT:
            taken = opening_ms(context, demo, link.removeprefix("#") if name == "session" else name, runs)
            print(f"{name:<10} {statistics.median(taken):>9.0f} {max(taken):>9.0f}", flush=True)
        context.close()


def fill(client: httpx.Client, count: int, password: tuple[str, str]) -> list[str]:
    """So many vehicles at homes of their own, by their ids."""
    answer = client.post("/oauth2/token", auth=password, data={"grant_type": "client_credentials"})
    client.headers["authorization"] = f"Bearer {answer.json()['access_token']}"
    made = []
    for number in range(count):
        home = {"name": f"Site {number}", "latitude": 50 + number / 50, "longitude": 9.0, "zone": "DE-LU"}
        home |= {"timezoneName": "Europe/Berlin"}
        user = f"/users/many-{number}"
        location = client.post(f"{user}/locations", json=home).raise_for_status().json()["id"]
        information = {"brand": "A", "model": "B", "displayName": f"Many {number}"}
        vehicle = client.post(f"{user}/vehicles", json={**VEHICLE, "information": information}).json()["id"]
        client.post("/flex/vehicle-policies", json={"vehicleId": vehicle, "locationId": location})
        made.append(vehicle)
    return made


class Life(threading.Thread):
    """Facts of the vehicles, some at a time, until told to stop."""

    def __init__(self, demo: Demonstration, vehicles: list[str], offset_s: float) -> None:
        super().__init__(daemon=True)
        self._client = httpx.Client(base_url=demo.url, headers={"x-api-key": demo.api_key}, timeout=60)
        self._vehicles = vehicles
        self._offset_s = offset_s
        self._chance = random.Random(1)
        self.enough = threading.Event()
        self.sent = 0

    def run(self) -> None:
        """Send until it is enough."""
        self.tell(self._vehicles)
        while not self.enough.wait(FACTS_EVERY_S):
            self.tell(self._chance.sample(self._vehicles, min(FACTS_AT_ONCE, len(self._vehicles))))

    def tell(self, vehicles: list[str]) -> None:
        """A fact of each, at the demonstration's present."""
        at = datetime.fromtimestamp(datetime.now(UTC).timestamp() - self._offset_s, UTC).isoformat()
        facts = [
            {
                "vehicle_id": one,
                "at": at,
                "plugged_in": True,
                "charging": self._chance.random() < 0.5,
                "soc_percent": round(self._chance.uniform(30, 60), 1),
                "latitude": 50 + self._vehicles.index(one) / 50,
                "longitude": 9.0,
            }
            for one in vehicles
        ]
        self._client.post("/v1/observations", json=facts).raise_for_status()
        self.sent += len(facts)


@contextmanager
def lived(demo: Demonstration, rows: int, offset_s: float) -> Iterator[Life]:
    """`rows` vehicles that are told of all the time."""
    with httpx.Client(base_url=demo.url, timeout=60) as client:
        vehicles = fill(client, rows, (demo.client_id, demo.client_secret))
    life = Life(demo, vehicles, offset_s)
    life.start()
    try:
        yield life
    finally:
        life.enough.set()
        life.join(60)


def frames(browser: Browser, rows: int, seconds: int) -> None:
    """The second table."""
    with demonstration("--speed", "1") as demo:
        page = browser.new_page(viewport={"width": 1280, "height": 860}, locale="en-GB")
        sign_in(page, demo)
        now: Any = page.evaluate("() => fetch('/ui/now').then(answer => answer.json())")
        offset_s = datetime.now(UTC).timestamp() - datetime.fromisoformat(now["now"]).timestamp()
        shown = len(now["rows"])
        with lived(demo, rows - shown, offset_s) as life:
            page.wait_for_function(
                f"() => document.querySelectorAll('.row').length >= {rows}", timeout=60_000
            )
            page.wait_for_function(
                f"() => document.querySelectorAll('rect.visit').length >= {rows * 3 // 4}", timeout=60_000
            )
            print(f"\n{'rows':>5} {'':<10} {'least fps':>9} {'median fps':>10} {'facts':>6} {'changes':>7}")
            for name, prepare in (("at rest", None), ("scrolling", SCROLL)):
                _measure(page, life, rows, name=name, prepare=prepare, seconds=seconds)
        page.close()


def _measure(page: Page, life: Life, rows: int, *, name: str, prepare: str | None, seconds: int) -> None:
    if prepare is not None:
        page.evaluate(prepare)
    page.evaluate(
        "() => { window.changes = 0; new MutationObserver(all => { window.changes += all.length; })"
        ".observe(document.querySelector('.rows'), {subtree: true, childList: true, attributes: true}); }"
    )
    before = life.sent
    counted: list[int] = page.evaluate(FRAMES, seconds)
    changes = page.evaluate("() => window.changes")
    print(
        f"{rows:>5} {name:<10} {min(counted):>9} {statistics.median(counted):>10.0f} "
        f"{life.sent - before:>6} {changes:>7}",
        flush=True,
    )


@click.command()
@click.option("--rows", default=500, show_default=True, help="Vehicles on the first page.")
@click.option("--seconds", default=15, show_default=True, help="How long frames are counted, each time.")
@click.option("--runs", default=5, show_default=True, help="How often each page is opened.")
def main(rows: int, seconds: int, runs: int) -> None:
    """Prints the tables."""
    path = shutil.which("chromium")
    if path is None:
        raise click.ClickException("there is no chromium: scripts/setup chromium")
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        pages(browser, runs)
        frames(browser, rows, seconds)
        browser.close()


if __name__ == "__main__":
    main()
