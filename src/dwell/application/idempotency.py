"""Requests with an idempotency key: their effect happens once, and whoever repeats one gets the first answer.

A key is claimed in a transaction of its own, so that a twin that comes meanwhile learns of it at once. The effect and
its answer are then committed together. A claim whose holder died lapses, and the request may be made again; nothing had
been applied then.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from hashlib import sha256

import msgspec

from dwell.application.ports import Ports, Transaction
from dwell.application.records import KeptAnswer
from dwell.domain.errors import Conflict, DwellError, Unavailable
from dwell.domain.ids import OrganizationId

KEPT = timedelta(hours=24)
LOCK = timedelta(seconds=60)
OTHER_BODY, IN_USE = "idempotency_body", "idempotency_in_use"

Effect = Callable[[Transaction], Awaitable[tuple[int, bytes]]]


async def once(
    ports: Ports, name: tuple[OrganizationId, str], request: bytes, effect: Effect
) -> tuple[int, bytes]:
    """Status and body of the answer to `request`, which is applied by `effect` if it is the first of its key.

    `name` is the organization and the key. Raises Conflict with the code `IN_USE` while another with the key is at
    work, `OTHER_BODY` for another request under a key of the last 24 h; and what `effect` raises, which frees the key.
    """
    now = ports.clock.now()
    claim = KeptAnswer(
        organization_id=name[0],
        key=name[1],
        body_digest=sha256(request).digest(),
        created_at=now,
        locked_until=now + LOCK,
        holder=ports.ids.new_id(),
    )
    known = await ports.store.write(lambda tx: _take(tx, claim))
    if known is not None and known.status is None:
        raise Conflict("A request with this Idempotency-Key is under way.", code=IN_USE)
    if known is not None and known.status is not None:
        return known.status, known.body
    try:
        return await ports.store.write(lambda tx: _apply(tx, claim, effect))
    except DwellError:
        await ports.store.write(lambda tx: _free(tx, claim))
        raise


async def _take(tx: Transaction, claim: KeptAnswer) -> KeptAnswer | None:
    """Claim the key; or what is known of it, where it is answered or somebody is at work."""
    now = claim.created_at
    await tx.forget_kept_answers_before(claim.organization_id, now - KEPT)
    known = await tx.kept_answer(claim.organization_id, claim.key)
    if known is not None and known.body_digest != claim.body_digest:
        raise Conflict("The Idempotency-Key was used for another request.", code=OTHER_BODY)
    if known is not None and (known.status is not None or known.locked_until > now):
        return known
    await tx.save_kept_answer(claim)
    return None


async def _apply(tx: Transaction, claim: KeptAnswer, effect: Effect) -> tuple[int, bytes]:
    held = await tx.kept_answer(claim.organization_id, claim.key)
    if held is None or held.holder != claim.holder:
        raise Unavailable("the request took too long, another has taken its key", code="lock_lapsed")
    status, body = await effect(tx)
    await tx.save_kept_answer(msgspec.structs.replace(claim, status=status, body=body))
    return status, body


async def _free(tx: Transaction, claim: KeptAnswer) -> None:
    held = await tx.kept_answer(claim.organization_id, claim.key)
    if held is not None and held.holder == claim.holder and held.status is None:
        await tx.forget_kept_answer(claim.organization_id, claim.key)
