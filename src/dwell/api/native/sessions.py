"""A session as the product itself knows it: the outcome in both vocabularies, with words, and the plan with reasons."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import msgspec

from dwell.application.queries import SessionView
from dwell.domain.session.record import Promise, Session
from dwell.domain.session.steering import Order
from dwell.domain.session.words import HELD_BACK, OUTCOMES


class Outcome(msgspec.Struct, frozen=True):
    """`state`: ON_TRACK, AT_RISK, REACHED or MISSED, null without target. `reason`: why, in a word and in sentences."""

    state: str | None
    target_number: int | None
    reason: str
    sentence_en: str
    sentence_de: str


class PlannedBlock(msgspec.Struct, frozen=True):
    """A block of the plan in force, in W and Wh, with its reason in words."""

    type: str
    start: datetime
    end: datetime
    power_w: int
    energy_wh: int
    reason: str


class PlanInForce(msgspec.Struct, frozen=True):
    """The newest plan: when it was made, what it says, and the share of real prices behind it (0 to 1)."""

    made_at: datetime
    target_number: int
    sentence: str
    reachable: bool
    price_coverage: float
    expected_savings: Decimal | None
    blocks: tuple[PlannedBlock, ...]


class OrderInForce(msgspec.Struct, frozen=True):
    """What the vehicle was last told: START or STOP, and PENDING, SENT, CONFIRMED or FAILED."""

    id: str
    kind: str
    power_w: int
    state: str
    attempts: int
    sent_at: datetime | None
    confirmed_at: datetime | None
    answer: str | None


class SessionDetail(msgspec.Struct, frozen=True, kw_only=True):
    """One session. Energy in Wh; `hidden` ones (short) are served by id like any other.

    `suspect` ones, for the reasons named, are left out of sums until `suspect_accepted`.
    """

    id: str
    vehicle_id: str
    policy_id: str | None
    location_id: str | None
    state: str
    mode: str
    revision: int
    plugged_in_at: datetime | None
    plugged_out_at: datetime | None
    inferred_end_at: datetime | None
    settled_at: datetime | None
    energy_wh: int
    energy_source: str | None
    hidden: bool
    suspect: tuple[str, ...]
    suspect_accepted: bool
    outcome: Outcome
    error: str | None
    plan: PlanInForce | None
    order: OrderInForce | None


def detail_of(view: SessionView) -> SessionDetail:
    """The session as it is served."""
    session = view.session
    return SessionDetail(
        id=session.id,
        vehicle_id=session.vehicle_id,
        policy_id=session.policy_id,
        location_id=session.location_id,
        state=session.state,
        mode=session.mode,
        revision=session.revision,
        plugged_in_at=session.plugged_in_at,
        plugged_out_at=session.plugged_out_at,
        inferred_end_at=session.inferred_end_at,
        settled_at=session.settled_at,
        energy_wh=session.energy_wh,
        energy_source=session.energy_source,
        hidden=session.short,
        suspect=session.suspect,
        suspect_accepted=session.suspect_accepted,
        outcome=_outcome(session, held_back=view.held_back),
        error=session.error.type if session.error is not None else None,
        plan=_plan(session.promise) if session.promise is not None else None,
        order=_order(view.order) if view.order is not None else None,
    )


def _outcome(session: Session, *, held_back: bool) -> Outcome:
    state, words = session.outcome, HELD_BACK if held_back else OUTCOMES[session.reason]
    return Outcome(
        state.state if state is not None else None,
        state.target_number if state is not None else None,
        session.reason,
        words.en,
        words.de,
    )


def _plan(promise: Promise) -> PlanInForce:
    rows = zip(promise.blocks, promise.powers_w, promise.reasons, strict=True)
    return PlanInForce(
        promise.made_at,
        promise.target_number,
        promise.sentence,
        promise.reachable,
        promise.price_coverage,
        promise.expected_savings,
        tuple(PlannedBlock(b.type, b.start_at, b.end_at, w, b.energy_wh, why) for b, w, why in rows),
    )


def _order(order: Order) -> OrderInForce:
    return OrderInForce(
        order.id,
        order.kind,
        order.power_w,
        order.state,
        order.attempts,
        order.sent_at,
        order.confirmed_at,
        order.answer,
    )
