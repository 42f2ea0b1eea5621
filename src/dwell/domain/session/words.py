"""Every outcome of a visit in a sentence that a customer can read, in English and German.

The codes are those of `outcome.RULES`, and the ones that only other parts of the product give.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Sentence(NamedTuple):
    """One outcome in words."""

    en: str
    de: str


HELD_BACK = Sentence(
    "Other loads need the house's grid connection just now: charging waits or runs with less power until there is "
    "room.",
    "Andere Verbraucher brauchen gerade den Netzanschluss: Das Laden wartet oder läuft mit weniger Leistung, bis Platz "
    "ist.",
)
"""In place of the words for a visit that runs, while the balancer allows less than the plan wants."""

OUTCOMES: Mapping[str, Sentence] = {
    "ev_not_found": Sentence(
        "This vehicle is no longer registered.",
        "Dieses Fahrzeug ist nicht mehr angemeldet.",
    ),
    "not_authenticated": Sentence(
        "The connection to the vehicle is no longer valid. Please connect it again.",
        "Die Verbindung zum Fahrzeug ist nicht mehr gültig. Bitte verbinden Sie es neu.",
    ),
    "not_at_home": Sentence(
        "The vehicle was plugged in away from home, so it was not controlled.",
        "Das Fahrzeug war nicht zu Hause angesteckt und wurde deshalb nicht gesteuert.",
    ),
    "smart_optimization_disabled": Sentence(
        "Smart charging is switched off for this vehicle.",
        "Intelligentes Laden ist für dieses Fahrzeug ausgeschaltet.",
    ),
    "hems_only_mode": Sentence(
        "You chose to charge with solar power only, so prices were not considered.",
        "Sie haben nur Solarladen gewählt; Strompreise wurden deshalb nicht berücksichtigt.",
    ),
    "oem_not_capable": Sentence(
        "This vehicle cannot be started and stopped from afar.",
        "Dieses Fahrzeug lässt sich nicht aus der Ferne starten und stoppen.",
    ),
    "no_battery_capacity": Sentence(
        "The size of the battery is not known, so no plan could be made.",
        "Die Batteriegröße ist nicht bekannt; es konnte kein Ladeplan erstellt werden.",
    ),
    "already_at_target": Sentence(
        "The battery had reached its target before charging began.",
        "Die Batterie hatte ihr Ladeziel schon beim Anstecken erreicht.",
    ),
    "insufficient_price_coverage": Sentence(
        "There were too few electricity prices to plan by.",
        "Für einen Ladeplan lagen zu wenige Strompreise vor.",
    ),
    "in_progress": Sentence(
        "Charging is planned for the cheapest time.",
        "Das Laden ist für die günstigste Zeit geplant.",
    ),
    "boosted": Sentence(
        "Charging started at once, as you asked.",
        "Das Laden wurde auf Ihren Wunsch sofort gestartet.",
    ),
    "immediate_start": Sentence(
        "There was no time to wait: the target needed full power from the start.",
        "Zum Warten blieb keine Zeit: Das Ladeziel verlangte von Anfang an volle Leistung.",
    ),
    "commands_failed": Sentence(
        "The vehicle did not follow the commands to start or stop charging.",
        "Das Fahrzeug hat die Befehle zum Starten oder Stoppen nicht ausgeführt.",
    ),
    "oem_reported_full": Sentence(
        "Charging stopped: the vehicle reported that its battery was full.",
        "Ladung gestoppt: Das Fahrzeug meldete eine volle Batterie.",
    ),
    "user_unplugged_early": Sentence(
        "Charging stopped: the vehicle was unplugged before it was ready.",
        "Ladung gestoppt: Das Fahrzeug wurde abgesteckt, bevor das Ladeziel erreicht war.",
    ),
    "optimized": Sentence(
        "Charged to the target at the best prices.",
        "Zu den günstigsten Preisen bis zum Ladeziel geladen.",
    ),
    "other": Sentence(
        "Charging went another way than planned.",
        "Das Laden verlief anders als geplant.",
    ),
    "unknown": Sentence(
        "The vehicle told too little to say how charging went.",
        "Das Fahrzeug hat zu wenig gemeldet, um das Laden zu beurteilen.",
    ),
}
"""All 18 outcomes, by code."""
