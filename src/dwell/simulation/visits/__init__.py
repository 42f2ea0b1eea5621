"""Real charging visits of open data sets, read into one form, and laid on the days for which prices exist."""

from __future__ import annotations

from dwell.simulation.visits.calendar import Laid, keep_priced, lay_on
from dwell.simulation.visits.reading import DATA_SET_NAMES, read_visit_contents, read_visits
from dwell.simulation.visits.visit import LeftOut, Reason, Rule, Visit, VisitFile

__all__ = [
    "DATA_SET_NAMES",
    "Laid",
    "LeftOut",
    "Reason",
    "Rule",
    "Visit",
    "VisitFile",
    "keep_priced",
    "lay_on",
    "read_visit_contents",
    "read_visits",
]
