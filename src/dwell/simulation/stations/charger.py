"""A virtual charger on a virtual clock: it keeps the profiles that it is given, and tells what its meter sees.

Nothing here waits but for answers: `next_at` says when something is due, and `live` does it. So the clock may run at
any pace, or jump.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from dwell.application.ports import Clock
from dwell.domain.instants import QUARTER, floor_quarter
from dwell.simulation.stations.charge import LEAST_A, NOMINAL_V
from dwell.simulation.stations.shelf import PHASES, Shelf, read_profile
from dwell.simulation.stations.tongues import (
    CHARGING,
    FULL,
    HELD,
    Said,
    Sight,
    Ticket,
    Tongue,
    Tongue16,
    Tongue201,
)
from dwell.simulation.stations.wire import Sign, Wire
from dwell.simulation.vehicle import VirtualVehicle

LEAST_W = LEAST_A * NOMINAL_V * PHASES
"""Less than this no vehicle takes."""
MOST_W = 16 * NOMINAL_V * PHASES
"""What its fuse lets pass."""
SOON = timedelta(seconds=1)
"""How long after a change the meter tells of it, or an order is carried out."""
_TONGUES: dict[str, type[Tongue16] | type[Tongue201]] = {"ocpp1.6": Tongue16, "ocpp2.0.1": Tongue201}
_ACCEPTED, _REJECTED = {"status": "Accepted"}, {"status": "Rejected"}


@dataclass(slots=True)
class Charger:
    """A station with one EVSE, and what stands there. One that does not obey takes every profile, and keeps none."""

    sign: Sign
    clock: Clock
    shelf: Shelf = field(default_factory=Shelf)
    obeys: bool = True
    car: VirtualVehicle | None = None
    reference: str | None = None
    register_wh: float = 1_000_000.0
    wire: Wire = field(init=False)
    _tongue: Tongue = field(init=False)
    _report_at: datetime | None = None
    _meter_at: datetime | None = None
    _heartbeat_at: datetime | None = None
    _wanted: Ticket | None = None
    _stop_wanted: bool = False
    _told_state: str = ""
    _count: int = 0

    def __post_init__(self) -> None:
        self._tongue = _TONGUES[self.sign.protocol]()
        self.wire = Wire(self.sign, self._obey, self._greeting)

    @property
    def power_w(self) -> int:
        """What flows."""
        return self.car.charging_w if self.car is not None else 0

    async def connect(self) -> None:
        """Come up. Raises what a connection fails with."""
        await self.wire.open()
        self._beat_later()

    def next_at(self) -> datetime | None:
        """When something is due here."""
        edge = self.shelf.next_edge(self.car.at) if self.car is not None and self.reference else None
        full_at = self.car.full_at() if self.car is not None else None
        due = (edge, full_at, self._report_at, self._meter_at, self._heartbeat_at)
        return min((at for at in due if at is not None), default=None)

    async def live(self, now: datetime) -> None:
        """Do what is due."""
        self._settle(now)
        if self._stop_wanted and self._is_due(self._report_at, now):
            self._report_at, self._stop_wanted = None, False
            await self._end(now, "Remote")
        if self._wanted is not None and self._is_due(self._report_at, now):
            ticket, self._wanted, self._report_at = self._wanted, None, None
            await self._begin(now, ticket)
        if self._is_due(self._report_at, now) or self._is_due(self._meter_at, now):
            await self._tell(now)
        if self._is_due(self._heartbeat_at, now):
            await self.wire.say(("Heartbeat", {}))
            self._beat_later()

    async def arrive(self, now: datetime, car: VirtualVehicle, token: str) -> None:
        """The cable goes in, and the driver shows a card."""
        self.car = car
        await self.wire.say(self._tongue.plugged(now))
        await self._begin(now, Ticket(token=token, name=self._next_name()))

    async def leave(self, now: datetime) -> None:
        """The cable comes out."""
        self._settle(now)
        await self._end(now, "EVDisconnected")
        if self.car is not None:
            self.car.plug_out(now)
        self.car = self._wanted = self._report_at = None
        await self.wire.say(self._tongue.idle(now))

    # --- its life ---

    def _greeting(self) -> list[Said]:
        now, boot = self.clock.now(), self._tongue.boot()
        if self.reference is not None:
            return [boot]
        return [boot, self._tongue.plugged(now) if self.car is not None else self._tongue.idle(now)]

    async def _begin(self, now: datetime, ticket: Ticket) -> None:
        if self.car is None or self.reference is not None:
            return
        answer = await self.wire.say(self._tongue.begun(ticket, self._sight(now)))
        self.reference = str(answer.get("transactionId", ticket.name))
        self._settle(now)
        await self._tell(now)

    async def _end(self, now: datetime, reason: str) -> None:
        reference, self.reference = self.reference, None
        if reference is None:
            return
        self._settle(now)
        self._meter_at = None
        self._told_state = ""
        self.shelf.forget_transaction()
        for said in self._tongue.ended(reference, self._sight(now), reason):
            await self.wire.say(said)

    async def _tell(self, now: datetime) -> None:
        """What the meter sees now, and again when the quarter hour is over."""
        self._report_at = None
        if self.reference is None:
            return
        sight = self._sight(now)
        changed, self._told_state = sight.state != self._told_state, sight.state
        self._meter_at = floor_quarter(now) + QUARTER
        for said in self._tongue.seen(self.reference, sight, changed=changed):
            await self.wire.say(said)

    def _sight(self, now: datetime) -> Sight:
        car = self.car
        if car is None:
            raise RuntimeError("a meter without a vehicle tells of nothing")
        state = CHARGING if car.charging_w > 0 else FULL if car.says().fully_charged else HELD
        return Sight(
            at=now,
            register_wh=round(self.register_wh),
            power_w=car.charging_w,
            soc_percent=car.soc_percent,
            state=state,
        )

    def _settle(self, now: datetime) -> None:
        """Let what flowed until now be counted, and from now on flow what may."""
        car = self.car
        if car is None:
            return
        before_w, before_wh = car.charging_w, car.charged_wh
        car.move_to(now)
        self.register_wh += car.charged_wh - before_wh
        allowed_w = min(self.shelf.limit_w(now), float(car.power_w)) if self.reference is not None else 0.0
        has_room = not car.says().fully_charged
        car.charging_w = int(allowed_w) if has_room and allowed_w >= LEAST_W else 0
        if car.charging_w != before_w and self.reference is not None:
            self._report_at = now + SOON

    def _beat_later(self) -> None:
        self._heartbeat_at = self.clock.now() + timedelta(seconds=self.wire.interval_s)

    def _next_name(self) -> str:
        self._count += 1
        return f"{self.sign.name}-{self._count}"

    def _is_due(self, at: datetime | None, now: datetime) -> bool:
        return at is not None and at <= now

    # --- what it is told ---

    def _obey(self, action: str, payload: dict[str, Any]) -> dict[str, Any] | None:
        order = _ORDERS.get(action)
        return None if order is None else order(self, payload)

    def _keep_profile(self, payload: dict[str, Any]) -> dict[str, Any]:
        if self.obeys:
            self.shelf.keep(read_profile(payload.get("csChargingProfiles") or payload["chargingProfile"]))
            self._settle(self.clock.now())
        return _ACCEPTED

    def _show_schedule(self, payload: dict[str, Any]) -> dict[str, Any]:
        """What it keeps to, in the unit that is asked for."""
        now, duration_s = self.clock.now(), payload["duration"]
        unit = payload.get("chargingRateUnit", "A")
        per_unit_w = 1 if unit == "W" else NOMINAL_V * PHASES
        periods = [
            {"startPeriod": start_s, "limit": round(limit_w / per_unit_w, 1)}
            for start_s, limit_w in self.shelf.schedule(now, duration_s, MOST_W)
        ]
        return self._tongue.schedule(now, duration_s, unit, periods)

    def _start(self, payload: dict[str, Any]) -> dict[str, Any]:
        """Only where a cable is in: these stations do not wait for one."""
        if self.car is None or self.reference is not None or self._wanted is not None:
            return _REJECTED
        token = payload.get("idTag") or payload["idToken"]["idToken"]
        remote_id = payload.get("remoteStartId")
        self._wanted = Ticket(token=token, name=self._next_name(), remote_start_id=remote_id)
        self._report_at = self.clock.now() + SOON
        return _ACCEPTED

    def _stop(self, payload: dict[str, Any]) -> dict[str, Any]:
        if self.reference is None or str(payload["transactionId"]) != self.reference:
            return _REJECTED
        self._stop_wanted = True
        self._report_at = self.clock.now() + SOON
        return _ACCEPTED


_ORDERS = {
    "SetChargingProfile": Charger._keep_profile,
    "GetCompositeSchedule": Charger._show_schedule,
    "RemoteStartTransaction": Charger._start,
    "RequestStartTransaction": Charger._start,
    "RemoteStopTransaction": Charger._stop,
    "RequestStopTransaction": Charger._stop,
}
"""What a charger can be told, in the words of both versions."""
