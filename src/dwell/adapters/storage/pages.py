"""Cutting pages out of what is held in memory, by the same rules as the SQL stores do it."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Protocol, TypeVar

from dwell.adapters.storage.shelves import Place
from dwell.application.records import PageKey, SessionFilter
from dwell.domain.instants import micros_of
from dwell.domain.session.record import Session


class _Named(Protocol):
    @property
    def id(self) -> str: ...


Thing = TypeVar("Thing", bound=_Named)


def page_by_id(
    things: Iterable[Thing], *, after_id: str | None, before_id: str | None, limit: int
) -> list[Thing]:
    """At most `limit` things ascending by id; with `before_id` those below it, descending."""
    ordered = sorted(things, key=lambda thing: thing.id, reverse=before_id is not None)
    wanted = (
        thing
        for thing in ordered
        if (after_id is None or thing.id > after_id) and (before_id is None or thing.id < before_id)
    )
    return list(islice(wanted, limit))


def page_of_places(
    places: list[Place],
    session_at: Callable[[Place], Session],
    wanted: SessionFilter,
    *,
    bounds: tuple[PageKey | None, PageKey | None],
    limit: int,
) -> list[Session]:
    """At most `limit` wanted sessions after the first bound, or just ahead of the second, in the order of `places`."""
    after, before = bounds
    low = bisect_right(places, _place_of_key(after)) if after is not None else 0
    high = bisect_left(places, _place_of_key(before)) if before is not None else len(places)
    steps = range(high - 1, low - 1, -1) if before is not None else range(low, high)
    found = (session for session in (session_at(places[i]) for i in steps) if is_wanted(session, wanted))
    page = list(islice(found, limit))
    return page[::-1] if before is not None else page


def is_wanted(session: Session, wanted: SessionFilter) -> bool:
    """Whether the filter lets the session through."""
    plugged_in_at, ended_at = session.plugged_in_at, session.ended_at
    if session.short and not wanted.include_hidden:
        return False
    if wanted.plugged_in_from is not None and (
        plugged_in_at is None or plugged_in_at < wanted.plugged_in_from
    ):
        return False
    if wanted.plugged_out_to is not None and (ended_at is None or ended_at > wanted.plugged_out_to):
        return False
    return (
        wanted.policy_id in (None, session.policy_id)
        and wanted.location_id in (None, session.location_id)
        and wanted.vehicle_id in (None, session.vehicle_id)
    )


def _place_of_key(key: PageKey) -> Place:
    return -micros_of(key.plugged_in_at), key.id
