"""Cursors: where a page ends, signed, and bound to the organization, the list and its filters.

A cursor that was changed, or is shown to another list, to the same list with other filters, or by another
organization, is no cursor at all. The page size is not part of it.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping

import msgspec

from dwell.api.shared.problems import HttpRefusal, Issue
from dwell.application.credentials import Keyring

Key = tuple[int | str, ...]
_MAC_BYTES = 16
_LONGEST = 512
_encode = msgspec.json.Encoder(order="deterministic").encode


class Place(msgspec.Struct, frozen=True, array_like=True):
    """A row of a list: its sort key, most significant part first."""

    key: Key


class Binding(msgspec.Struct, frozen=True):
    """What a cursor belongs to."""

    organization_id: str
    operation: str
    filters: Mapping[str, str]


_decode = msgspec.json.Decoder(Place).decode


def write_cursor(keyring: Keyring, binding: Binding, key: Key) -> str:
    """The cursor of the row with this sort key."""
    place = _encode(Place(key))
    return base64.urlsafe_b64encode(_mac(keyring, binding, place) + place).decode().rstrip("=")


def read_cursor(keyring: Keyring, binding: Binding, name: str, text: str) -> Key:
    """The sort key that `write_cursor` was given. Raises HttpRefusal for any other text."""
    try:
        if len(text) > _LONGEST or not text.isascii():
            raise ValueError("not a cursor")
        packed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        mac, place = packed[:_MAC_BYTES], packed[_MAC_BYTES:]
        if not hmac.compare_digest(mac, _mac(keyring, binding, place)):
            raise ValueError("not a cursor of ours")
        return _decode(place).key
    except (ValueError, binascii.Error, msgspec.DecodeError) as error:
        issue = Issue(name, "is not a cursor of this list with these filters")
        raise HttpRefusal(400, "The cursor cannot be used here.", issues=[issue]) from error


def _mac(keyring: Keyring, binding: Binding, place: bytes) -> bytes:
    return keyring.digest("cursor", f"{_encode(binding).decode()}\x00{place.decode('latin-1')}")[:_MAC_BYTES]
