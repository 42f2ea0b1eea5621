"""What stations get wrong must not cost a watt-hour: the transaction has what the vehicle took."""

from __future__ import annotations

import asyncio

import pytest

from benchmarks.quirks import Outcome, lived
from dwell.simulation.stations.quirks import QUIRKS

VISITS = 500
EACH = [(protocol, quirk) for protocol, quirks in QUIRKS.items() for quirk in quirks]


@pytest.mark.parametrize(("protocol", "quirk"), EACH)
def test_no_watt_hour_is_lost_to_a_quirk(protocol: str, quirk: str) -> None:
    outcome = asyncio.run(lived(protocol, quirk, visits=VISITS))
    assert (len(outcome.taken_wh), outcome.wrong_visits, outcome.error_wh) == (VISITS, 0, 0)


def test_an_error_counts_whole() -> None:
    outcome = Outcome("ocpp1.6", "plain", taken_wh=(100, 200, 300), told_wh=(90, 200))
    assert (outcome.wrong_visits, outcome.error_wh) == (2, 310)
