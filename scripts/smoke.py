"""Looks at what `dwell demo --once --json` printed: `python -m scripts.smoke FILE`. Exit 1 names every fault.

The file holds a JSON list of settled sessions in the words of the Flex dialect. Asked is what must be true of
any run: there are sessions, each is settled, its rows sum to its energy, energy flowed, savings are stated and add up,
and what the depot's vans drew together was in no quarter hour more than their connection carries.
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

ENERGY_TOLERANCE_KWH = 0.001  # a row is printed in whole Wh
MONEY_TOLERANCE = 0.001
DEPOT_KW = 43.0
QUARTER_H = 0.25


def main() -> int:
    """Reads the file named on the command line, prints what it found, returns the exit code."""
    if len(sys.argv) != 2:
        print("usage: python -m scripts.smoke FILE", file=sys.stderr)
        return 2
    try:
        sessions = json.loads(Path(sys.argv[1]).read_bytes())
    except ValueError as error:
        print(f"smoke: not JSON: {error}", file=sys.stderr)
        return 1
    faults = find_faults(sessions) or find_depot_faults(sessions)
    for fault in faults:
        print(f"smoke: {fault}", file=sys.stderr)
    if not faults:
        energy_kwh = sum(_energy_kwh(session) for session in sessions)
        print(
            f"smoke: {len(sessions)} settled sessions, {energy_kwh:.1f} kWh, saved {_savings_text(sessions)}"
        )
    return 1 if faults else 0


def find_faults(sessions: object) -> list[str]:
    """Everything that is wrong with the demo's answer, one sentence each; empty when it is right."""
    if not isinstance(sessions, list) or not sessions:
        return ["the answer is not a list of sessions, or an empty one"]
    faults = [fault for index, session in enumerate(sessions) for fault in _faults_of_one(index, session)]
    if faults:
        return faults
    if sum(_energy_kwh(session) for session in sessions) <= 0:
        faults.append("no energy flowed in any session")
    if not any(session["valuation"] for session in sessions):
        faults.append("no session has a valuation, so no savings are stated")
    ids = [session["id"] for session in sessions]
    if len(set(ids)) != len(ids):
        faults.append("a session appears twice")
    return faults


def find_depot_faults(sessions: list[dict[str, Any]]) -> list[str]:
    """What is wrong with the depot in sessions that are right each for itself.

    The depot is where vehicles are more than one; its load is what their rows of a quarter hour add up to.
    """
    vehicles: dict[str, set[str]] = {}
    for session in sessions:
        vehicles.setdefault(session["locationId"], set()).add(session["vehicleId"])
    shared = [place for place, there in vehicles.items() if len(there) > 1]
    if len(shared) != 1:
        return [f"there is one depot, and sessions of several vehicles at {len(shared)} locations"]
    load_kwh: dict[str, float] = {}
    for session in sessions:
        if session["locationId"] == shared[0]:
            for row in session["statistics"]["timeseries"]:
                load_kwh[row["startAt"]] = load_kwh.get(row["startAt"], 0.0) + row["kwh"]
    most_kwh = DEPOT_KW * QUARTER_H + ENERGY_TOLERANCE_KWH * len(vehicles[shared[0]])
    return [
        f"from {start_at} on the depot drew {kwh / QUARTER_H:.2f} kW of {DEPOT_KW:g}"
        for start_at, kwh in sorted(load_kwh.items())
        if kwh > most_kwh
    ]


def _faults_of_one(index: int, session: Any) -> list[str]:
    try:
        return [f"session {index} ({session['id']}): {fault}" for fault in _judge(session)]
    except (KeyError, TypeError) as error:
        return [f"session {index}: a field is missing or of another kind: {error!r}"]


def _judge(session: dict[str, Any]) -> list[str]:
    faults = []
    if session["state"] != "SETTLED":
        faults.append(f"state is {session['state']}")
    energy_kwh = _energy_kwh(session)
    rows_kwh = sum(row["kwh"] for row in session["statistics"]["timeseries"])
    if energy_kwh < 0:
        faults.append(f"energy is negative: {energy_kwh} kWh")
    if not math.isclose(rows_kwh, energy_kwh, rel_tol=0, abs_tol=ENERGY_TOLERANCE_KWH):
        faults.append(f"rows sum to {rows_kwh} kWh, the energy is {energy_kwh} kWh")
    if session["valuation"] is not None:
        cost = session["valuation"]["tariffCost"]
        expected = float(cost["baseline"]) - float(cost["actual"])
        if not math.isclose(float(cost["savings"]), expected, rel_tol=0, abs_tol=MONEY_TOLERANCE):
            faults.append(f"savings are {cost['savings']}, baseline less actual is {expected}")
    return faults


def _energy_kwh(session: dict[str, Any]) -> float:
    return float(session["statistics"]["aggregated"]["kwhSum"])


def _savings_text(sessions: list[dict[str, Any]]) -> str:
    totals: dict[str, float] = {}
    for session in sessions:
        if valuation := session["valuation"]:
            amount = float(valuation["tariffCost"]["savings"])
            totals[valuation["currency"]] = totals.get(valuation["currency"], 0.0) + amount
    return ", ".join(f"{amount:.2f} {currency}" for currency, amount in sorted(totals.items()))


if __name__ == "__main__":
    sys.exit(main())
