"""Pictures of the dashboard: `python -m scripts.screenshots [--into FOLDER] [--all]`.

A demonstration of its own is started, looked at by Debian's Chromium, and ended. The pictures that the README and the
guide show are small PNG files of few colours; `--all` makes every page in every dress, for whoever works on them.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

FOLDER = Path("docs/images")
ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")
WIDE, PHONE = (1280, 860), (390, 800)
PAGES = ("now", "sessions", "session", "vehicles", "prices", "webhooks")
SETTLED_MS = 1_500
"""How long a page is let be before its picture is taken: charts are drawn, one refresh has come."""
BUSY = "() => document.querySelectorAll('.why[data-charging=true]').length >= 2"
A_NIGHT_MS = 300_000
"""At the demonstration's pace two vehicles charge at once within this."""


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture: its file's name, the page, and how it is dressed."""

    name: str
    page: str
    size: tuple[int, int] = WIDE
    scheme: str = "light"
    language: str = "en-GB"
    whole: bool = False


SHOTS = (
    Shot("dashboard-now", "now"),
    Shot("dashboard-now-dark", "now", scheme="dark"),
    Shot("dashboard-now-phone", "now", PHONE),
    Shot("dashboard-session", "session"),
)
EVERY = tuple(
    Shot(f"{page}-{dress}", page, size, scheme, language, whole=True)
    for page in PAGES
    for dress, size, scheme, language in (
        ("wide", WIDE, "light", "en-GB"),
        ("dark", WIDE, "dark", "de-DE"),
        ("phone", PHONE, "light", "en-GB"),
    )
)


def main() -> int:
    """Takes the pictures and prints their sizes."""
    parser = argparse.ArgumentParser(description="Pictures of the dashboard.")
    parser.add_argument("--into", type=Path, default=FOLDER)
    parser.add_argument("--all", action="store_true")
    asked = parser.parse_args()
    asked.into.mkdir(parents=True, exist_ok=True)
    path = shutil.which("chromium")
    if path is None:
        print("screenshots: there is no chromium (scripts/setup chromium)", file=sys.stderr)
        return 1
    with demonstration() as demo, sync_playwright() as started:
        browser = started.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        for shot in EVERY if asked.all else SHOTS:
            file = asked.into / f"{shot.name}.png"
            take(browser, demo, shot=shot, file=file)
            print(f"{file}: {file.stat().st_size / 1000:.0f} kB")
        browser.close()
    return 0


@dataclass(frozen=True, slots=True)
class Demonstration:
    """A running one: its address, its onlooker's password, and its credentials."""

    url: str
    password: str
    client_id: str
    client_secret: str
    api_key: str


@contextmanager
def demonstration(*arguments: str) -> Iterator[Demonstration]:
    """`dwell demo` on a free port, ended by its own process."""
    command = [sys.executable, "-m", "dwell", "demo", "--port", "0", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            said = ""
            if process.stdout is None:
                raise RuntimeError("the demonstration has no voice")
            for line in process.stdout:
                said += line
                if line.startswith("# a token"):
                    break
            found = dict(
                re.findall(
                    r"^ +(dashboard|password|client id|client secret|API key) +(\S+)$", said, re.MULTILINE
                )
            )
            url = found["dashboard"].removesuffix("/dashboard")
            names = ("password", "client id", "client secret", "API key")
            yield Demonstration(url, *(found[name] for name in names))
        finally:
            process.terminate()
            process.wait(timeout=20)


def sign_in(page: Page, demo: Demonstration) -> None:
    """Through the form, in whichever language it speaks."""
    page.goto(f"{demo.url}/dashboard#now")
    page.locator("input[name=login]").fill("demo")
    page.locator("input[name=password]").fill(demo.password)
    page.locator("form button").click()
    page.locator(".row").first.wait_for()
    page.mouse.move(0, 0)


def take(browser: Browser, demo: Demonstration, *, shot: Shot, file: Path) -> None:
    """One picture into `file`: of a moment at which several vehicles charge, where that comes in time."""
    width, height = shot.size
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if shot.scheme == "dark" else "light",
        locale=shot.language,
    )
    page = context.new_page()
    sign_in(page, demo)
    if shot.page in {"now", "session"}:
        page.wait_for_function(BUSY, timeout=A_NIGHT_MS)
    if shot.page == "session":
        page.locator(".row:has(.why[data-charging=true]) .row-link").first.click()
        page.locator("article").wait_for()
    elif shot.page != "now":
        page.goto(f"{demo.url}/dashboard#{shot.page}")
    page.wait_for_timeout(SETTLED_MS)
    page.screenshot(path=file, full_page=shot.whole)
    context.close()


if __name__ == "__main__":
    sys.exit(main())
