"""Lost races: another writer was there between our reading and our writing. The work is run again, a few times."""

from __future__ import annotations

from dwell.domain.errors import Conflict, Unavailable

ATTEMPTS = 8
"""Each attempt lost means that another one was won; after this many the store is too busy to promise anything."""


class VersionRace(Exception):
    """The version of a track is not the one it was loaded with. Never leaves a store."""


class TakenConflict(Conflict):
    """A Conflict that a unique index found. Where writers run side by side it may be a lost race: it is tried again."""


def too_many_races() -> Unavailable:
    """What the caller is told when the last attempt was lost, too."""
    return Unavailable("others kept changing the same vehicles; try again", code="contention")
