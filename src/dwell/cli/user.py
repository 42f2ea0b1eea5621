"""`dwell user`: people who sign in, their passwords and roles."""

from __future__ import annotations

import json
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

import click

from dwell.cli.surroundings import operator, run, settings_of
from dwell.domain.ids import OrganizationId, UserId
from dwell.domain.registry import ROLES

if TYPE_CHECKING:
    from dwell.application.ports import Ports
    from dwell.domain.registry import Role, User

T = TypeVar("T")
PAGE = 500
_WHO = "USER is a user's id or the caller's own reference of it."
_ROLE = click.Choice(ROLES)


@click.group()
def user() -> None:
    """Users who sign in to the Partner interface and the pages: passwords and roles."""


@user.command()
@click.argument("organization_id", type=click.UUID)
@click.argument("email")
@click.option("--role", type=_ROLE, default="user", show_default=True, help="What the user may do.")
@click.option("--first-name")
@click.option("--last-name")
@click.option("--reference", help="Your own name of the user; else the e-mail address.")
@click.option("--no-password", is_flag=True, help="Do not ask for a password: the user cannot sign in.")
@click.pass_context
def add(
    context: click.Context,
    *,
    organization_id: object,
    email: str,
    role: Role,
    first_name: str | None,
    last_name: str | None,
    reference: str | None,
    no_password: bool,
) -> None:
    """Make a user of an organization who signs in by EMAIL, and print its id.

    The password is asked for, or read from standard input where that is no terminal.
    """
    from dwell.application.queries import organization_exists
    from dwell.application.users import Person, add_user
    from dwell.domain.errors import NotFound

    owner, password = OrganizationId(str(organization_id)), "" if no_password else _password()
    person = Person(email=email, first_name=first_name, last_name=last_name, external_id=reference or email)

    async def work(ports: Ports) -> str:
        from dwell.adapters.passwords import Argon2Passwords
        from dwell.application.passwords import check_new, set_password

        if not await organization_exists(ports, owner):
            raise NotFound("There is no such organization.")
        if password:
            await check_new(ports, email, password)
        made = await add_user(ports, owner, person, role=role)
        if password:
            await set_password(ports, Argon2Passwords(), owner, made.id, login=email, password=password)
        return made.id

    click.echo(_with_ports(context, work))


@user.command(name="password", epilog=_WHO)
@click.argument("organization_id", type=click.UUID)
@click.argument("user")
@click.option(
    "--login", help="What the user signs in by; else what it signs in by now, or its e-mail address."
)
@click.option("--remove", is_flag=True, help="Take the password away: the user cannot sign in any more.")
@click.pass_context
def change_password(
    context: click.Context, *, organization_id: object, user: str, login: str | None, remove: bool
) -> None:
    """Give a user a password; its tokens and whatever it is signed in to end at once.

    The password is asked for, or read from standard input where that is no terminal.
    """
    owner, password = OrganizationId(str(organization_id)), "" if remove else _password()

    async def work(ports: Ports) -> None:
        from dwell.adapters.passwords import Argon2Passwords
        from dwell.application.passwords import remove_password, set_password

        found = await _found(ports, owner, user)
        if remove:
            await remove_password(ports, owner, found.id)
            return
        name = login or found.login or found.email or found.reference
        await set_password(ports, Argon2Passwords(), owner, found.id, login=name, password=password)

    _with_ports(context, work)
    click.echo("The user cannot sign in any more." if remove else "The password is set.")


@user.command(name="role", epilog=_WHO)
@click.argument("organization_id", type=click.UUID)
@click.argument("user")
@click.argument("role", type=_ROLE)
@click.pass_context
def change_role(context: click.Context, *, organization_id: object, user: str, role: Role) -> None:
    """Give a user another role, from its next request on."""
    owner = OrganizationId(str(organization_id))

    async def work(ports: Ports) -> None:
        from dwell.application.users import set_role

        await set_role(ports, owner, (await _found(ports, owner, user)).id, role)

    _with_ports(context, work)
    click.echo(f"The user's role is {role}.")


@user.command(name="list")
@click.argument("organization_id", type=click.UUID)
@click.option("--all", "everybody", is_flag=True, help="Those who cannot sign in too.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_context
def list_users(context: click.Context, *, organization_id: object, everybody: bool, as_json: bool) -> None:
    """List an organization's users who can sign in."""
    owner = OrganizationId(str(organization_id))

    async def work(ports: Ports) -> list[User]:
        from dwell.application.users import users_page

        found: list[User] = []
        page = await users_page(ports, owner, limit=PAGE)
        while page:
            found += [one for one in page if everybody or one.login]
            page = await users_page(ports, owner, after_id=page[-1].id, limit=PAGE)
        return found

    for one in _with_ports(context, work):
        row = {
            "id": one.id,
            "login": one.login or None,
            "role": one.role,
            "reference": one.reference,
            "email": one.email,
        }
        shown = f"{one.id}  {one.role:5}  {one.login or 'cannot sign in'}  {one.reference}"
        click.echo(json.dumps(row) if as_json else shown)


async def _found(ports: Ports, owner: OrganizationId, text: str) -> User:
    """The user of that id or, if there is none, of that reference. Raises NotFound."""
    from dwell.application.users import user_by_id, user_by_reference
    from dwell.domain.errors import NotFound

    try:
        return await user_by_id(ports, owner, UserId(text))
    except NotFound:
        return await user_by_reference(ports, owner, text)


def _password() -> str:
    """From the keyboard, twice and unseen, or the first line of standard input."""
    if sys.stdin.isatty():
        return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))
    return sys.stdin.readline().rstrip("\r\n")


def _with_ports(context: click.Context, use: Callable[[Ports], Awaitable[T]]) -> T:
    from dwell.application.audit import acting
    from dwell.bootstrap import opened_ports

    settings = settings_of(context)

    async def work() -> T:
        async with opened_ports(settings, create=True) as ports:
            return await use(acting(ports, operator()))

    return run(work())
