"""Who may call us: organizations and their credentials, issued once, kept as keyed hashes, checked in one way.

A credential is `dwell_KIND_` + random text + six check characters, so that a leaked one is recognised by machines and a
mistyped one costs no look-up. An access token names the client it was issued to, so that a revoked client's tokens
end with it. Whether a secret is known or not, the work is the same: one hash, one look-up, one comparison.
"""

from __future__ import annotations

import hashlib
import hmac
import zlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import msgspec

from dwell.application.ports import Ports, Reader, Transaction
from dwell.application.usage import Usage
from dwell.domain.errors import Fault, NotFound, Refused
from dwell.domain.ids import OrganizationId, UserId
from dwell.domain.registry import Credential, Organization, Role, User

CLIENT = "client"
API_KEY = "api_key"
TOKEN = "token"
USER = "user"
TOKEN_LIFETIME = timedelta(seconds=3600)
TOKEN_EXPIRES_IN_S = 3599
"""What the caller is told: a token lives at least this long from the moment the answer is read."""
NAME_LENGTH = 200

_PREFIXES = {CLIENT: "dwell_cid_", "secret": "dwell_sec_", API_KEY: "dwell_key_", TOKEN: "dwell_tok_"}
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_CHECK_LENGTH = 6
_LONGEST = 256
_NOBODY = bytes(32)


@dataclass(frozen=True, slots=True)
class Keyring:
    """The key with which credentials are hashed and cursors signed. It never leaves the process."""

    key: bytes = field(repr=False)

    def digest(self, purpose: str, text: str) -> bytes:
        """32 bytes that only a holder of the key can compute; each purpose has its own."""
        message = f"{purpose}\x00{text}".encode("utf-8", "surrogatepass")
        return hmac.digest(self.key, message, hashlib.sha256)


Look = Callable[[Reader], Awaitable["Caller | None"]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who a credential speaks for: `kind` and `name` are public, and stand in the audit log.

    A client and an API key act as an administrator of their organization; only a `user` has a `user_id`.
    An API key that `reads_only` is let in where nothing is changed, and nowhere else.
    """

    organization_id: OrganizationId
    kind: str
    name: str
    role: Role = "admin"
    user_id: UserId | None = None
    reads_only: bool = False
    look: Look | None = field(default=None, compare=False, repr=False)
    """Who the same credential speaks for by then."""

    async def still_holds(self, reader: Reader) -> bool:
        """Whether the credential speaks for the same caller, in the same role, in what `reader` sees."""
        return self.look is None or await self.look(reader) == self


class CredentialEnded(Exception):
    """The caller's credential was revoked, or its role changed, after the request began and before its change."""


class NewCredentials(msgspec.Struct, frozen=True, kw_only=True):
    """What a new organization is told, once."""

    organization_id: OrganizationId
    client_id: str
    client_secret: str
    api_key: str


async def create_organization(ports: Ports, keyring: Keyring, name: str) -> NewCredentials:
    """A new tenant with an OAuth2 client and an API key. Raises Refused for a name that cannot be one."""
    if not name.strip() or len(name) > NAME_LENGTH or not name.isprintable():
        raise Refused.because(Fault(field="name", message=f"must be 1 to {NAME_LENGTH} printable characters"))
    now = ports.clock.now()
    organization = Organization(id=OrganizationId(ports.ids.new_id()), name=name.strip(), created_at=now)
    new = NewCredentials(
        organization_id=organization.id,
        client_id=_new(CLIENT, ports.ids.new_secret()),
        client_secret=_new("secret", ports.ids.new_secret()),
        api_key=_new(API_KEY, ports.ids.new_secret()),
    )
    client = Credential(
        organization_id=organization.id,
        kind=CLIENT,
        name=new.client_id,
        secret_hash=keyring.digest(CLIENT, new.client_secret),
        created_at=now,
    )
    api_key = _bearer(keyring, API_KEY, new.api_key, organization_id=organization.id, now=now)

    async def work(tx: Transaction) -> None:
        await tx.add_organization(organization)
        await tx.save_credential(client)
        await tx.save_credential(api_key)

    await ports.store.write(work)
    return new


async def add_api_key(
    ports: Ports, keyring: Keyring, organization_id: OrganizationId, *, reads_only: bool = False
) -> str:
    """A further API key beside those that live, so that callers can move over before the old one goes.

    One that `reads_only` can start no charging, tell no facts and change nothing. Raises NotFound.
    """
    now = ports.clock.now()
    text = _new(API_KEY, ports.ids.new_secret())

    async def work(tx: Transaction) -> None:
        if await tx.organization(organization_id) is None:
            raise NotFound("There is no such organization.")
        key = _bearer(keyring, API_KEY, text, organization_id=organization_id, now=now)
        await tx.save_credential(msgspec.structs.replace(key, reads_only=reads_only))

    await ports.store.write(work)
    return text


async def revoke(ports: Ports, keyring: Keyring, shown: str) -> None:
    """End a client (by its id), an API key or a token (by their text), from the next request on. Raises NotFound."""
    now = ports.clock.now()
    kind = next((k for k, prefix in _PREFIXES.items() if shown.startswith(prefix)), None)

    async def work(tx: Transaction) -> None:
        found = None
        if kind in (CLIENT, API_KEY, TOKEN):
            name = shown if kind == CLIENT else _name(keyring, kind, shown)
            found = await tx.credential(kind, name)
        if found is None:
            raise NotFound("There is no such credential.")
        await tx.save_credential(msgspec.structs.replace(found, revoked_at=found.revoked_at or now))

    await ports.store.write(work)


async def issue_token(
    ports: Ports,
    keyring: Keyring,
    *,
    client_id: str,
    client_secret: str,
    dialect: str,
    lifetime: timedelta = TOKEN_LIFETIME,
) -> str | None:
    """A bearer token for the client that shows its secret; None where the two do not belong together."""
    client, now = await client_of(ports, keyring, client_id, client_secret), ports.clock.now()
    if client is None:
        return None
    text = _new(TOKEN, f"{client_id.removeprefix(_PREFIXES[CLIENT])}.{ports.ids.new_secret()}")
    bearer = _bearer(keyring, TOKEN, text, organization_id=client.organization_id, now=now)
    await _save_token(ports, bearer, dialect=dialect, lifetime=lifetime)
    return text


async def issue_user_token(
    ports: Ports, keyring: Keyring, user: User, *, dialect: str, lifetime: timedelta
) -> str:
    """A bearer token for a user who has signed in; void from the start if its password was changed meanwhile."""
    text = _new(TOKEN, f"{user.id}.{ports.ids.new_secret()}")
    now = ports.clock.now()
    bearer = _bearer(keyring, TOKEN, text, organization_id=user.organization_id, now=now)
    bearer = msgspec.structs.replace(bearer, user_id=user.id, generation=user.generation)
    await _save_token(ports, bearer, dialect=dialect, lifetime=lifetime)
    return text


async def client_of(ports: Ports, keyring: Keyring, client_id: str, client_secret: str) -> Credential | None:
    """The client that lives and has this secret; None where the two do not belong together."""
    digest = keyring.digest(CLIENT, client_secret)

    async def look(reader: Reader) -> Credential | None:
        return await reader.credential(CLIENT, client_id if is_well_formed(client_id) else "")

    client = await ports.store.read(look)
    known = client.secret_hash if client is not None else _NOBODY
    if not hmac.compare_digest(known, digest) or client is None or not _lives(client, ports.clock.now()):
        return None
    return client


async def _save_token(ports: Ports, token: Credential, *, dialect: str, lifetime: timedelta) -> None:
    issued = msgspec.structs.replace(token, expires_at=token.created_at + lifetime, dialect=dialect)

    async def work(tx: Transaction) -> None:
        await tx.save_credential(issued)

    await ports.store.write(work)


async def caller_of_api_key(ports: Ports, keyring: Keyring, shown: str, *, usage: Usage) -> Caller | None:
    """Who shows this API key; None for nobody's, a revoked one or any other text."""
    if not is_well_formed(shown):
        return None

    async def look(reader: Reader) -> Caller | None:
        found = await reader.credential(API_KEY, _name(keyring, API_KEY, shown))
        owner = _owner(found, keyring.digest(API_KEY, shown), ports.clock.now())
        if owner is None or found is None:
            return None
        return Caller(
            organization_id=owner, kind=API_KEY, name=found.name, reads_only=found.reads_only, look=look
        )

    return await _noted(ports, look, usage)


async def caller_of_token(
    ports: Ports, keyring: Keyring, shown: str, *, dialects: frozenset[str], usage: Usage
) -> Caller | None:
    """Who shows this bearer token; None if it is unknown, expired, void, of another dialect, or its holder is gone."""
    if not is_well_formed(shown) or not shown.startswith(_PREFIXES[TOKEN]):
        return None

    async def look(reader: Reader) -> Caller | None:
        token = await reader.credential(TOKEN, _name(keyring, TOKEN, shown))
        owner = _owner(token, keyring.digest(TOKEN, shown), ports.clock.now())
        if token is None or owner is None or token.dialect not in dialects:
            return None
        if token.user_id:
            caller = await _user_calling(reader, token)
        else:
            caller = await _client_calling(reader, owner, _client_id_in(shown), ports.clock.now())
        return replace(caller, look=look) if caller is not None else None

    return await _noted(ports, look, usage)


async def _noted(ports: Ports, look: Look, usage: Usage) -> Caller | None:
    """Who is found, and that the credential was used."""
    caller = await ports.store.read(look)
    if caller is not None and caller.kind in (CLIENT, API_KEY):
        usage.note(caller.kind, caller.name, ports.clock.now())
    return caller


async def _user_calling(reader: Reader, token: Credential) -> Caller | None:
    user = await reader.user(token.organization_id, UserId(token.user_id))
    if user is None or not user.login or token.generation != user.generation:
        return None
    return Caller(
        organization_id=user.organization_id, kind=USER, name=user.id, role=user.role, user_id=user.id
    )


async def _client_calling(
    reader: Reader, owner: OrganizationId, client_id: str, now: datetime
) -> Caller | None:
    client = await reader.credential(CLIENT, client_id)
    if client is None or client.organization_id != owner or not _lives(client, now):
        return None
    return Caller(organization_id=owner, kind=CLIENT, name=client_id)


async def credentials_of(ports: Ports, organization_id: OrganizationId) -> list[Credential]:
    """The clients and API keys of an organization, revoked ones too, oldest first. Raises NotFound."""

    async def look(reader: Reader) -> list[Credential]:
        if await reader.organization(organization_id) is None:
            raise NotFound("There is no such organization.")
        found = list[Credential]()
        for kind in (CLIENT, API_KEY):
            after = None
            while page := await reader.credentials(kind, after=after):
                found += [one for one in page if one.organization_id == organization_id]
                after = page[-1]
        return sorted(found, key=lambda one: one.created_at)

    return await ports.store.read(look)


def _client_id_in(token: str) -> str:
    """The id of the client that the token was issued to, by its text."""
    return _PREFIXES[CLIENT] + token.removeprefix(_PREFIXES[TOKEN]).partition(".")[0]


def is_well_formed(shown: str) -> bool:
    """Whether the text looks like one of ours: prefix, length, check characters."""
    if len(shown) > _LONGEST or not shown.isascii() or not shown.startswith(tuple(_PREFIXES.values())):
        return False
    return _check(shown[:-_CHECK_LENGTH]) == shown[-_CHECK_LENGTH:]


def _new(kind: str, random_text: str) -> str:
    text = _PREFIXES[kind] + random_text
    return text + _check(text)


def _check(text: str) -> str:
    """CRC-32 of the text in base 62: tells a typing fault, and guards nothing."""
    rest, digits = zlib.crc32(text.encode()), list[str]()
    for _ in range(_CHECK_LENGTH):
        rest, digit = divmod(rest, len(_DIGITS))
        digits.append(_DIGITS[digit])
    return "".join(reversed(digits))


def _bearer(
    keyring: Keyring, kind: str, text: str, *, organization_id: OrganizationId, now: datetime
) -> Credential:
    return Credential(
        organization_id=organization_id,
        kind=kind,
        name=_name(keyring, kind, text),
        secret_hash=keyring.digest(kind, text),
        created_at=now,
    )


def _name(keyring: Keyring, kind: str, text: str) -> str:
    """Under what a secret is looked up: a hash of another purpose than the one it is checked by."""
    return keyring.digest(f"{kind}-name", text).hex()[:32]


def _owner(found: Credential | None, digest: bytes, now: datetime) -> OrganizationId | None:
    known = found.secret_hash if found is not None else _NOBODY
    if not hmac.compare_digest(known, digest) or found is None or not _lives(found, now):
        return None
    return found.organization_id


def _lives(credential: Credential, now: datetime) -> bool:
    if credential.revoked_at is not None:
        return False
    return credential.expires_at is None or now < credential.expires_at
