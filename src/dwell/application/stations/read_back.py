"""Asking a station what it makes of the profile that it has just taken."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from dwell.application.ports import Ports
from dwell.application.station_ports import OFFLINE
from dwell.domain.errors import PeerFault, Refused
from dwell.domain.planning.profile import Wiring
from dwell.domain.station.orders import OrderAnswer, ReadSchedule, ScheduleRead, SetProfile, Verdict
from dwell.domain.station.read_back import Holding, ReadBack, compare, judged
from dwell.domain.station.registry import StationRecord

ASKED_FOR_S = 86_400
TIMEOUT_S = 10.0
ASK_AGAIN = timedelta(hours=1)
"""A station that could not be asked is let be for so long, unless it boots."""


async def read_back(ports: Ports, record: StationRecord, sent: SetProfile, wiring: Wiring) -> ReadBack | None:
    """What the station's composite schedule shows of the profile; None where it was not asked now. Never raises.

    The order is given by then: what goes wrong here is noted, and undoes nothing.
    """
    now = ports.clock.now()
    if not _may_be_asked(record, ports):
        return None
    blank = ReadBack(
        at=now, evse_number=sent.evse_number, purpose=sent.profile.purpose, holding=Holding.UNKNOWN
    )
    question = ReadSchedule(evse_number=sent.evse_number, duration_s=ASKED_FOR_S, unit=sent.profile.unit)
    try:
        answer = await ports.stations.give(record.id, question, timeout_s=TIMEOUT_S)
    except PeerFault as fault:
        return None if fault.code == OFFLINE else msgspec.structs.replace(blank, why=fault.message)
    except Refused as refused:
        return msgspec.structs.replace(blank, why=refused.message)
    schedule = _schedule_in(answer)
    if schedule is None:
        return msgspec.structs.replace(blank, why=f"it answers {answer.said or answer.verdict.lower()}")
    compared = compare(sent.profile, schedule, asked_at=now, voltage_v=wiring.voltage_v, phases=wiring.phases)
    return judged(blank, compared)


def _may_be_asked(record: StationRecord, ports: Ports) -> bool:
    last = record.read_back
    if last is None or last.holding is not Holding.UNKNOWN:
        return True
    booted = record.boot is not None and record.boot.at > last.at
    return booted or ports.clock.now() >= last.at + ASK_AGAIN


def _schedule_in(answer: OrderAnswer) -> ScheduleRead | None:
    content = answer.content
    return content if answer.verdict is Verdict.ACCEPTED and isinstance(content, ScheduleRead) else None
