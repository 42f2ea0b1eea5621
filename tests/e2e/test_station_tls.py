"""Stations behind TLS: the server's certificate, versions that are too old, and certificates of stations' own."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidMessage, InvalidStatus
from websockets.typing import Subprotocol

from dwell.adapters.storage.memory import MemoryStore
from dwell.domain.errors import Refused
from dwell.gateway.options import GatewayOptions
from e2e.test_stations import NAME, Site, opened_site

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An authority; certificates of the server, of the station CP-1 and of another; and one that nobody signed."""
    folder = tmp_path_factory.mktemp("certificates")
    authority = _certificate(folder, "ca", "authority", None)
    for name, subject in (("server", "localhost"), ("station", NAME), ("other", "CP-2")):
        _certificate(folder, name, subject, authority)
    _certificate(folder, "alone", NAME, None)
    return folder


Signer = tuple[x509.Name, ec.EllipticCurvePrivateKey]


def _certificate(folder: Path, name: str, subject: str, signer: Signer | None) -> Signer:
    """A certificate and its key as files, signed by the signer or by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    known_as = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
    issuer, signing_key = signer or (known_as, key)
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(known_as)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=signer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(subject)]), critical=False)
        .sign(signing_key, hashes.SHA256())
    )
    (folder / f"{name}.pem").write_bytes(made.public_bytes(Encoding.PEM))
    plain = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / f"{name}.key").write_bytes(plain)
    return known_as, key


def options(folder: Path, *, clients: bool = False) -> GatewayOptions:
    return GatewayOptions(
        certificate=str(folder / "server.pem"),
        private_key=str(folder / "server.key"),
        client_ca=str(folder / "ca.pem") if clients else "",
    )


def trusting(folder: Path, own: str = "") -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=folder / "ca.pem")
    if own:
        context.load_cert_chain(folder / f"{own}.pem", folder / f"{own}.key")
    return context


async def subprotocol(site: Site, context: ssl.SSLContext, *, name: str = NAME) -> str | None:
    """What is agreed on with a station that shows no key."""
    address = f"wss://localhost:{site.port}/ocpp/{name}"
    async with connect(address, ssl=context, subprotocols=[Subprotocol("ocpp1.6")]) as socket:
        return socket.subprotocol


async def test_a_station_with_its_key_comes_in_over_tls(certificates: Path) -> None:
    async with opened_site(MemoryStore(), options(certificates)) as site:
        with pytest.raises(InvalidStatus) as refused:
            await subprotocol(site, trusting(certificates))
        assert refused.value.response.status_code == 401
        old = trusting(certificates)
        with pytest.warns(DeprecationWarning):
            old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
        old.set_ciphers("ALL:@SECLEVEL=0")
        with pytest.raises((ssl.SSLError, OSError)):
            await subprotocol(site, old)


async def test_a_certificate_has_to_be_the_stations_own(certificates: Path) -> None:
    async with opened_site(MemoryStore(), options(certificates, clients=True)) as site:
        assert await subprotocol(site, trusting(certificates, "station")) == "ocpp1.6"
        with pytest.raises(InvalidStatus) as refused:
            await subprotocol(site, trusting(certificates, "other"))
        assert refused.value.response.status_code == 401
        for none_of_ours in ("", "alone"):
            with pytest.raises((ssl.SSLError, OSError, InvalidMessage)):
                await subprotocol(site, trusting(certificates, none_of_ours))


async def test_files_that_cannot_be_used_refuse_to_start(certificates: Path) -> None:
    for wrong in (
        GatewayOptions(certificate="/nowhere"),
        GatewayOptions(client_ca=str(certificates / "ca.pem")),
        GatewayOptions(
            certificate=str(certificates / "server.pem"), private_key=str(certificates / "ca.key")
        ),
    ):
        with pytest.raises(Refused):
            async with opened_site(MemoryStore(), wrong):
                pass
