"""Who may be connected at once: so many in all, so many from one address, and never more than files may be open."""

from __future__ import annotations

import resource
from collections import Counter
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from dwell.application.rates import network_of
from dwell.domain.errors import Refused

FILES_KEPT = 96
"""Open files that connections are never given: store, orders under way, libraries, standard streams."""
CONNECTIONS_LEAST = 16
"""With room for fewer the server does not start."""
RETRY_AFTER_S = 1


@dataclass(frozen=True, slots=True)
class Full:
    """Why somebody is not let in, as status and sentence."""

    status: int
    detail: str


class Crowd:
    """The connections that are open. Single-threaded."""

    def __init__(self, *, at_most: int, at_most_each: int, trusted_proxies: str) -> None:
        self._at_most = at_most
        self._at_most_each = at_most_each
        self._proxies = _Proxies(trusted_proxies)
        self._count = 0
        self._by_network: Counter[str] = Counter()

    def enter(self, address: str) -> Full | None:
        """Count a connection, also one that is not let in: until it leaves it takes a place."""
        network = network_of(address)
        self._count += 1
        self._by_network[network] += 1
        if self._count > self._at_most:
            return Full(503, "There are too many connections; try again.")
        if self._by_network[network] > self._at_most_each and not self._proxies.include(address):
            return Full(429, "There are too many connections from this address.")
        return None

    def leave(self, address: str) -> None:
        """The connection is gone."""
        network = network_of(address)
        self._count -= 1
        self._by_network[network] -= 1
        if not self._by_network[network]:
            del self._by_network[network]


class _Proxies:
    """The addresses and networks of the setting; through one of them many callers come."""

    def __init__(self, setting: str) -> None:
        words = [word.strip() for word in setting.split(",") if word.strip()]
        self._everybody = "*" in words
        self._literal = frozenset(words)
        self._networks = [ip_network(word, strict=False) for word in words if _is_network(word)]

    def include(self, address: str) -> bool:
        if self._everybody or address in self._literal:
            return True
        try:
            parsed = ip_address(address)
        except ValueError:
            return False
        return any(parsed in network for network in self._networks)


def _is_network(word: str) -> bool:
    try:
        ip_network(word, strict=False)
    except ValueError:
        return False
    return True


def room_for_connections(wanted: int) -> int:
    """How many connections can be open, at most `wanted`; the limit of open files is raised as far as is allowed.

    Raises Refused where there is hardly room for any.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return wanted
    needed = wanted + FILES_KEPT
    if soft < needed:
        soft = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    room = min(wanted, soft - FILES_KEPT)
    if room < min(wanted, CONNECTIONS_LEAST):
        least = FILES_KEPT + CONNECTIONS_LEAST
        raise Refused(f"only {soft} files may be open at once; {least} are the least, see `ulimit -n`")
    return room
