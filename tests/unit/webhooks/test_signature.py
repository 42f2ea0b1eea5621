"""Signatures: made by us, verified by the public library of the standard."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from dwell.protocols.webhooks.signature import key_of, signed_headers

KEY = b"a key of twenty-four byte"
SECRET = "whsec_" + base64.b64encode(KEY).decode()


@given(body=st.text(max_size=200))
def test_the_public_library_accepts_what_we_sign(body: str) -> None:
    text = '{"text": "' + base64.b64encode(body.encode()).decode() + '"}'
    headers = signed_headers(key_of(SECRET), "msg_1", datetime.now(UTC), text.encode())
    assert Webhook(SECRET).verify(text, headers)


@pytest.mark.parametrize("header", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_any_header_changed_is_refused(header: str) -> None:
    headers = signed_headers(key_of(SECRET), "msg_1", datetime.now(UTC), b"{}")
    headers[header] = "v1,AAAA" if header == "webhook-signature" else headers[header][:-1] + "0x"[::-1]
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify("{}", headers)


def test_a_changed_body_is_refused() -> None:
    headers = signed_headers(key_of(SECRET), "msg_1", datetime.now(UTC), b"{}")
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify("{ }", headers)


def test_a_plain_secret_is_its_own_key() -> None:
    assert key_of("not prefixed") == b"not prefixed"


def test_a_prefixed_secret_that_is_no_base64_is_refused() -> None:
    with pytest.raises(ValueError, match="base64"):
        key_of("whsec_*")
