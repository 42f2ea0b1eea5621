"""One demonstration and one browser for all tests of the pages; each test has a context of its own."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")
PATIENCE_MS = 15_000


@dataclass(frozen=True, slots=True)
class Demo:
    """A running demonstration: its address, its onlooker's password, and a client of its organization."""

    url: str
    password: str
    client: httpx.Client

    def sign_in(self, page: Page, at: str = "now") -> None:
        """Through the form, as a person does."""
        sign_in(page, self.url, "demo", self.password, at=at)


def sign_in(page: Page, url: str, login: str, password: str, *, at: str = "now") -> None:
    """Through the form of the server at `url`."""
    page.set_default_timeout(PATIENCE_MS)
    page.goto(f"{url}/dashboard#{at}")
    page.get_by_label("Name").fill(login)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name="Sign out").wait_for()


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """`dwell demo` on a free port, ended by its process."""
    command = [sys.executable, "-m", "dwell", "demo", "--port", "0"]
    log = tmp_path_factory.mktemp("demo") / "log"
    with (
        log.open("w") as errors,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True) as process,
    ):
        try:
            said = ""
            assert process.stdout is not None
            for line in process.stdout:
                said += line
                if line.startswith("# a token"):
                    break
            found = {name: _found(name, said) for name in ("client id", "client secret", "password")}
            url = _found("dashboard", said).removesuffix("/dashboard")
            with httpx.Client(base_url=url) as client:
                answer = client.post(
                    "/oauth2/token",
                    auth=(found["client id"], found["client secret"]),
                    data={"grant_type": "client_credentials"},
                )
                client.headers["authorization"] = f"Bearer {answer.json()['access_token']}"
                yield Demo(url, found["password"], client)
        finally:
            process.terminate()
            process.communicate(timeout=20)


def _found(name: str, text: str) -> str:
    found = re.search(rf"^ +{name} +(\S+)$", text, re.MULTILINE)
    assert found is not None, text
    return found[1]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium. Its loop runs in this thread until it ends: no asynchronous test may come meanwhile."""
    path = shutil.which("chromium")
    assert path is not None, "scripts/setup chromium"
    with sync_playwright() as started:
        one = started.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        yield one
        one.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page in a context of its own, in English."""
    context = browser.new_context(locale="en-GB", viewport={"width": 1280, "height": 900})
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    yield context.new_page()
    context.close()
