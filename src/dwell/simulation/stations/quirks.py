"""What stations get wrong, one small thing each: a telling that is right → the same as such a station sends it.

Each leaves enough on the wire for the true energy to be known; what is not sent by anybody is not asked for here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from dwell.simulation.stations.telling import NUMBER, Message, stamp

Quirk = Callable[[list[Message], Random], list[Message]]
HOUR = timedelta(hours=1)
MOMENT = timedelta(seconds=1)


def _copied(told: list[Message]) -> list[Message]:
    return [replace(one, payload=deepcopy(one.payload)) for one in told]


def _samples_in(told: list[Message]) -> Iterator[dict[str, Any]]:
    for message in told:
        for value in message.payload.get("meterValue", ()):
            yield from value["sampledValue"]


def _registers_in(told: list[Message]) -> Iterator[dict[str, Any]]:
    return (one for one in _samples_in(told) if one["measurand"] == "Energy.Active.Import.Register")


def _stamps_moved(told: list[Message], by: timedelta) -> list[Message]:
    for holder in _stamped(told):
        holder["timestamp"] = stamp(datetime.fromisoformat(holder["timestamp"]) + by)
    return told


def _stamped(told: list[Message]) -> Iterator[dict[str, Any]]:
    for message in told:
        yield from (
            one for one in (message.payload, *message.payload.get("meterValue", ())) if "timestamp" in one
        )


def _registers_changed(told: list[Message], change: Callable[[int, datetime], int]) -> list[Message]:
    """Every register of the telling, its transaction's ends included, through `change`."""
    for message in told:
        for name in ("meterStart", "meterStop"):
            if name in message.payload:
                message.payload[name] = change(message.payload[name], message.sent_at)
    for message in told:
        for sample in _registers_in([message]):
            sample["value"] = str(change(int(sample["value"]), message.sent_at))
    return told


def _first(told: list[Message], action: str) -> int:
    return next(place for place, one in enumerate(told) if one.action == action)


def _middle(told: list[Message]) -> int:
    """Where the second half of the meter values begins."""
    places = [place for place, one in enumerate(told) if one.action == "MeterValues"]
    return places[len(places) // 2]


# --- the quirks ---


def plain(told: list[Message], _: Random) -> list[Message]:
    return told


def kwh_registers(told: list[Message], _: Random) -> list[Message]:
    for sample in _registers_in(told):
        sample.update(value=f"{int(sample['value']) / 1000:.3f}", unit="kWh")
    return told


def missing_units(told: list[Message], _: Random) -> list[Message]:
    for sample in _samples_in(told):
        del sample["unit"]
        if sample["measurand"] == "Energy.Active.Import.Register":
            del sample["measurand"]
    return told


def power_in_wh(told: list[Message], _: Random) -> list[Message]:
    for sample in _samples_in(told):
        sample["unit"] = "Wh"
    return told


def registers_by_phase(told: list[Message], _: Random) -> list[Message]:
    for message in told:
        for value in message.payload.get("meterValue", ()):
            [register] = list(_registers_in([replace(message, payload={"meterValue": [value]})]))
            value["sampledValue"].remove(register)
            third, rest = divmod(int(register["value"]), 3)
            for phase, wh in (("L1", third + rest), ("L2", third), ("L3", third)):
                value["sampledValue"].append({**register, "value": str(wh), "phase": phase})
    return told


def strings_for_numbers(told: list[Message], _: Random) -> list[Message]:
    for message in told:
        for name in ("meterStart", "meterStop"):
            if name in message.payload:
                message.payload[name] = str(message.payload[name])
        if "connectorId" in message.payload and message.action != "StatusNotification":
            message.payload["connectorId"] = str(message.payload["connectorId"])
    return told


def numbers_for_strings(told: list[Message], _: Random) -> list[Message]:
    for sample in _samples_in(told):
        sample["value"] = float(sample["value"])
    return told


def placeholder_zeros(told: list[Message], lots: Random) -> list[Message]:
    """A meter that does not answer is read as 0."""
    registers = list(_registers_in(told))
    registers[lots.randrange(len(registers) - 1)]["value"] = "0"
    return told


def zero_at_start(told: list[Message], _: Random) -> list[Message]:
    """The start has 0; the true register comes at once as the transaction's first reading."""
    place = _first(told, "StartTransaction")
    start = told[place]
    sample = {"value": str(start.payload["meterStart"]), "context": "Transaction.Begin", "unit": "Wh"}
    sample["measurand"] = "Energy.Active.Import.Register"
    begun = start.sent_at + MOMENT
    value = {"timestamp": stamp(begun), "sampledValue": [sample]}
    payload = {"connectorId": 1, "transactionId": NUMBER, "meterValue": [value]}
    start.payload["meterStart"] = 0
    return [*told[: place + 1], Message(begun, "MeterValues", payload), *told[place + 1 :]]


def zero_at_stop(told: list[Message], _: Random) -> list[Message]:
    told[_first(told, "StopTransaction")].payload["meterStop"] = 0
    return told


def register_reset(told: list[Message], _: Random) -> list[Message]:
    """After a reading the register begins again at 0, and says so."""
    place = _middle(told)
    turned = told[place]
    [sample] = list(_registers_in([turned]))
    base_wh = int(sample["value"])
    after = _copied(told[place:])
    after[0] = replace(after[0], sent_at=turned.sent_at + MOMENT)
    _stamps_moved(after[:1], MOMENT)
    return told[: place + 1] + _registers_changed(after, lambda wh, _: wh - base_wh)


def rollover(told: list[Message], lots: Random) -> list[Message]:
    """The counter of 32 bits, or of six digits of kWh, ends within the charge."""
    end_wh = lots.choice((2**31, 10**9))
    [middle] = list(_registers_in([told[_middle(told)]]))
    by_wh = end_wh - int(middle["value"])
    return _registers_changed(told, lambda wh, _: (wh + by_wh) % end_wh)


def duplicates(told: list[Message], _: Random) -> list[Message]:
    return [copy for one in told for copy in (one, one)]


def lost_stop(told: list[Message], _: Random) -> list[Message]:
    return [one for one in told if one.action != "StopTransaction"]


def late_stop(told: list[Message], _: Random) -> list[Message]:
    place = _first(told, "StopTransaction")
    late = replace(told[place], sent_at=told[-1].sent_at + HOUR)
    return [*told[:place], *told[place + 1 :], late]


def stop_told_differently_again(told: list[Message], _: Random) -> list[Message]:
    place = _first(told, "StopTransaction")
    again = {**told[place].payload, "meterStop": told[place].payload["meterStop"] + 700}
    return [*told, replace(told[-1], action="StopTransaction", payload=again)]


def boot_in_mid_transaction(told: list[Message], _: Random) -> list[Message]:
    place = _middle(told)
    at = told[place].sent_at - MOMENT
    boot = Message(at, "BootNotification", {"chargePointVendor": "Simulated", "chargePointModel": "Reboots"})
    return [*told[:place], boot, *told[place:]]


def number_never_learned(told: list[Message], _: Random) -> list[Message]:
    """The answer to the start was lost: meter values say 0, the stop −1."""
    for message in told:
        if message.payload.get("transactionId") == NUMBER:
            message.payload["transactionId"] = -1 if message.action == "StopTransaction" else 0
    return told


def readings_after_stop(told: list[Message], _: Random) -> list[Message]:
    """The next readings still name the transaction, with a register that went on."""
    last = [one for one in told if one.action == "MeterValues"][-1]
    [after] = _stamps_moved(_copied([last]), 4 * MOMENT)
    for sample in _registers_in([after]):
        sample["value"] = str(int(sample["value"]) + 55)
    place = _first(told, "StopTransaction")
    return [*told[: place + 1], replace(after, sent_at=last.sent_at + 5 * MOMENT), *told[place + 1 :]]


def connector_zero(told: list[Message], _: Random) -> list[Message]:
    """The station's own meter is told of too, as connector 0."""
    told_more: list[Message] = []
    for message in told:
        told_more.append(message)
        if message.action == "MeterValues":
            [main] = _copied([message])
            main.payload["connectorId"] = 0
            del main.payload["transactionId"]
            for sample in _registers_in([main]):
                sample["value"] = str(int(sample["value"]) * 3 + 77)
            told_more.append(main)
    return told_more


def clock_an_hour_fast(told: list[Message], _: Random) -> list[Message]:
    return _stamps_moved(told, HOUR)


def clock_an_hour_slow(told: list[Message], _: Random) -> list[Message]:
    return _stamps_moved(told, -HOUR)


def clock_never_set(told: list[Message], _: Random) -> list[Message]:
    return _stamps_moved(told, datetime(1970, 1, 1, tzinfo=UTC) - told[0].sent_at)


def offline_replay(told: list[Message], _: Random) -> list[Message]:
    """Nothing can be sent until six hours after the end; then all of it comes at once."""
    at = told[-1].sent_at + 6 * HOUR
    return [replace(one, sent_at=at + place * MOMENT / 10) for place, one in enumerate(told)]


def late_batch(told: list[Message], _: Random) -> list[Message]:
    """All readings in one message, after the stop."""
    values = [one for message in told for one in message.payload.get("meterValue", ())]
    rest = [one for one in told if one.action != "MeterValues"]
    payload = {"connectorId": 1, "transactionId": NUMBER, "meterValue": values}
    return [*rest, Message(rest[-1].sent_at + MOMENT, "MeterValues", payload)]


def readings_shuffled(told: list[Message], lots: Random) -> list[Message]:
    places = [place for place, one in enumerate(told) if one.action == "MeterValues"]
    mixed = lots.sample(places, len(places))
    after = list(told)
    for place, source in zip(places, mixed, strict=True):
        after[place] = replace(told[source], sent_at=told[places[-1]].sent_at)
    return after


def words_of_its_own(told: list[Message], _: Random) -> list[Message]:
    for message in told:
        if message.action == "StopTransaction":
            message.payload["reason"] = "BecauseISaySo"
        if message.action != "StatusNotification":
            message.payload["vendorSays"] = {"more": [1, None]}
    for sample in _samples_in(told):
        sample["context"] = "Whenever"
    return told


def no_statuses(told: list[Message], _: Random) -> list[Message]:
    return [one for one in told if one.action != "StatusNotification"]


def unreadable_readings(told: list[Message], _: Random) -> list[Message]:
    """Between the good ones come registers that are no numbers, or beyond all measure."""
    more: list[Message] = []
    for message in told:
        if message.action == "MeterValues":
            [odd] = _stamps_moved(_copied([message]), -MOMENT)
            for sample, word in zip(_samples_in([odd]), ("NaN", "", "1e99"), strict=True):
                sample["value"] = word
            more.append(replace(odd, sent_at=message.sent_at - MOMENT))
        more.append(message)
    return more


_LISTED: tuple[Quirk, ...] = (
    plain, kwh_registers, missing_units, power_in_wh, registers_by_phase, strings_for_numbers, numbers_for_strings,
    placeholder_zeros, zero_at_start, zero_at_stop, register_reset, rollover, duplicates, lost_stop, late_stop,
    stop_told_differently_again, boot_in_mid_transaction, number_never_learned, readings_after_stop, connector_zero,
    clock_an_hour_fast, clock_an_hour_slow, clock_never_set, offline_replay, late_batch, readings_shuffled,
    words_of_its_own, no_statuses, unreadable_readings,
)  # fmt: skip
QUIRKS_OF_1_6: dict[str, Quirk] = {one.__name__: one for one in _LISTED}
QUIRKS_OF_2_0_1: dict[str, Quirk] = {one.__name__: one for one in (plain, duplicates, offline_replay)}
QUIRKS: dict[str, dict[str, Quirk]] = {"ocpp1.6": QUIRKS_OF_1_6, "ocpp2.0.1": QUIRKS_OF_2_0_1}
"""By subprotocol, then by name."""


def with_quirk(quirk: Quirk, told: list[Message], lots: Random) -> list[Message]:
    """The telling as a station with the quirk sends it; what was given stays as it is."""
    return quirk(_copied(told), lots)
