"""Virtual stations over real sockets: what the vehicles took is what the transactions have."""

from __future__ import annotations

from datetime import timedelta
from random import Random

import pytest

from dwell.adapters.storage.memory import MemoryStore
from dwell.application.stations.registry import add_token
from dwell.application.stations.replay import Wanted, rebuild_and_compare
from dwell.cli.replay import report_in
from dwell.domain.station.transaction import Status
from dwell.gateway.options import GatewayOptions
from dwell.simulation.stations.charge import drawn_charge
from dwell.simulation.stations.client import SocketLine, StationPlan, Tally
from dwell.simulation.stations.quirks import QUIRKS, with_quirk
from dwell.simulation.stations.station import play
from dwell.simulation.stations.telling import TELLINGS, TOKEN
from e2e.test_stations import NAME, Site, opened_site
from stores import AnyStore

pytestmark = pytest.mark.anyio
HANDFUL = [
    ("ocpp1.6", "plain"),
    ("ocpp1.6", "placeholder_zeros"),
    ("ocpp1.6", "duplicates"),
    ("ocpp1.6", "number_never_learned"),
    ("ocpp1.6", "strings_for_numbers"),
    ("ocpp1.6", "clock_an_hour_slow"),
    ("ocpp2.0.1", "plain"),
    ("ocpp2.0.1", "duplicates"),
]


async def replayed(site: Site, protocol: str, quirk: str, *, offline_share: float = 0.0) -> tuple[int, Tally]:
    """A charge of some hours ago, told now. Returns what the vehicle took."""
    await add_token(site.ports, site.owner, TOKEN)
    lots, tally = Random(quirk), Tally()
    plan = StationPlan(
        address=f"ws://127.0.0.1:{site.port}/ocpp",
        name=NAME,
        key=site.key,
        protocol=protocol,
        offline_share=offline_share,
        offline=timedelta(0),
    )
    charge = drawn_charge(lots, site.clock.now() - timedelta(hours=9))
    line = SocketLine(plan, tally, now=site.clock.now)
    told = TELLINGS[protocol](charge, "tx-1")
    await play(with_quirk(QUIRKS[protocol][quirk], told, lots), line)
    await line.close()
    return charge.energy_wh, tally


@pytest.mark.parametrize(("protocol", "quirk"), HANDFUL)
async def test_a_charge_told_over_a_socket_has_its_energy(store: AnyStore, protocol: str, quirk: str) -> None:
    async with opened_site(store, GatewayOptions()) as site:
        taken_wh, tally = await replayed(site, protocol, quirk)
        kept = await site.newest()
        assert (kept.energy_wh, kept.status, tally.errors) == (taken_wh, Status.CLOSED, 0)
        again = await rebuild_and_compare(site.ports, site.owner, Wanted(), read=report_in, fresh=MemoryStore)
        assert (again.differences, again.same, again.is_same, again.unread) == ([], 1, True, 0)


async def test_a_station_that_is_often_away_loses_nothing(store: AnyStore) -> None:
    async with opened_site(store, GatewayOptions()) as site:
        taken_wh, tally = await replayed(site, "ocpp1.6", "plain", offline_share=0.5)
        kept = await site.newest()
        assert (kept.energy_wh, kept.status, tally.connects > 1) == (taken_wh, Status.CLOSED, True)
