"""What a process believes of the others: the newest epoch, and no lease longer than it was told."""

from __future__ import annotations

import pytest

from dwell.adapters.relay.messages import Outcome, decode_outcome, encode
from dwell.adapters.relay.view import NOBODY, Holder, View
from dwell.domain.errors import DwellError, PeerFault, Refused
from dwell.domain.ids import StationId

STATION = StationId("s1")


def view_with(*holders: Holder, left_s: float = 6.0) -> View:
    """The view of process `me` at second 100, when `a` and `b` had leases for so long."""
    view = View("me")
    view.hear_leases({"a": left_s, "b": left_s, "me": left_s}, 100.0)
    for holder in holders:
        view.hear_holder(STATION, holder)
    return view


@pytest.mark.parametrize(
    ("holders", "elsewhere"),
    [
        ([], False),
        ([Holder("a", 1)], True),
        ([Holder("a", 1), Holder(NOBODY, 1)], False),
        ([Holder("a", 2), Holder(NOBODY, 1)], True),  # the leaving of one before comes late
        ([Holder("a", 1), Holder("me", 2)], False),
        ([Holder("me", 2), Holder("a", 1)], False),
        ([Holder("a", 1), Holder("b", 2), Holder(NOBODY, 1)], True),
        ([Holder("gone", 3)], False),
    ],
)
def test_the_highest_epoch_counts_in_whatever_order_it_is_heard(
    holders: list[Holder], *, elsewhere: bool
) -> None:
    assert view_with(*holders).is_elsewhere(STATION, 101.0) is elsewhere


def test_a_lease_ends_by_itself_and_goes_on_when_it_is_renewed() -> None:
    view = view_with(Holder("a", 1), left_s=6.0)
    assert view.is_elsewhere(STATION, 105.9)
    assert not view.is_elsewhere(STATION, 106.0)
    view.hear_leases({"a": 6.0}, 107.0)
    assert view.is_elsewhere(STATION, 112.9)
    view.hear_leases({}, 108.0)
    assert not view.is_elsewhere(STATION, 108.0)


def test_news_that_another_took_over_is_told_once_it_is_newer() -> None:
    view = view_with(Holder("me", 4))
    assert not view.hear_holder(STATION, Holder("a", 3))
    assert not view.hear_holder(STATION, Holder("me", 5))
    assert view.hear_holder(STATION, Holder("a", 6))
    assert not view.hear_holder(STATION, Holder(NOBODY, 6))


@pytest.mark.parametrize("fault", [PeerFault("gone", code="station_offline"), Refused("no", code="not_1_6")])
def test_a_fault_is_raised_again_where_the_order_came_from(fault: PeerFault | Refused) -> None:
    with pytest.raises(DwellError) as raised:
        decode_outcome(encode(Outcome.of(fault))).told()
    assert (type(raised.value), raised.value.code, raised.value.message) == (
        type(fault),
        fault.code,
        fault.message,
    )
