"""The live feed of prices, against a real server that answers as feeds do (TM5, TM7, TM9)."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime, timedelta

import pytest

from dwell.adapters.prices.energy_charts import EnergyCharts
from dwell.application.price_feed import REPEATED, STALE, FeedState, refresh_prices
from dwell.domain.errors import DwellError, PeerFault, Refused
from dwell.domain.tariff.feed import AHEAD, BACK_OFF, USUAL, WAITING, wait_for_next
from house import BUILT_AT, ZONE, House, a_house
from receiver import Answer, Receiver
from stores import AnyStore

pytestmark = pytest.mark.anyio
TODAY = BUILT_AT.replace(hour=0)
HOUR = timedelta(hours=1)


def said(start_at: datetime, prices: list[float]) -> bytes:
    """An answer of the service, hourly."""
    stamps = [int((start_at + n * HOUR).timestamp()) for n in range(len(prices))]
    return json.dumps({"unix_seconds": stamps, "price": prices, "unit": "EUR / MWh"}).encode()


def day(seed: int) -> list[float]:
    """24 prices that no other seed has."""
    return [round(40 + (hour * 7919 + seed * 104729) % 997 / 10, 2) for hour in range(24)]


async def refreshed(house: House, receiver: Receiver, *answers: Answer) -> FeedState:
    receiver.answer(*answers)
    return await refresh_prices(house.ports, EnergyCharts(receiver.url, ZONE, timeout_s=0.5), ZONE)


async def price_at(house: House, at: datetime) -> str | None:
    curve = await house.ports.store.read(lambda reader: reader.curve(ZONE, at, at + HOUR))
    slot = curve.at(at) if curve is not None else None
    return str(slot.price_per_kwh) if slot is not None else None


async def test_what_the_feed_says_is_imported_and_what_it_asks_for_is_named(
    sqlite_store: AnyStore, receiver: Receiver
) -> None:
    house = await a_house(sqlite_store, with_prices=False)
    state = await refreshed(house, receiver, Answer(status=200, body=said(TODAY, day(1) + day(2))))

    assert state == FeedState(known_until=TODAY + 48 * HOUR, good_at=BUILT_AT)
    assert await price_at(house, TODAY) == str(day(1)[0] / 1000)
    assert receiver.requests[0].path.startswith("/?bzn=DE-LU&start=2026-03-24&end=2026-03-27")


async def test_yesterdays_prices_served_as_todays_are_refused_and_the_last_good_kept(
    sqlite_store: AnyStore, receiver: Receiver
) -> None:
    house = await a_house(sqlite_store, with_prices=False)
    await refreshed(house, receiver, Answer(status=200, body=said(TODAY, day(1))))
    with pytest.raises(Refused) as caught:
        await refreshed(house, receiver, Answer(status=200, body=said(TODAY, day(1) + day(1))))

    assert caught.value.code == REPEATED
    assert await price_at(house, TODAY) is not None
    assert await price_at(house, TODAY + 30 * HOUR) is None


async def test_a_day_of_one_price_is_no_repetition(sqlite_store: AnyStore, receiver: Receiver) -> None:
    house = await a_house(sqlite_store, with_prices=False)
    state = await refreshed(house, receiver, Answer(status=200, body=said(TODAY, [0.0] * 48)))
    assert state.known_until == TODAY + 48 * HOUR


async def test_the_same_answer_again_changes_nothing_and_is_good(
    sqlite_store: AnyStore, receiver: Receiver
) -> None:
    house = await a_house(sqlite_store, with_prices=False)
    body = said(TODAY, day(1) + day(2))
    for _ in range(2):
        state = await refreshed(house, receiver, Answer(status=200, body=body))
        assert state.trouble is None


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Answer(status=500), PeerFault),
        (Answer(status=302, headers={"location": "http://127.0.0.1:1/"}), PeerFault),
        (Answer(delay_s=5.0), PeerFault),
        (Answer(hang_up=True), PeerFault),
        (Answer(status=200, body=b"<html>"), Refused),
        (Answer(status=200, body=b"[" * 100_000), Refused),
        (Answer(status=200, body=said(TODAY, [9e9] * 48)), Refused),
        (
            Answer(status=200, body=gzip.compress(b" " * 50_000_000), headers={"content-encoding": "gzip"}),
            Refused,
        ),
        (Answer(status=200, body=said(TODAY - 48 * HOUR, day(1) + day(2))), Refused),
    ],
)
async def test_a_feed_that_misbehaves_is_refused_and_nothing_is_imported(
    sqlite_store: AnyStore, receiver: Receiver, answer: Answer, kind: type[DwellError]
) -> None:
    house = await a_house(sqlite_store, with_prices=False)
    with pytest.raises(kind):
        await refreshed(house, receiver, answer)
    assert await price_at(house, TODAY) is None


async def test_old_prices_are_stale(sqlite_store: AnyStore, receiver: Receiver) -> None:
    house = await a_house(sqlite_store, with_prices=False)
    with pytest.raises(Refused) as caught:
        await refreshed(house, receiver, Answer(status=200, body=said(TODAY - 24 * HOUR, day(1))))
    assert caught.value.code == STALE


def test_the_feed_is_asked_often_only_while_tomorrow_is_missing_and_seldom_after_failures() -> None:
    now = datetime(2026, 3, 25, 13, tzinfo=UTC)
    assert wait_for_next(None, now, 0, 0.0) == WAITING
    assert wait_for_next(now + AHEAD - HOUR, now, 0, 0.0) == WAITING
    assert wait_for_next(now + AHEAD, now, 0, 0.0) == USUAL
    assert [wait_for_next(None, now, n, 0.0) for n in range(1, 8)] == [*BACK_OFF, BACK_OFF[-1], BACK_OFF[-1]]
    assert wait_for_next(None, now, 1, 0.999) < BACK_OFF[0] * 1.2


def test_a_feed_that_has_been_bad_for_long_is_an_alarm() -> None:
    now = datetime(2026, 3, 25, 13, tzinfo=UTC)
    good = FeedState(known_until=now, good_at=now)
    assert not good.failed("no answer").is_alarming(now + 29 * HOUR)
    assert good.failed("no answer").is_alarming(now + 31 * HOUR)
