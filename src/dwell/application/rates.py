"""Rates: buckets that hold whoever tries something to so many tries a minute."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

ADDRESSES_AT_MOST = 10_000
"""How many callers a rate limit remembers; the one not seen for longest is forgotten."""


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
