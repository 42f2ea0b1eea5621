"""The audit log: who changed what, each entry's hash covering the one before it, so that a change of the past shows.

A chain proves its order and its content up to its head, not that the head is the last one there was: keep the head
somewhere else, and verify against it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime

import msgspec

from dwell.domain.ids import OrganizationId

START = bytes(32)
"""What the first entry of a chain takes for its predecessor's hash."""
INSTALLATION = OrganizationId("")
"""Whose chain holds what belongs to no organization: prices of markets."""


class Actor(msgspec.Struct, frozen=True, kw_only=True):
    """Who acts: `kind` is client, api_key, token, user or cli; `name` never a secret; `address` an IP, or empty."""

    kind: str
    name: str
    address: str = ""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What was done to which thing. `before` and `after` are JSON without secrets, empty where there is none."""

    thing: str
    thing_id: str
    action: str
    before: str = ""
    after: str = ""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One link; numbers of a chain begin with 1 and have no gaps."""

    organization_id: OrganizationId
    number: int
    at: datetime
    actor: Actor
    change: Change
    previous_hash: bytes
    hash: bytes


class Head(msgspec.Struct, frozen=True):
    """Where a chain ends, or ended once: an entry's number and its hash."""

    number: int
    hash: bytes

    def __str__(self) -> str:
        return f"{self.number}:{self.hash.hex()}"


class Break(msgspec.Struct, frozen=True):
    """The first link that does not hold, and why."""

    number: int
    reason: str


def read_head(text: str) -> Head:
    """The head that was printed as `NUMBER:HASH`. Raises ValueError."""
    number, _, digits = text.strip().partition(":")
    value = bytes.fromhex(digits)
    if not number.isdecimal() or len(value) != len(START):
        raise ValueError("a head is a number, a colon and 64 hexadecimal digits")
    return Head(int(number), value)


def entry_after(
    head: Head, organization_id: OrganizationId, at: datetime, *, actor: Actor, change: Change
) -> Entry:
    """The next link of the chain that ends in `head`."""
    entry = Entry(
        organization_id=organization_id,
        number=head.number + 1,
        at=at,
        actor=actor,
        change=change,
        previous_hash=head.hash,
        hash=START,
    )
    return msgspec.structs.replace(entry, hash=hash_of(entry))


def hash_of(entry: Entry) -> bytes:
    """SHA-256 over the entry's canonical bytes: a JSON list of all it says, its predecessor's hash first."""
    actor, change = entry.actor, entry.change
    said = [
        entry.previous_hash.hex(),
        entry.organization_id,
        entry.number,
        entry.at.isoformat(timespec="microseconds"),
        [actor.kind, actor.name, actor.address],
        [change.thing, change.thing_id, change.action, change.before, change.after],
    ]
    return hashlib.sha256(msgspec.json.encode(said)).digest()


class Verifier:
    """Walks a chain from its beginning; stops at the first link that does not hold."""

    def __init__(self, organization_id: OrganizationId, anchor: Head | None = None) -> None:
        self.head = Head(0, START)
        self.broken: Break | None = None
        self._organization_id = organization_id
        self._anchor = anchor

    def take(self, entries: Iterable[Entry]) -> None:
        """The next entries as they are stored."""
        for entry in entries:
            if self.broken is None:
                self.broken = self._fault(entry)
            if self.broken is None:
                self.head = Head(entry.number, entry.hash)

    def finish(self) -> Break | None:
        """The first break, once all entries were taken; a chain that does not reach its anchor was cut."""
        anchor = self._anchor
        if self.broken is None and anchor is not None and self.head.number < anchor.number:
            reason = f"the chain ends here; the head kept outside is number {anchor.number}"
            self.broken = Break(self.head.number + 1, reason)
        return self.broken

    def _fault(self, entry: Entry) -> Break | None:
        expected, anchor = self.head.number + 1, self._anchor
        if entry.organization_id != self._organization_id:
            return Break(expected, "the entry is another organization's")
        if entry.number != expected:
            return Break(expected, f"the entry is missing; number {entry.number} follows")
        if entry.previous_hash != self.head.hash:
            return Break(expected, "it does not follow the entry before it")
        if entry.hash != hash_of(entry):
            return Break(expected, "its content is not what was hashed")
        if anchor is not None and entry.number == anchor.number and entry.hash != anchor.hash:
            return Break(expected, "its hash is not the one kept outside")
        return None
