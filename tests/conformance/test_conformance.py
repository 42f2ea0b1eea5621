"""Every official case that we claim, played against the gateway over a real socket."""

from __future__ import annotations

import pytest

from conformance import cases16, cases201
from conformance.talk import CASES, talking
from dwell.adapters.storage.memory import MemoryStore
from dwell.gateway.options import GatewayOptions
from e2e.test_stations import opened_site
from scripts import conformance_page

pytestmark = pytest.mark.anyio

PROTOCOL = {"1.6": "ocpp1.6", "2.0.1 part 6": "ocpp2.0.1"}
LEAST_HELD = {cases16.STANDARD: 60, cases201.STANDARD: 60}


@pytest.mark.parametrize(("standard", "case"), list(CASES), ids=[f"{a}-{b}" for a, b in CASES])
async def test_case(standard: str, case: str) -> None:
    async with (
        opened_site(MemoryStore(), GatewayOptions()) as site,
        talking(site, PROTOCOL[standard]) as talk,
    ):
        await CASES[(standard, case)](talk)


def test_as_many_as_we_say_are_held() -> None:
    for standard, least in LEAST_HELD.items():
        assert sum(1 for held, _ in CASES if held == standard) >= least


def test_the_page_says_what_is_held() -> None:
    assert conformance_page.PAGE.read_text(encoding="utf-8") == conformance_page.page()
