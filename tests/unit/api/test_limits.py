"""The rate limit, and the shape of credentials."""

from __future__ import annotations

import pytest

from dwell.adapters.clock import SystemClock
from dwell.adapters.ids import SystemIds
from dwell.adapters.storage.memory import MemoryStore
from dwell.application.credentials import Keyring, create_organization, is_well_formed
from dwell.application.ports import Ports
from dwell.application.rates import ADDRESSES_AT_MOST, RateLimit


def test_an_address_waits_when_its_bucket_is_empty_and_no_other_does() -> None:
    limit = RateLimit(60)
    assert limit.wait_s("192.0.2.1", 0) == 0
    limit.charge("192.0.2.1", 0, units=60)
    assert limit.wait_s("192.0.2.1", 0) == 1
    assert limit.wait_s("192.0.2.1", 0.5) == 0.5
    assert limit.wait_s("192.0.2.1", 1) == 0
    assert limit.wait_s("192.0.2.2", 0) == 0


def test_what_is_saved_up_has_a_bound() -> None:
    limit = RateLimit(60)
    limit.charge("a", 0, units=1)
    limit.charge("a", 1_000_000, units=60)
    assert limit.wait_s("a", 1_000_000) == 1


def test_an_ipv6_caller_is_its_network() -> None:
    limit = RateLimit(60)
    limit.charge("2001:db8:0:1::5", 0, units=60)
    assert limit.wait_s("2001:db8:0:1:ffff::9", 0) > 0
    assert limit.wait_s("2001:db8:0:2::5", 0) == 0


def test_the_memory_of_addresses_is_bounded() -> None:
    limit = RateLimit(60)
    limit.charge("first", 0, units=60)
    for number in range(ADDRESSES_AT_MOST):
        limit.charge(f"address {number}", 0, units=60)
    assert limit.wait_s("first", 0) == 0
    assert limit.wait_s(f"address {ADDRESSES_AT_MOST - 1}", 0) > 0


@pytest.mark.anyio
async def test_a_credential_with_a_wrong_letter_is_not_well_formed() -> None:
    ports = Ports(MemoryStore(), SystemClock(), SystemIds())
    new = await create_organization(ports, Keyring(b"k" * 32), "Acme")
    for text in (new.client_id, new.client_secret, new.api_key):
        assert is_well_formed(text)
        assert ":" not in text
        for position in range(10, len(text)):
            letter = "a" if text[position] != "a" else "b"
            assert not is_well_formed(text[:position] + letter + text[position + 1 :])
    for other in ("", "dwell_key_", "dwell_key_ü", "x" * 300, "dwell_key_" + "x" * 300):
        assert not is_well_formed(other)
