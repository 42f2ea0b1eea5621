"""Orders by HTTP, against a real receiver."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from standardwebhooks.webhooks import Webhook

from dwell.adapters.vehicles.http import HttpOrders
from dwell.domain.errors import PeerFault
from dwell.domain.ids import OrderId, OrganizationId, SessionId, VehicleId
from dwell.domain.session.steering import START, Order
from receiver import Answer, Receiver

pytestmark = pytest.mark.anyio

SECRET = "whsec_YSBrZXkgb2YgdHdlbnR5LWZvdXIgYnl0ZQ=="
ORDER = Order(
    id=OrderId("order-1"),
    organization_id=OrganizationId("o"),
    vehicle_id=VehicleId("car-1"),
    session_id=SessionId("s"),
    kind=START,
    power_w=7_400,
    created_at=datetime(2026, 1, 1, tzinfo=UTC),
    attempts=2,
)


class Now:
    def now(self) -> datetime:
        return datetime.now(UTC)


async def test_an_order_arrives_signed_with_all_it_takes(receiver: Receiver) -> None:
    receiver.answer(Answer(status=202, body=b"taken"))
    async with HttpOrders(receiver.url, SECRET, Now()) as orders:
        assert await orders.give(ORDER) == "202 taken"
    (request,) = await receiver.arrived(1)
    body = Webhook(SECRET).verify(request.body, {k.lower(): v for k, v in request.headers.items()})
    assert body == {
        "id": "order-1",
        "vehicleId": "car-1",
        "sessionId": "s",
        "action": "START",
        "powerKw": 7.4,
        "attempt": 2,
    }


@pytest.mark.parametrize("status", [302, 404, 500])
async def test_any_other_answer_is_the_peers_fault(receiver: Receiver, status: int) -> None:
    receiver.answer(Answer(status=status, body=b"no"))
    async with HttpOrders(receiver.url, SECRET, Now()) as orders:
        with pytest.raises(PeerFault, match=str(status)):
            await orders.give(ORDER)
    assert len(receiver.requests) == 1


async def test_silence_is_the_peers_fault_in_time(receiver: Receiver) -> None:
    receiver.answer(Answer(status=200, delay_s=30))
    async with HttpOrders(receiver.url, SECRET, Now(), timeout_s=0.2) as orders:
        with pytest.raises(PeerFault, match="Timeout"):
            await orders.give(ORDER)


async def test_nobody_there_is_the_peers_fault() -> None:
    async with HttpOrders("http://127.0.0.1:1/", SECRET, Now()) as orders:
        with pytest.raises(PeerFault, match="could not be passed on"):
            await orders.give(ORDER)
