"""What a frame costs: text to frame, to struct, to the domain's words; beside the `ocpp` package.

`python -m benchmarks.ocpp_codec`. The package's `unpack` makes a frame of the text, `validate` checks it against the
JSON schema, which is what its central systems do by default; ours refuses by the typed reading alone.
"""

from __future__ import annotations

import asyncio
import json
import timeit
from collections.abc import Callable
from functools import partial

from ocpp.messages import unpack, validate_payload

from dwell.protocols.ocpp.payloads import read_leniently
from dwell.protocols.ocpp.rpc.frames import Call, read_frame, write_result
from dwell.protocols.ocpp.v16.transactions import MeterValues
from dwell.protocols.ocpp.versions import VERSIONS

V16, V201 = VERSIONS["ocpp1.6"], VERSIONS["ocpp2.0.1"]
ROUNDS, REPEATS = 2_000, 7
AT = "2026-03-25T12:00:00.000Z"
MEASURANDS = ["Current.Import", "Current.Offered", "Voltage"]


def meter_values(samples: int) -> str:
    """A MeterValues of OCPP 1.6 with the import register, the power and phase values up to `samples`."""
    sampled = [
        {
            "value": "3051.29",
            "context": "Sample.Periodic",
            "measurand": "Energy.Active.Import.Register",
            "unit": "kWh",
        },
        {"value": "7.40", "context": "Sample.Periodic", "measurand": "Power.Active.Import", "unit": "kW"},
    ]
    phases = [(name, f"L{phase}") for name in MEASURANDS for phase in (1, 2, 3)]
    sampled += [
        {"value": "13.66", "context": "Sample.Periodic", "measurand": name, "phase": phase}
        for name, phase in phases
    ]
    payload = {
        "connectorId": 1,
        "transactionId": 1771262049,
        "meterValue": [{"timestamp": AT, "sampledValue": sampled[:samples]}],
    }
    return json.dumps([2, "699350b200000040004c", "MeterValues", payload], separators=(",", ":"))


STATUS = json.dumps(
    [2, "69934ea5", "StatusNotification",
     {"connectorId": 1, "errorCode": "NoError", "status": "Charging", "timestamp": AT}]
)  # fmt: skip
EVENT = json.dumps(
    [2, "69934ea5", "TransactionEvent",
     {"eventType": "Updated", "timestamp": AT, "triggerReason": "MeterValuePeriodic", "seqNo": 7,
      "transactionInfo": {"transactionId": "T-1", "chargingState": "Charging"}, "evse": {"id": 1, "connectorId": 1},
      "meterValue": [{"timestamp": AT, "sampledValue": [
          {"value": 3051.29, "measurand": "Energy.Active.Import.Register", "unitOfMeasure": {"unit": "kWh"}},
          {"value": 7400.0, "measurand": "Power.Active.Import", "unitOfMeasure": {"unit": "W"}}]}]}]
)  # fmt: skip


def micros(work: Callable[[], object]) -> float:
    """The best of REPEATS, µs a call."""
    return min(timeit.repeat(work, number=ROUNDS, repeat=REPEATS)) / ROUNDS * 1e6


def call_of(text: str) -> Call:
    """The frame of a text that is a call."""
    frame = read_frame(text, V16.dialect)
    assert isinstance(frame, Call)
    return frame


def package_micros(text: str, version: str) -> tuple[float, float]:
    """The `ocpp` package: unpacking alone, and with validation."""
    message = unpack(text)

    async def validated() -> float:
        rounds = ROUNDS // 10
        best = float("inf")
        for _ in range(REPEATS):
            started_at = timeit.default_timer()
            for _ in range(rounds):
                await validate_payload(unpack(text), version)
            best = min(best, (timeit.default_timer() - started_at) / rounds * 1e6)
        return best

    assert message.action
    return micros(lambda: unpack(text)), asyncio.run(validated())


def main() -> None:
    """Print the table."""
    print(f"{'frame':34}{'bytes':>7}{'frame':>9}{'read':>9}{'ocpp unpack':>14}{'+ validate':>12}   µs each")
    rows = [
        ("1.6 MeterValues, 1 value", meter_values(1), V16, "1.6"),
        ("1.6 MeterValues, 2 values", meter_values(2), V16, "1.6"),
        ("1.6 MeterValues, 11 values", meter_values(11), V16, "1.6"),
        ("1.6 StatusNotification", STATUS, V16, "1.6"),
        ("2.0.1 TransactionEvent, 2 values", EVENT, V201, "2.0.1"),
    ]
    for name, text, version, number in rows:
        call = call_of(text)
        framed = micros(partial(read_frame, text, V16.dialect))
        read = micros(partial(version.read, call.action, call.payload))
        unpacked, validated = package_micros(text, number)
        print(f"{name:34}{len(text):7}{framed:9.1f}{read:9.1f}{unpacked:14.1f}{validated:12.1f}")
    text = meter_values(11)
    decoded = micros(lambda: read_leniently(call_of(text).payload, MeterValues))
    answered = micros(lambda: write_result("699350b2", {}))
    print(
        f"\nMeterValues with 11 values, text to typed struct: {decoded:.1f} µs; an empty answer: {answered:.1f} µs"
    )


if __name__ == "__main__":
    main()
