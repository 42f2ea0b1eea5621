"""What a session cost, served quarter hour by quarter hour, and who changed what."""

from __future__ import annotations

import csv
import io
import json
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from contract.serving import AT_HOME, START, Home, Tenant
from dwell.application.prices import Published, import_prices
from dwell.domain.tariff.contracts import carbon_zone
from dwell.domain.tariff.curve import PriceSlot

ZONE = "FR"
HOUR = timedelta(hours=1)


def priced(tenant: Tenant) -> Home:
    """A home in a zone with prices, each other hour negative, from a document of its own."""
    serving = tenant.serving
    home = tenant.home(zone=ZONE)
    first_at = START - timedelta(hours=12)
    slots = [
        PriceSlot(first_at + n * HOUR, first_at + (n + 1) * HOUR, Decimal(n * 37 % 101 - 30) / 997)
        for n in range(72)
    ]
    document = Published("energy-charts", "fr.json", slots)
    serving.run(import_prices(serving.ports, ZONE, "EUR", slots, documents=[document]))
    return home


def valuation(home: Home, **headers: str) -> Any:
    [session] = home.settled()
    return home.tenant.client.get(f"/v1/sessions/{session['id']}/valuation", headers=headers)


def test_rows_add_up_to_the_sessions_figures(tenant: Tenant) -> None:
    home = priced(tenant)
    home.visit(-187, hours=2.4, kwh=7.321)
    shown = json.loads(valuation(home).text)
    rows = shown["rows"]
    assert shown["energy_wh"] == sum(row["energy_wh"] for row in rows) == 7_321
    assert sum(Decimal(row["baseline_energy_wh"]) for row in rows) == 7_321
    assert Fraction(shown["cost"]) == sum(Fraction(row["cost"]) for row in rows) != 0
    assert Fraction(shown["baseline_cost"]) == sum(Fraction(row["baseline_cost"]) for row in rows)
    assert Fraction(shown["savings"]) == Fraction(shown["baseline_cost"]) - Fraction(shown["cost"])
    assert (shown["current"], shown["currency"], len(rows)) == (True, "EUR", 11)
    [price] = rows[0]["prices"]
    source = price["source"]
    assert (source["kind"], source["zone"], source["format"], source["document"]) == (
        "document",
        ZONE,
        "energy-charts",
        "fr.json",
    )
    assert source["imported_at"] is not None


def test_csv_says_the_same(tenant: Tenant) -> None:
    home = priced(tenant)
    home.visit(-187, hours=2.4, kwh=7.321)
    shown = json.loads(valuation(home).text)
    answer = valuation(home, accept="text/csv")
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert sum(int(row["energy_wh"]) for row in rows) == 7_321
    assert sum(Fraction(row["cost"]) for row in rows) == Fraction(shown["cost"])
    assert sum(Fraction(row["baseline_cost"]) for row in rows) == Fraction(shown["baseline_cost"])
    assert "energy-charts fr.json" in rows[0]["price_sources"]


def test_without_prices_there_is_energy_and_no_money(tenant: Tenant) -> None:
    home = tenant.home(zone="GB")
    home.visit(-187, hours=2, kwh=4)
    shown = valuation(home).json()
    assert (shown["energy_wh"], shown["cost"], shown["currency"]) == (4_000, None, None)
    assert {row["cost"] for row in shown["rows"] if row["energy_wh"]} == {None}


def test_a_running_session_has_rows_and_no_figures_yet(tenant: Tenant) -> None:
    home = priced(tenant)
    home.tenant.observe(home.at(-30, plugged_in=True, energy_register_kwh=1, **AT_HOME))
    home.tenant.observe(home.at(-1, plugged_in=True, energy_register_kwh=4, **AT_HOME))
    shown = tenant.get(f"/v1/sessions/{home.session()['id']}/valuation")
    assert (shown["state"], shown["cost"], shown["energy_wh"]) == ("ACTIVE", None, 3_000)
    assert sum(row["energy_wh"] for row in shown["rows"]) == 3_000


def test_a_foreign_session_has_no_valuation(tenant: Tenant) -> None:
    home = priced(tenant)
    home.visit(-187)
    [session] = home.settled()
    stranger = tenant.serving.tenant()
    stranger.get(f"/v1/sessions/{session['id']}/valuation", 404)


def test_the_audit_log_tells_who_changed_what(tenant: Tenant) -> None:
    home = tenant.home()
    path = f"/flex/vehicle-policies/{home.policy['id']}"
    home.visit(-187)
    assert tenant.client.delete(path).status_code == 204
    entries = tenant.get("/v1/audit")["entries"]
    assert [(e["thing"], e["action"]) for e in entries] == [
        ("policy", "deleted"),
        ("policy", "created"),
        ("vehicle", "created"),
        ("location", "created"),
        ("user", "created"),
    ]
    actor = {"kind": "client", "name": tenant.credentials.client_id, "address": "127.0.0.1"}
    assert all(entry["actor"] == actor for entry in entries)
    assert entries[0]["before"]["id"] == entries[0]["after"]["id"] == home.policy["id"]
    assert tenant.serving.tenant().get("/v1/audit") == {"entries": [], "next_before": None}


def test_the_audit_log_comes_in_pages(tenant: Tenant) -> None:
    tenant.home()
    first = tenant.get("/v1/audit", limit=3)
    assert ([e["number"] for e in first["entries"]], first["next_before"]) == ([4, 3, 2], 2)
    last = tenant.get("/v1/audit", limit=3, before=first["next_before"])
    assert ([e["number"] for e in last["entries"]], last["next_before"]) == ([1], None)
    key = tenant.serving.client(headers={"x-api-key": tenant.credentials.api_key})
    assert key.get("/v1/audit").json() == tenant.get("/v1/audit")
    faults = tenant.get("/v1/audit", 400, limit=0, before="x")
    assert len(faults["issues"]) == 2


def test_emissions_follow_the_grids_carbon_intensity_beside_the_price(tenant: Tenant) -> None:
    home = priced(tenant)
    home.visit(-187, hours=2.4, kwh=7.321)
    before = valuation(home).json()
    assert (before["emissions_g"], before["baseline_emissions_g"]) == (None, None)

    serving, first_at = tenant.serving, START - timedelta(hours=12)
    slots = [
        PriceSlot(first_at + n * HOUR, first_at + (n + 1) * HOUR, Decimal(50 + n * 13 % 61))
        for n in range(72)
    ]
    serving.run(import_prices(serving.ports, carbon_zone(ZONE), "gCO2", slots))
    shown = json.loads(valuation(home).text)

    # Energy within a quarter hour is even, and no intensity changes within one.
    intensity = {slot.start_at: Fraction(slot.price_per_kwh) for slot in slots}
    by_hand = sum(
        Fraction(row["energy_wh"], 1000)
        * intensity[datetime.fromisoformat(row["start"]).replace(minute=0, second=0)]
        for row in shown["rows"]
    )
    assert Fraction(shown["emissions_g"]) == by_hand > 0
    assert Fraction(shown["baseline_emissions_g"]) == sum(
        Fraction(row["baseline_emissions_g"]) for row in shown["rows"]
    )
    rows = list(csv.DictReader(io.StringIO(valuation(home, accept="text/csv").text)))
    assert sum(Fraction(row["emissions_g"]) for row in rows) == by_hand
    assert {row["cost"] for row in shown["rows"]} == {row["cost"] for row in before["rows"]}
