"""Encryption of stations' sockets: TLS 1.2 or newer, with certificates of the stations' own where asked for."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import Any

from dwell.domain.errors import Refused
from dwell.gateway.options import GatewayOptions


def encryption_of(options: GatewayOptions) -> ssl.SSLContext | None:
    """The context by the settings, None for none (security profiles 0 and 1). Raises Refused for unusable files."""
    if not options.certificate:
        if options.private_key or options.client_ca:
            raise Refused(
                "DWELL_GATEWAY_CERTIFICATE is missing: there is no TLS without it", code="gateway_tls"
            )
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(options.certificate, options.private_key or None)
        if options.client_ca:
            context.load_verify_locations(options.client_ca)
            context.verify_mode = ssl.CERT_REQUIRED
    except (OSError, ssl.SSLError) as error:
        raise Refused(f"the gateway's TLS files cannot be used: {error}", code="gateway_tls") from error
    return context


def names_in(certificate: Mapping[str, Any] | None) -> frozenset[str]:
    """The names that a station's verified certificate is about: its common name, and alternative names."""
    if not certificate:
        return frozenset()
    subject = (pair for part in certificate.get("subject", ()) for pair in part)
    alternatives = (text for kind, text in certificate.get("subjectAltName", ()) if kind == "DNS")
    return frozenset([*(text for kind, text in subject if kind == "commonName"), *alternatives])
