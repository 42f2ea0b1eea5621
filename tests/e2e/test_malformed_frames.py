"""Frames that nobody should send, over a real socket: each has the class of answer that its version wants."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ocpp.v16 import call as call16

from dwell.adapters.storage.memory import MemoryStore
from dwell.application.stations.registry import StationSpecification, add_station
from dwell.domain.station.equipment import Evse
from dwell.gateway.options import GatewayOptions
from dwell.simulation.stations.client import BOOTS
from e2e.test_stations import KEYRING, Old, listening, opened_site

pytestmark = pytest.mark.anyio
ROUNDS = 70
TAKEN, SILENCE = "a result", "no answer"
FRAME = {"ocpp1.6": "FormationViolation", "ocpp2.0.1": "RpcFrameworkError"}
FORMAT = {"ocpp1.6": "FormationViolation", "ocpp2.0.1": "FormatViolation"}
OCCURRENCE = {"ocpp1.6": "OccurenceConstraintViolation", "ocpp2.0.1": "OccurrenceConstraintViolation"}
ONCE = {"ocpp1.6": "StopTransaction", "ocpp2.0.1": "TransactionEvent"}


def spoiled(protocol: str, id: str, number: int) -> list[tuple[str, str]]:
    """Each kind once: the frame, and what it is to be answered with."""
    once, long = ONCE[protocol], "x" * (number + 1)
    parts: list[tuple[list[Any], str]] = [
        ([2, f"{id}a", long[:64], {}], "NotImplemented"),
        ([2, f"{id}b", number, {}], FRAME[protocol]),
        ([2, f"{id}c", "Heartbeat"], FRAME[protocol]),
        ([2, f"{id}d", "Heartbeat", {}, number], FRAME[protocol]),
        ([2, f"{id}e", "Heartbeat", long], FORMAT[protocol]),
        ([2, f"{id}f", "StatusNotification", {}], OCCURRENCE[protocol]),
        ([5 + number, f"{id}g", "Heartbeat", {}], SILENCE),
        ([3, f"{id}h", {"status": long}], SILENCE),
        ([4, f"{id}i", long, "", {}], SILENCE),
        ([2, f"{id}j", once, {"timestamp": long, "transactionId": [number]}], TAKEN),
        ([2, f"{id}k", "MeterValues", {"connectorId": long, "evseId": long, "meterValue": number}], TAKEN),
        ([2, f"{id}l", once, {"seqNo": long, "eventType": number, "meterStop": {"a": [long]}}], TAKEN),
    ]
    rows = [(json.dumps(frame), wanted) for frame, wanted in parts]
    rows += [("[" * (number + 1), SILENCE), (json.dumps({long: number}), SILENCE), (f"[{long}", SILENCE)]
    return rows


def answer_of(frame: list[Any] | None) -> str:
    if frame is None:
        return SILENCE
    return TAKEN if frame[0] == 3 else str(frame[2])


@pytest.mark.parametrize("protocol", ["ocpp1.6", "ocpp2.0.1"])
async def test_each_malformed_frame_has_its_class_of_answer(protocol: str) -> None:
    async with opened_site(MemoryStore(), GatewayOptions()) as site:
        clean = StationSpecification(name="CP-2", evses=[Evse(number=1, evse="DE*DWL*E2")])
        _, key = await add_station(site.ports, KEYRING, site.owner, clean)
        async with site.socket(name="CP-2", key=key) as other, listening(Old(other)) as good:
            await good.call(call16.BootNotification(charge_point_model="M", charge_point_vendor="V"))
            async with site.socket(protocol) as socket:
                await socket.send(json.dumps([2, "boot", "BootNotification", BOOTS[protocol]]))
                assert json.loads(await socket.recv())[0] == 3
                wrong = []
                for number in range(ROUNDS):
                    wrong += await wrongly_answered(socket, spoiled(protocol, str(number), number))
                    assert (await good.call(call16.Heartbeat())).current_time
            assert wrong == []


async def wrongly_answered(socket: Any, rows: list[tuple[str, str]]) -> list[tuple[str, str, str]]:
    """The frames whose answer is not the wanted one. A heartbeat at the end shows that all have been read."""
    for frame, _ in rows:
        await socket.send(frame)
    await socket.send(json.dumps([2, "last", "Heartbeat", {}]))
    answers: dict[str, list[Any]] = {}
    while "last" not in answers:
        answer = json.loads(await socket.recv())
        answers[answer[1]] = answer
    wrong = []
    for frame, wanted in rows:
        got = (
            answer_of(answers.get(json.loads(frame)[1])) if frame.startswith(("[2", "[3", "[4")) else SILENCE
        )
        if got != wanted:
            wrong.append((frame, wanted, got))
    return wrong
