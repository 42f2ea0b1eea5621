"""What `explain` and `explain_site` say of a plan, in German.

Plans are kept with their English words. Phrase by phrase these become German, so that a plan made before this table
knew a phrase is told as well as one made today; what no row knows stays as it is.
"""

from __future__ import annotations

import re

_NUMBER = r"(-?\d+(?:\.\d+)?)"
_PERCENT = r"(\d+(?:\.\d+)? %)"
_CLOCK = r"(\d\d:\d\d(?: on \d{4}-\d\d-\d\d)?)"
_SPAN = r"(\d+ h \d+ min|\d+ h|\d+ min)"
_IN = rf"full power until {_PERCENT} is in"

PHRASES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(english), german)
    for english, german in (
        (
            rf"^Nothing to charge: the battery is at {_PERCENT}\.",
            r"Nichts zu laden: Die Batterie steht bei \1.",
        ),
        (rf"^{_NUMBER} kWh in 1 block for {_NUMBER}", r"\1 kWh in 1 Block für \2"),
        (rf"^{_NUMBER} kWh in (\d+) blocks for {_NUMBER}", r"\1 kWh in \2 Blöcken für \3"),
        (rf", {_NUMBER} less than charging at once", r", \1 weniger als sofort geladen"),
        (rf", {_NUMBER} more than charging at once", r", \1 mehr als sofort geladen"),
        (rf"; {_PERCENT} at {_CLOCK}\.", r"; \1 um \2."),
        (
            rf"{_PERCENT} cannot be reached by {_CLOCK}, {_PERCENT} can\.",
            r"\1 sind bis \2 nicht zu erreichen, \3 schon.",
        ),
        (
            rf"The search was cut short: at most {_NUMBER} from the optimum\.",
            r"Die Suche wurde abgebrochen: höchstens \1 vom Optimum entfernt.",
        ),
        (
            r"No prices are known: charged as if all were equal, and planned again when prices come\.",
            "Es sind keine Preise bekannt: geladen wird, als wären alle gleich, und neu geplant, wenn Preise kommen.",
        ),
        (rf"Prices are known for {_PERCENT} of the time", r"Preise sind für \1 der Zeit bekannt"),
        (rf" \(until {_CLOCK}\)", r" (bis \1)"),
        (
            r"; the rest is judged by the days before, and planned again when its prices come\.",
            "; der Rest ist nach den Tagen davor geschätzt und wird neu geplant, wenn seine Preise kommen.",
        ),
        (
            rf"Counted on: {_PERCENT} of the vehicle's full power\.",
            r"Gerechnet wird mit \1 der vollen Leistung des Fahrzeugs.",
        ),
        (
            rf"The last {_SPAN} before {_CLOCK} are kept free for what may go wrong\.",
            r"Die letzten \1 vor \2 bleiben frei für Unvorhergesehenes.",
        ),
        (
            r"^The connection leaves no power for charging\.",
            "Der Anschluss lässt keine Leistung zum Laden übrig.",
        ),
        (rf"^battery below {_PERCENT}", r"Batterie unter \1"),
        (rf"^immediate start: full power until {_PERCENT}", r"Sofortstart: volle Leistung bis \1"),
        (
            rf"^immediate start: what the connection allows until {_PERCENT}",
            r"Sofortstart: was der Anschluss zulässt, bis \1",
        ),
        (rf"^missed at {_CLOCK}: {_IN}", r"verfehlt um \1: volle Leistung, bis \2 erreicht sind"),
        (
            rf"^no time to spare before {_CLOCK}: {_IN}",
            r"keine Zeit zu verlieren vor \1: volle Leistung, bis \2 erreicht sind",
        ),
        (
            rf"^too little time before {_CLOCK}: {_IN}",
            r"zu wenig Zeit vor \1: volle Leistung, bis \2 erreicht sind",
        ),
        (r"^price below zero: charging earns money", "Preis unter null: Laden bringt Geld"),
        (
            r"^prices below zero for most of it: charging earns money",
            "Preise größtenteils unter null: Laden bringt Geld",
        ),
        (
            r"^kept on at low power, which is cheaper than a stop and a new start",
            "läuft mit geringer Leistung weiter, was günstiger ist als Stopp und Neustart",
        ),
        (rf"^cheapest {_SPAN} before {_CLOCK}", r"günstigste \1 vor \2"),
        (rf"^part of the cheapest {_SPAN} before {_CLOCK}", r"Teil der günstigsten \1 vor \2"),
        (r" by the prices of the days before", " nach den Preisen der Tage davor"),
        (r", as far as the connection allows", ", soweit der Anschluss es zulässt"),
        (r"^after the deadline: what the others leave", "nach der Frist: was die anderen übrig lassen"),
        (
            r"^too little room before the deadline: its fair share of the connection",
            "zu wenig Leistung vor der Frist: der faire Anteil am Anschluss",
        ),
    )
)
"""English phrases, and what they become; numbers and times of day go over as they are."""
_DAY = re.compile(r" on (\d{4})-(\d\d)-(\d\d)")
_POINT = re.compile(r"(?<=\d)\.(?=\d)")


def in_german(words: str) -> str:
    """A plan's sentence or a block's reason, in German."""
    for english, german in PHRASES:
        words = english.sub(german, words)
    return _DAY.sub(r" am \3.\2.\1", _POINT.sub(",", words))
