"""Where webhooks may go. Everything inside is forbidden unless the operator allows its network.

The same rule is asked twice: of the address as written, when a webhook is registered, and of the address that is really
connected to, at every delivery, so that a name which changes its mind in between gains nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import SplitResult, urlsplit

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

PORTS = frozenset({80, 443, 8080, 8443})
_SECURE, _PLAIN = "https", "http"
_HOST_LENGTH = 253
_NAT64 = IPv6Network("64:ff9b::/96")
_FORBIDDEN = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8",
        "100.64.0.0/10",  # carriers' NAT
        "192.0.0.0/24",
        "192.88.99.0/24",
        "198.18.0.0/15",
        "240.0.0.0/4",
        "64:ff9b:1::/48",  # an operator's own NAT64 (RFC 8215): where the IPv4 address sits in it, only they know
        "fec0::/10",
        "5f00::/16",
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetRules:
    """What the operator allows: `networks` beside the public ones (any port of them), and http:// without TLS."""

    networks: tuple[Network, ...] = ()
    plain_http: bool = False

    def fault_of_address(self, address: str, port: int) -> str | None:
        """Why an address may not be connected to, or None. The words tell nothing of what is there."""
        try:
            parsed = ip_address(address.partition("%")[0])
        except ValueError:
            return "is not an address that is taken"
        if any(parsed.version == network.version and parsed in network for network in self.networks):
            return None
        if not all(is_public(one) for one in _meant(parsed)):
            return "is not an address that is taken"
        if port not in PORTS:
            return f"has a port that is not one of {', '.join(map(str, sorted(PORTS)))}"
        return None

    def fault_of_url(self, text: str) -> str | None:
        """Why a URL as written cannot be a target, or None; a name in it is looked up by somebody else."""
        try:
            parts = urlsplit(text)
            port = port_of(parts)
        except ValueError:
            return "is not a URL"
        fault = _fault_of_parts(text, parts, allows_plain=self.plain_http)
        if fault is not None:
            return fault
        literal = _literal(parts.hostname or "")
        if literal is not None:
            return self.fault_of_address(literal, port)
        if not self.networks and port not in PORTS:
            return f"has a port that is not one of {', '.join(map(str, sorted(PORTS)))}"
        return None


def port_of(parts: SplitResult) -> int:
    """The port, also where it is not written. Raises ValueError for one that is none."""
    return parts.port if parts.port is not None else 443 if parts.scheme == _SECURE else 80


def is_public(address: Address) -> bool:
    """Whether anybody may be reached there over the internet."""
    if any(address.version == network.version and address in network for network in _FORBIDDEN):
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _meant(address: Address) -> list[Address]:
    """The address, and those that it carries within: mapped, 6to4, Teredo, NAT64."""
    found: list[Address] = [address]
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return [address.ipv4_mapped]
        if address.sixtofour is not None:
            found.append(address.sixtofour)
        if address.teredo is not None:
            found.extend(address.teredo)
        if address in _NAT64:
            return [IPv4Address(int(address) & 0xFFFF_FFFF)]
        if int(address) >> 32 == 0:  # the old IPv4-compatible form
            found.append(IPv4Address(int(address) & 0xFFFF_FFFF))
    return found


def _fault_of_parts(text: str, parts: SplitResult, *, allows_plain: bool) -> str | None:
    host = parts.hostname
    if not text.isascii() or not text.isprintable() or " " in text or "\\" in text:
        return "must be written in visible ASCII (a name in another alphabet as xn--…)"
    if parts.scheme != _SECURE and not (allows_plain and parts.scheme == _PLAIN):
        return "must begin with https://"
    if not host or len(host) > _HOST_LENGTH or host.endswith(".") or ".." in host or "%" in host:
        return "has no host that can be used"
    if "@" in parts.netloc or parts.fragment:
        return "must have neither a user nor a fragment"
    return None


def _literal(host: str) -> str | None:
    """The address that `host` spells, also as one number, in octal, hexadecimal, or short; None for a name."""
    try:
        return str(ip_address(host))
    except ValueError:
        pass
    parts = host.split(".")
    if not all(parts) or len(parts) > 4 or not parts[-1][0].isdigit():
        return None
    try:
        numbers = [_number(part) for part in parts]
    except ValueError:
        return None
    *heads, last = numbers
    if any(head > 255 for head in heads) or last >= 256 ** (4 - len(heads)):
        return "0.0.0.0"  # no address at all: as little as this one
    value = last
    for index, head in enumerate(heads):
        value |= head << (24 - 8 * index)
    return str(IPv4Address(value))


def _number(text: str) -> int:
    """A number as the C library reads the parts of an address."""
    if text.lower().startswith("0x"):
        return int(text, 16)
    return int(text, 8) if text.startswith("0") and len(text) > 1 else int(text)
