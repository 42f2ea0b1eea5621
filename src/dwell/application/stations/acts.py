"""What we do to transactions ourselves, as rows of the journal: stations' messages alone don't tell of it."""

from __future__ import annotations

import msgspec

from dwell.application.case import Moment
from dwell.application.ports import Ports
from dwell.application.ports import Transaction as Tx
from dwell.application.stations.desk import Desk
from dwell.domain.errors import NotFound
from dwell.domain.station.facts import StartOrdered, TransactionFact
from dwell.domain.station.registry import OURS, FrameRow
from dwell.domain.station.transaction import Status, Transaction


class Act(msgspec.Struct, frozen=True):
    """What we know of the transaction on an EVSE ourselves. Which one it is says the row's `taken`."""

    evse_number: int
    fact: TransactionFact


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Act).decode


async def begin(desk: Desk, number: int, fact: StartOrdered) -> Transaction:
    """The transaction of a remote start: the one that waits at the EVSE already, or a new one."""
    here = [one for one in await desk.known() if one.evse_number == number]
    waiting = next((one for one in here if one.status is Status.PREPARING), None)
    if waiting is None:
        opened = await desk.opened(number, fact, reference=None)
        return desk.put(opened)
    if waiting.tariff is None:
        waiting = msgspec.structs.replace(waiting, tariff=await desk.tariff_of(number))
    return desk.advance(waiting, fact)


def journal(desk: Desk, transaction: Transaction, fact: TransactionFact) -> None:
    """Keep what was done to the transaction among the station's messages."""
    now = desk.moment.now
    row = FrameRow(
        organization_id=desk.organization_id,
        station_id=desk.record.id,
        received_at=now,
        protocol=OURS,
        text=_encode(Act(transaction.evse_number, fact)),
        taken=msgspec.structs.replace(desk.noted, transaction_id=transaction.id),
    )
    desk.frames.append(row)


async def act_again(ports: Ports, row: FrameRow) -> None:
    """Do once more what a row of the journal says we did. Raises msgspec.DecodeError, NotFound."""
    act = _decode(row.text)

    async def work(tx: Tx) -> None:
        held = await tx.hold_station(row.organization_id, row.station_id)
        taken = row.taken
        if held is None or taken is None or taken.transaction_id is None:
            raise NotFound("The row names no transaction.")
        desk = Desk(Moment.of(ports, tx, row.received_at), held, again=taken)
        if isinstance(act.fact, StartOrdered):
            if taken.number is not None:
                desk.next_number()
            await begin(desk, act.evse_number, act.fact)
        else:
            known = await tx.transaction(row.organization_id, taken.transaction_id)
            if known is None:
                raise NotFound(f"The transaction {taken.transaction_id} was not begun.")
            desk.advance(known, act.fact)
        await desk.close()

    await ports.store.write(work)
