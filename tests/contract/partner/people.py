"""Callers of the Partner dialect: by a client, and as a user who signs in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx

from contract.serving import Home, Tenant
from dwell.adapters.passwords import Argon2Passwords
from dwell.application.passwords import set_password
from dwell.application.users import Person, add_user, set_role
from dwell.domain.ids import OrganizationId, UserId, VehicleId
from dwell.domain.registry import Role, User

BASE = "/api/partners/v2.0"
URLS = (f"{BASE}/auth/token", "/oauth2/token/")
PASSWORD = "correct horse battery"
CLIENT_GRANT = {"grant_type": "client_credentials"}
HASHER = Argon2Passwords()


@dataclass(frozen=True, slots=True, kw_only=True)
class Partner:
    """One organization, as its partners call it."""

    tenant: Tenant

    @property
    def organization_id(self) -> OrganizationId:
        return self.tenant.credentials.organization_id

    @property
    def basic(self) -> tuple[str, str]:
        return self.tenant.credentials.client_id, self.tenant.credentials.client_secret

    @property
    def users_path(self) -> str:
        return f"{BASE}/org/{self.organization_id}/users"

    def client(self) -> httpx.Client:
        """A caller with the organization's client token."""
        return self.signed_in(auth=self.basic, json=CLIENT_GRANT)

    def signed_in(self, **request: Any) -> httpx.Client:
        """A caller with the token that this request to the token endpoint gives."""
        client = self.tenant.serving.client()
        answer = client.post(URLS[0], **request)
        assert answer.status_code == 200, answer.text
        client.headers["authorization"] = f"Bearer {answer.json()['access_token']}"
        return client

    def add(self, role: Role, *, login: str, reference: str | None = None) -> User:
        """A user of that role who signs in by that login."""
        serving = self.tenant.serving
        person = Person(email=login, external_id=reference)
        user = serving.run(add_user(serving.ports, self.organization_id, person, role=role))
        self.set_password(user.id, login=login)
        return user

    def set_password(self, user_id: str, *, login: str, password: str = PASSWORD) -> None:
        serving = self.tenant.serving
        serving.run(
            set_password(
                serving.ports,
                HASHER,
                self.organization_id,
                UserId(user_id),
                login=login,
                password=password,
            )
        )

    def set_role(self, user_id: str, role: Role) -> None:
        serving = self.tenant.serving
        serving.run(set_role(serving.ports, self.organization_id, UserId(user_id), role))

    def as_user(self, login: str, password: str = PASSWORD) -> httpx.Client:
        """A caller who is signed in by a password."""
        return self.signed_in(data=password_grant(login, password))


def password_grant(login: str, password: str = PASSWORD) -> dict[str, str]:
    return {"grant_type": "password", "username": login, "password": password}


def owner_of(home: Home) -> str:
    """The id of the user whose home it is."""

    async def look(reader: Any) -> Any:
        owner = home.tenant.credentials.organization_id
        return await reader.vehicle(owner, VehicleId(home.vehicle["id"]))

    serving = home.tenant.serving
    return str(serving.run(serving.ports.store.read(look)).user_id)
