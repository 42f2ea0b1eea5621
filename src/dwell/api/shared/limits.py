"""Limits, each with its name and its reason, and the bucket that holds a caller to a rate."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

BODY_BYTES = 8 * 1024 * 1024
"""A request's body, as it comes and after inflation."""
SMALL_BODY_BYTES = 256 * 1024
"""The body of an operation on one thing."""
FORM_BYTES = 16 * 1024
URL_BYTES = 8 * 1024
HEADER_BYTES = 32 * 1024
HEADER_COUNT = 100
PAGE_SIZE = 50
PAGE_SIZE_AT_MOST = 200
DRAIN_BYTES = 32 * 1024 * 1024
DRAIN_S = 5.0
"""How much of a refused body is read on, and for how long, so that its sender lives to read the refusal."""
ADDRESSES_AT_MOST = 10_000
"""How many callers a rate limit remembers; the one not seen for longest is forgotten."""

FAILURE_COSTS = 10
"""A refused attempt at a token weighs as much as so many granted ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpLimits:
    """Limits that an operator may set."""

    body_timeout_s: float = 30.0
    token_attempts_per_minute: int = 600


@dataclass(slots=True)
class _Bucket:
    left: float
    seen_s: float


class RateLimit:
    """A leaky bucket for each address: `per_minute` units a minute, all of them at once if saved up.

    Single-threaded; the caller gives the time, in seconds of a clock that never goes back.
    """

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def wait_s(self, address: str, now_s: float) -> float:
        """Seconds until the address may try again; 0 if it may now."""
        bucket = self._refilled(address, now_s)
        return 0.0 if bucket.left >= 1 else (1 - bucket.left) * 60 / self._per_minute

    def charge(self, address: str, now_s: float, *, units: int) -> float:
        """Take units from the address, at most until its bucket is empty. Returns how many were taken."""
        bucket = self._refilled(address, now_s)
        taken = min(bucket.left, units)
        bucket.left -= taken
        return taken

    def refund(self, address: str, now_s: float, *, units: float) -> None:
        """Give back what was taken, to what one may save up at most."""
        bucket = self._refilled(address, now_s)
        bucket.left = min(self._per_minute, bucket.left + units)

    def _refilled(self, address: str, now_s: float) -> _Bucket:
        network = network_of(address)
        bucket = self._buckets.pop(network, None) or _Bucket(self._per_minute, now_s)
        bucket.left = min(self._per_minute, bucket.left + (now_s - bucket.seen_s) * self._per_minute / 60)
        bucket.seen_s = now_s
        self._buckets[network] = bucket
        if len(self._buckets) > ADDRESSES_AT_MOST:
            self._buckets.popitem(last=False)
        return bucket


def network_of(address: str) -> str:
    """An IPv6 caller has a whole /64 to call from."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    return str(int(parsed) >> 64) if isinstance(parsed, IPv6Address) else address
