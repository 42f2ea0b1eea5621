"""The rate limit, and the shape of credentials."""

from __future__ import annotations

from dwell.adapters.ids import SystemIds
from dwell.api.shared.limits import ADDRESSES_AT_MOST, RateLimit
from dwell.application.credentials import is_well_formed


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


def test_a_credential_with_a_wrong_letter_is_not_well_formed() -> None:
    from dwell.application.credentials import _new

    text = _new("api_key", SystemIds().new_secret())
    assert is_well_formed(text)
    assert ":" not in text
    assert text.startswith("dwell_key_")
    for position in range(10, len(text)):
        letter = "a" if text[position] != "a" else "b"
        assert not is_well_formed(text[:position] + letter + text[position + 1 :])
    for other in ("", "dwell_key_", "dwell_key_ü", "x" * 300, "dwell_key_" + "x" * 300):
        assert not is_well_formed(other)
