"""The working copy of one station in one transaction: what a message changes, written back once.

`close_desks` writes those of many stations back together.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import msgspec

from dwell.application.case import Moment
from dwell.application.telemetry import ingest_within
from dwell.domain.ids import OrganizationId, StationId, TransactionId, VehicleId
from dwell.domain.instants import ceil_quarter
from dwell.domain.metering.registers import POWER_MAX_W
from dwell.domain.session.facts import Fact
from dwell.domain.session.incoming import Incoming, implausible
from dwell.domain.station.advance import SILENCE, advance_transaction, open_transaction, recounted
from dwell.domain.station.equipment import Evse, IdToken
from dwell.domain.station.facts import TransactionFact
from dwell.domain.station.readings import MeterReading
from dwell.domain.station.registry import (
    EVERYWHERE,
    FrameRow,
    SampleRow,
    StationRecord,
    Taken,
    TokenRecord,
    scope_of,
)
from dwell.domain.station.replies import TokenStatus, TokenVerdict
from dwell.domain.station.suspicion import suspicions
from dwell.domain.station.transaction import RUNNING, Status, Transaction
from dwell.domain.tariff.driver import DriverTariff

STOP_AGAIN_AFTER = timedelta(seconds=30)
"""How long after a stop that nobody answered it is ordered again."""

_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(list[MeterReading]).decode


@dataclass(slots=True)
class Desk:
    """One station while one transaction of the store lasts. `record` is saved if it was changed.

    `running` are the station's open transactions, where they were read for many stations at once. `again` is what the
    message was taken with the first time, where it is taken once more; `noted` what it is taken with now.
    """

    moment: Moment
    record: StationRecord
    running: Sequence[Transaction] | None = None
    again: Taken | None = None
    noted: Taken = field(init=False)
    was: StationRecord = field(init=False)
    touched: dict[TransactionId, Transaction] = field(default_factory=dict)
    facts: list[tuple[VehicleId, Fact]] = field(default_factory=list)
    frames: list[FrameRow] = field(default_factory=list)
    samples: list[SampleRow] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.was = self.record
        self.noted = Taken(at=self.moment.now)

    @property
    def organization_id(self) -> OrganizationId:
        return self.record.organization_id

    @property
    def name(self) -> tuple[OrganizationId, StationId]:
        """By what the store knows the station."""
        return (self.record.organization_id, self.record.id)

    def evse(self, number: int | None) -> Evse | None:
        """The EVSE of that number, if the station has one."""
        return None if number is None else self.record.station.evse(number)

    def next_number(self) -> int:
        """An integer that this station was never given before."""
        number = self.record.next_number
        if self.again is not None and self.again.number is not None:
            number = self.again.number
        after = max(number + 1, self.record.next_number)
        self.record = msgspec.structs.replace(self.record, next_number=after)
        self.noted = msgspec.structs.replace(self.noted, number=number)
        return number

    async def token(self, token: IdToken | None) -> TokenRecord | None:
        """What is known of the token, None for nothing."""
        if token is None:
            return None
        if self.again is not None:
            return self.again.token
        found = await self.moment.tx.id_token(self.organization_id, token.text)
        self.noted = msgspec.structs.replace(self.noted, token=found)
        return found

    async def known(
        self, *, reference: str | None = None, stamped_at: datetime | None = None
    ) -> list[Transaction]:
        """The station's transactions that are open, named so or stamped so, as they stand on this desk."""
        found = self.running
        named = reference is None or any(one.reference == reference for one in found or ())
        if found is None or stamped_at is not None or not named:
            found = await self.moment.tx.transactions_of_station(
                self.name, reference=reference, stamped_at=stamped_at
            )
        return [self.touched.get(one.id, one) for one in found]

    async def opened(self, evse_number: int, fact: TransactionFact, *, reference: str | None) -> Transaction:
        """A new transaction, not yet put on the desk."""
        known_as = self.again.transaction_id if self.again is not None else None
        transaction_id = known_as or TransactionId(self.moment.ids.new_id())
        self.noted = msgspec.structs.replace(self.noted, transaction_id=transaction_id)
        return open_transaction(
            transaction_id,
            organization_id=self.organization_id,
            station_id=self.record.id,
            evse_number=evse_number,
            fact=fact,
            reference=reference,
            tariff=await self.tariff_of(evse_number),
            power_max_w=self.power_max_w(evse_number),
        )

    def advance(self, transaction: Transaction, fact: TransactionFact) -> Transaction:
        """Put the transaction after the fact on the desk, if that changes it."""
        after = advance_transaction(transaction, fact, power_max_w=self.power_max_w(transaction.evse_number))
        return self.put(after) if after != transaction else transaction

    def put(self, transaction: Transaction) -> Transaction:
        """Have it saved."""
        self.touched[transaction.id] = transaction
        return transaction

    def power_max_w(self, evse_number: int) -> int:
        """What the EVSE can give at most; what anything can give, where that is not known."""
        evse = self.evse(evse_number)
        return (evse.power_max_w if evse is not None else None) or POWER_MAX_W

    async def tariff_of(self, evse_number: int) -> DriverTariff | None:
        """What a driver pays there now: the EVSE's own tariff, else that of everywhere else."""
        if self.again is not None:
            return self.again.tariff
        evse = self.evse(evse_number)
        own = scope_of(evse.evse) if evse is not None else EVERYWHERE
        for scope in dict.fromkeys((own, EVERYWHERE)):
            found = await self.moment.tx.driver_tariff(self.organization_id, scope)
            if found is not None:
                self.noted = msgspec.structs.replace(self.noted, tariff=found.tariff)
                return found.tariff
        return None

    async def take_readings(self, transaction: Transaction, readings: Iterable[MeterReading]) -> Transaction:
        """Keep the readings of a transaction, and count anew where their order asks for it."""
        kept = [one for one in readings if one.at is not None]
        if kept:
            packed = _pack(kept)
            digest = hashlib.blake2b(packed, digest_size=16, person=b"dwell-sample").digest()
            at = max(one.at for one in kept if one.at is not None)
            self.samples.append(SampleRow(transaction.id, at, digest, packed))
        if not transaction.register.recount_wanted:
            return transaction
        rows = {
            (row.at, row.digest): row
            for row in (*await self.moment.tx.samples(self.organization_id, transaction.id), *self.samples)
            if row.transaction_id == transaction.id
        }
        every = [one for key in sorted(rows) for one in readings_of(rows[key])]
        power_max_w = self.power_max_w(transaction.evse_number)
        return self.put(recounted(transaction, every, power_max_w=power_max_w))

    async def close(self) -> None:
        """Write everything back: the station, its transactions, and what they tell of vehicles."""
        await close_desks([self])

    def judged(self, transaction: Transaction) -> Transaction:
        """With the reasons why its figures cannot be, once they are final."""
        if transaction.status is not Status.CLOSED:
            return transaction
        evse = self.evse(transaction.evse_number)
        power_max_w = evse.power_max_w if evse is not None else None
        found = suspicions(transaction, now=self.moment.now, power_max_w=power_max_w)
        flags = tuple(sorted({*transaction.flags, *found}))
        return (
            transaction if flags == transaction.flags else msgspec.structs.replace(transaction, flags=flags)
        )


async def close_desks(desks: Sequence[Desk]) -> None:
    """Write back what lies on the desks of one organization's stations, each of them once, in one transaction."""
    if not desks:
        return
    moment, owner = desks[0].moment, desks[0].organization_id
    tx, now = moment.tx, moment.now
    for desk in desks:
        if desk.record is not desk.was:
            await tx.save_station(msgspec.structs.replace(desk.record, updated_at=now))
    saved = [desk.judged(one) for desk in desks for one in desk.touched.values()]
    await tx.save_transactions(saved, wake=[wake_at_of(one) for one in saved])
    await tx.add_samples(owner, [row for desk in desks for row in desk.samples])
    await tx.add_frames([row for desk in desks for row in desk.frames])
    told = [one for desk in desks for one in desk.facts if implausible(one[1].at, now) is None]
    if told:
        items = [
            Incoming(index=place, vehicle_id=vehicle, fact=fact) for place, (vehicle, fact) in enumerate(told)
        ]
        await ingest_within(moment, owner, items)


def readings_of(row: SampleRow) -> list[MeterReading]:
    """The readings that one message brought."""
    return _unpack(row.packed)


def wake_at_of(transaction: Transaction) -> datetime | None:
    """When time has something to do with the transaction: a start that fails, a silence that ends it, a stop again."""
    if transaction.status in {Status.PREPARING, Status.STARTING}:
        return transaction.start_by_at
    if transaction.status not in RUNNING:
        return None
    if transaction.stop_wanted_at is not None and transaction.status is Status.ACTIVE:
        return transaction.stop_wanted_at + STOP_AGAIN_AFTER
    # The quarter after it: a moment that moves with each message would have its index written each time.
    return ceil_quarter((transaction.heard_at or transaction.started_at or transaction.created_at) + SILENCE)


def verdict_on(token: TokenRecord | None, now: datetime) -> TokenVerdict:
    """Whether the token may charge now."""
    if token is None:
        return TokenVerdict(status=TokenStatus.UNKNOWN)
    if token.blocked_at is not None:
        return TokenVerdict(status=TokenStatus.BLOCKED)
    if token.expires_at is not None and token.expires_at <= now:
        return TokenVerdict(status=TokenStatus.EXPIRED, expires_at=token.expires_at)
    return TokenVerdict(status=TokenStatus.ACCEPTED, expires_at=token.expires_at)
