"""Energy of transactions against what the virtual vehicles took, for each quirk of the virtual stations.

    python -m benchmarks.quirks --visits 500

Messages go through the wire's translation and the use cases on the memory store, on a virtual clock.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.table import Table

from dwell.adapters.ids import SystemIds
from dwell.adapters.storage.memory import MemoryStore
from dwell.application.credentials import Keyring, create_organization
from dwell.application.ports import Ports, Store
from dwell.application.stations.registry import StationSpecification, add_station, add_token
from dwell.application.stations.reports import Heard, take_report
from dwell.domain.ids import OrganizationId
from dwell.domain.station.equipment import Evse
from dwell.domain.station.registry import StationRecord
from dwell.domain.station.transaction import Transaction
from dwell.protocols.ocpp.payloads import Refusal
from dwell.protocols.ocpp.quirks.clocks import ClockOffset, dated
from dwell.protocols.ocpp.versions import VERSIONS
from dwell.simulation.stations.charge import drawn_charge
from dwell.simulation.stations.quirks import QUIRKS, with_quirk
from dwell.simulation.stations.station import play
from dwell.simulation.stations.telling import TELLINGS, TOKEN, Message

FIRST_AT = datetime(2026, 3, 2, 18, tzinfo=UTC)
VISITS_PER_STATION = 25
PAGE = 200


@dataclass(slots=True)
class HandClock:
    """Time that is set."""

    at: datetime

    def now(self) -> datetime:
        return self.at


class Direct:
    """A line without a socket: each call is a transaction of the store, received when it was sent."""

    def __init__(self, ports: Ports, clock: HandClock, record: StationRecord, protocol: str) -> None:
        self._ports = ports
        self._clock = clock
        self._record = record
        self._version = VERSIONS[protocol]
        self.offset = ClockOffset()

    async def call(self, message: Message) -> dict[str, Any]:
        payload = msgspec.json.encode(message.payload)
        report = self._version.read(message.action, payload)
        if isinstance(report, Refusal):
            raise TypeError(f"{message.action} was refused: {report}")
        self._clock.at = max(self._clock.at, message.sent_at)
        received_at = self._clock.at
        stamped_at = getattr(report, "at", None)
        if message.action == "MeterValues":
            readings = getattr(report, "readings", ())
            stamped_at = max((one.at for one in readings if one.at is not None), default=None)
        self.offset, when = dated(self.offset, stamped_at, received_at)
        heard = Heard(
            report=report,
            at=when.at,
            moved=when.moved,
            received_at=received_at,
            protocol=self._version.subprotocol,
            frame=b'["%s",%s]' % (message.action.encode(), payload),
        )
        reply = await take_report(self._ports, self._record.organization_id, self._record.id, heard)
        return self._version.write_reply(message.action, reply)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the visits of one quirk: by visit, the energy taken and that of the transactions, Wh."""

    protocol: str
    quirk: str
    taken_wh: tuple[int, ...]
    told_wh: tuple[int, ...]

    @property
    def error_wh(self) -> int:
        """The sum of the errors; a visit too few or too many counts whole."""
        pairs = zip(self.taken_wh, self.told_wh, strict=False)
        short = min(len(self.taken_wh), len(self.told_wh))
        rest = self.taken_wh[short:] + self.told_wh[short:]
        return sum(abs(taken - told) for taken, told in pairs) + sum(rest)

    @property
    def wrong_visits(self) -> int:
        """Visits whose energy is not exactly what was taken."""
        wrong = sum(taken != told for taken, told in zip(self.taken_wh, self.told_wh, strict=False))
        return wrong + abs(len(self.taken_wh) - len(self.told_wh))


async def lived(protocol: str, quirk: str, *, visits: int, seed: int = 1) -> Outcome:
    """The visits, a day apart at each station; never more than VISITS_PER_STATION in one store."""
    lots = Random(f"{protocol} {quirk} {seed}")  # a simulation's chance, no secret
    taken: list[int] = []
    told: list[int] = []
    while len(taken) < visits:
        wanted = min(VISITS_PER_STATION, visits - len(taken))
        more_taken, more_told = await _lived_at_one(protocol, quirk, lots, wanted)
        taken += more_taken
        told += more_told
    return Outcome(protocol, quirk, tuple(taken), tuple(told))


async def _lived_at_one(protocol: str, quirk: str, lots: Random, visits: int) -> tuple[list[int], list[int]]:
    clock = HandClock(FIRST_AT)
    store = MemoryStore()
    ports = Ports(store, clock, SystemIds())
    keyring = Keyring(bytes(32))
    owner = OrganizationId((await create_organization(ports, keyring, "Depot")).organization_id)
    evses = [Evse(number=1, evse="DE*DWL*E1")]
    record, _ = await add_station(ports, keyring, owner, StationSpecification(name="CP-1", evses=evses))
    await add_token(ports, owner, TOKEN)
    line = Direct(ports, clock, record, protocol)
    taken = []
    for number in range(visits):
        charge = drawn_charge(lots, FIRST_AT + timedelta(days=number, minutes=lots.randrange(300)))
        told = TELLINGS[protocol](charge, f"tx-{number}")
        await play(with_quirk(QUIRKS[protocol][quirk], told, lots), line)
        taken.append(charge.energy_wh)
    kept = await transactions_of(store, owner)
    return taken, [one.energy_wh for one in kept]


async def transactions_of(store: Store, owner: OrganizationId) -> list[Transaction]:
    """Of the newest PAGE, oldest first."""
    return (await store.read(lambda reader: reader.newest_transactions(owner, limit=PAGE)))[::-1]


def outcomes(visits: int, only: Sequence[str] = ()) -> list[Outcome]:
    """One for each quirk of each version."""
    return [
        asyncio.run(lived(protocol, quirk, visits=visits))
        for protocol, quirks in QUIRKS.items()
        for quirk in quirks
        if not only or quirk in only
    ]


@click.command()
@click.option("--visits", default=500, show_default=True, help="Of each quirk.")
@click.option("--only", multiple=True, help="The name of a quirk; again for more.")
def main(visits: int, only: tuple[str, ...]) -> None:
    """Measure and print."""
    table = Table(title=f"{visits} visits of each quirk")
    for column in ("version", "quirk", "taken kWh", "visits wrong", "error Wh"):
        table.add_column(column, justify="left" if column in {"version", "quirk"} else "right")
    started = time.perf_counter()
    for one in outcomes(visits, only):
        taken_kwh = f"{sum(one.taken_wh) / 1000:,.1f}"
        table.add_row(one.protocol, one.quirk, taken_kwh, str(one.wrong_visits), f"{one.error_wh:,}")
    Console().print(table)
    Console().print(f"{time.perf_counter() - started:.1f} s")


if __name__ == "__main__":
    main()
