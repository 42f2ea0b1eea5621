"""Where webhooks may go (WH7)."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from dwell.domain.webhooks.targets import TargetRules

STRICT = TargetRules()
FORBIDDEN = [
    "https://127.0.0.1/",
    "https://127.1/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0177.0.0.1/",
    "https://0x7f.1/",
    "https://10.0.0.1/",
    "https://172.16.3.4/",
    "https://192.168.1.1/",
    "https://169.254.169.254/latest/meta-data",
    "https://100.64.0.1/",
    "https://0.0.0.0/",
    "https://0.1.2.3/",
    "https://224.0.0.1/",
    "https://255.255.255.255/",
    "https://198.18.0.1/",
    "https://256.256.256.256/",
    "https://[::1]/",
    "https://[::]/",
    "https://[::ffff:7f00:1]/",
    "https://[::ffff:10.0.0.1]/",
    "https://[::127.0.0.1]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[64:ff9b:1::a00:1]/",
    "https://[64:ff9b:1:7f00:0:100:808:808]/",
    "https://[2002:7f00:1::]/",
    "https://[2001:0:7f00:1::]/",
    "https://[fe80::1]/",
    "https://[fc00::1]/",
    "https://[fec0::1]/",
    "https://[ff02::1]/",
    "https://[fd00:ec2::254]/",
    "https://93.184.216.34:22/",
    "https://93.184.216.34:25/",
    "https://93.184.216.34:5432/",
    "https://example.org:22/",
    "http://example.org/",
    "ftp://example.org/",
    "file:///etc/passwd",
    "gopher://example.org/",
    "https://user@example.org/",
    "https://user:word@example.org/",
    "https://example.org@127.0.0.1/",
    "https://example.org./",
    "https://ex\u00e4mple.org/",
    "https://example.org/#part",
    "https://example..org/",
    "https://exam ple.org/",
    "https://example.org\\@127.0.0.1/",
    "https://:443/",
    "https://[fe80::1%25eth0]/",
    "https://example.org:99999/",
    "not a url",
    "",
]


@pytest.mark.parametrize("url", FORBIDDEN)
def test_a_target_is_refused(url: str) -> None:
    assert STRICT.fault_of_url(url) is not None


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/",
        "https://example.org:8443/hook?x=1",
        "https://93.184.216.34/",
        "https://[2606:2800:220:1:248:1893:25c8:1946]/",
        "https://xn--exmple-cua.org/",
    ],
)
def test_a_target_is_taken(url: str) -> None:
    assert STRICT.fault_of_url(url) is None


def test_an_allowed_network_is_taken_with_any_port_and_no_other_is() -> None:
    rules = TargetRules(networks=(ip_network("10.1.0.0/16"),), plain_http=True)

    assert rules.fault_of_url("http://10.1.2.3:9000/") is None
    assert rules.fault_of_url("http://10.2.2.3/") is not None
    assert rules.fault_of_address("10.1.9.9", 22) is None
    assert rules.fault_of_address("::ffff:10.2.0.1", 443) is not None


def test_what_a_name_leads_to_is_asked_about_whatever_the_name_is() -> None:
    assert STRICT.fault_of_address("169.254.169.254", 443) is not None
    assert STRICT.fault_of_address("93.184.216.34", 443) is None
    assert STRICT.fault_of_address("93.184.216.34", 22) is not None
