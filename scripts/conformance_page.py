"""Writes docs/reference/conformance.md from the cases that tests hold: `python -m scripts.conformance_page`."""

from __future__ import annotations

import csv
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "reference" / "conformance.md"
IDS = ROOT / "tests" / "data" / "ocpp" / "csms-test-ids.tsv"
HEAD = """# Conformance

The official test cases for central systems, by their ids: OCPP 1.6 as public test code names them, OCPP 2.0.1 as
part 6 of the specification lists them. A case is *held* where a test plays its station against the gateway over a real
socket, message by message, and asserts on every answer and order of ours (`tests/conformance`). It is no certificate:
that is the Open Charge Alliance's to give. Made by `python -m scripts.conformance_page`.

"""
_TLS = "held apart, with real certificates, by `tests/e2e/test_station_tls.py`"
_SIGNING = "stations' certificates are not signed here: SignCertificate is answered Rejected"
_BLOCKED = "there is no use case yet that blocks a token"
_PENDING = "unknown stations are refused, none is held pending"
_GROUPS = "tokens have no groups, and there is no master pass"
NOT_CLAIMED = {
    "TC_023_3_CSMS": _BLOCKED,
    "TC_053_CSMS": _GROUPS,
    "TC_074_CSMS": _SIGNING,
    "TC_086_CSMS": _TLS,
    "TC_087_CSMS": _TLS,
    "TC_A_02_CSMS": "the key belongs to the name in the path; the user name is not looked at (decision 0030)",
    "TC_A_03_CSMS": "refused (held by `tests/e2e/test_stations.py`), without the security event of the case",
    "TC_A_04_CSMS": _TLS,
    "TC_A_06_CSMS": _TLS,
    "TC_A_07_CSMS": _TLS,
    "TC_A_08_CSMS": _TLS,
    "TC_A_11_CSMS": _SIGNING,
    "TC_A_14_CSMS": _SIGNING,
    "TC_A_19_CSMS": "a gateway serves one security profile; the setting of the station is told (as TC_083)",
    "TC_B_02_CSMS": _PENDING,
    "TC_B_30_CSMS": _PENDING,
    "TC_B_31_CSMS": _PENDING,
    "TC_C_06_CSMS": _BLOCKED,
    "TC_C_39_CSMS": _GROUPS,
    "TC_C_47_CSMS": _GROUPS,
    "TC_C_48_CSMS": _GROUPS,
    "TC_C_49_CSMS": _GROUPS,
    "TC_J_08_CSMS": "values of an EVSE that the station does not name are kept, and belong to no transaction",
    "TC_L_13_CSMS": "orders of new transactions do not know of firmware that waits",
    "TC_N_62_CSMS": "customers are named by their token only",
}


def page() -> str:
    """The page, in Markdown. A case that is neither held nor has a reason raises KeyError."""
    sys.path[:0] = [str(ROOT / "tests")]
    from conformance import cases16, cases201
    from conformance.talk import CASES

    with IDS.open(encoding="utf-8") as file:
        cases = list(csv.DictReader(file, delimiter="\t"))
    text = HEAD
    for standard in (cases16.STANDARD, cases201.STANDARD):
        rows = [row for row in cases if row["standard"] == standard]
        held = sum((standard, row["id"]) in CASES for row in rows)
        text += (
            f"## OCPP {standard}\n\n{held} of {len(rows)} are held.\n\n| case | subject | |\n|---|---|---|\n"
        )
        for row in rows:
            claim = (
                "held" if (standard, row["id"]) in CASES else f"not claimed here: {NOT_CLAIMED[row['id']]}"
            )
            text += f"| `{row['id']}` | {row['subject']} | {claim} |\n"
        text += "\n"
    return text.rstrip() + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
