"""The first schema: who there is, what happened, what it cost.

A migration is a fixed record of a change: it spells out what it makes and does not look at `tables`.
"""

from __future__ import annotations

from typing import Any

from alembic import op
from sqlalchemy import BigInteger, Column, Identity, Integer, LargeBinary, PrimaryKeyConstraint, Text, text

revision = "0001"
down_revision: str | None = None


def upgrade() -> None:
    """Only forwards; the way back is the backup made before."""
    _organizations_and_users()
    _places_and_vehicles()
    _policies()
    _tracks_and_orders()
    _sessions()
    _session_indexes()
    _outbox()
    _facts()
    _prices()


def _organizations_and_users() -> None:
    op.create_table("organizations", _text("id"), _blob("body"), PrimaryKeyConstraint("id"))
    op.create_table(
        "credentials",
        _text("kind"),
        _blob("name_digest"),
        _text("organization_id"),
        _blob("body"),
        PrimaryKeyConstraint("kind", "name_digest"),
    )
    op.create_table(
        "users",
        _text("organization_id"),
        _text("id"),
        _blob("reference_digest"),
        _blob("body"),
        PrimaryKeyConstraint("organization_id", "id"),
    )
    op.create_index("users_by_reference", "users", ["organization_id", "reference_digest"], unique=True)


def _places_and_vehicles() -> None:
    op.create_table(
        "locations",
        _text("organization_id"),
        _text("id"),
        _text("user_id"),
        _whole("created_at"),
        _whole("deleted"),
        _blob("body"),
        PrimaryKeyConstraint("organization_id", "id"),
    )
    op.create_index("locations_by_user", "locations", ["organization_id", "user_id", "id"])
    op.create_table(
        "vehicles",
        _text("organization_id"),
        _text("id"),
        _text("user_id"),
        _whole("deleted"),
        _blob("body"),
        PrimaryKeyConstraint("organization_id", "id"),
    )
    op.create_index("vehicles_by_user", "vehicles", ["organization_id", "user_id", "id"])


def _policies() -> None:
    op.create_table(
        "policies",
        _text("organization_id"),
        _text("id"),
        _text("vehicle_id"),
        _text("location_id"),
        _text("user_id"),
        _whole("created_at"),
        _whole("deleted"),
        _blob("body"),
        PrimaryKeyConstraint("organization_id", "id"),
    )
    op.create_index("policies_by_location", "policies", ["organization_id", "location_id", "id"])
    op.create_index("policies_by_user", "policies", ["organization_id", "user_id", "id"])
    op.create_index(
        "policies_one_live",
        "policies",
        ["organization_id", "vehicle_id", "location_id"],
        unique=True,
        **_where("deleted = 0"),
    )


def _tracks_and_orders() -> None:
    op.create_table(
        "tracks",
        _text("organization_id"),
        _text("vehicle_id"),
        _whole("version"),
        _whole("wake_at", null=True),
        _blob("body"),
        PrimaryKeyConstraint("organization_id", "vehicle_id"),
    )
    op.create_index(
        "tracks_by_wake",
        "tracks",
        ["wake_at", "organization_id", "vehicle_id"],
        **_where("wake_at IS NOT NULL"),
    )
    op.create_table(
        "orders",
        _text("organization_id"),
        _text("id"),
        _text("vehicle_id"),
        _text("state"),
        _whole("created_at"),
        _blob("body"),
        PrimaryKeyConstraint("organization_id", "id"),
    )


def _sessions() -> None:
    op.create_table(
        "sessions",
        _text("organization_id"),
        _text("id"),
        _text("vehicle_id"),
        _text("policy_id", null=True),
        _text("location_id", null=True),
        _text("state"),
        _whole("recency", null=True),
        _whole("ended_at", null=True),
        _whole("short"),
        _text("zone", null=True),
        _blob("body"),
        PrimaryKeyConstraint("organization_id", "id"),
    )


def _session_indexes() -> None:
    op.create_index("sessions_by_vehicle", "sessions", ["organization_id", "vehicle_id", "state", "ended_at"])
    op.create_index(
        "sessions_by_zone", "sessions", ["zone", "state", "ended_at", "recency"], **_where("zone IS NOT NULL")
    )
    op.create_index(
        "sessions_one_unsettled",
        "sessions",
        ["organization_id", "policy_id"],
        unique=True,
        **_where("state <> 'SETTLED' AND policy_id IS NOT NULL"),
    )
    op.create_index(
        "sessions_settled", "sessions", ["organization_id", "recency", "id"], **_where("state = 'SETTLED'")
    )
    op.create_index(
        "sessions_settled_by_location",
        "sessions",
        ["organization_id", "location_id", "recency", "id"],
        **_where("state = 'SETTLED'"),
    )
    op.create_index(
        "sessions_settled_by_policy",
        "sessions",
        ["organization_id", "policy_id", "recency", "id"],
        **_where("state = 'SETTLED'"),
    )
    op.create_index(
        "sessions_settled_by_vehicle",
        "sessions",
        ["organization_id", "vehicle_id", "recency", "id"],
        **_where("state = 'SETTLED'"),
    )


def _outbox() -> None:
    op.create_table(
        "outbox",
        _position(),
        _text("organization_id"),
        _text("session_id"),
        _text("event_id"),
        _whole("created_at"),
        _whole("significant"),
        _whole("sequence", null=True),
        _blob("body"),
        PrimaryKeyConstraint("position"),
        sqlite_autoincrement=True,
    )
    op.create_index("outbox_by_session", "outbox", ["organization_id", "session_id", "position"])


def _facts() -> None:
    op.create_table(
        "facts",
        _text("organization_id"),
        _text("vehicle_id"),
        _blob("digest"),
        _whole("at"),
        _whole("received_at"),
        _blob("body"),
        PrimaryKeyConstraint("organization_id", "vehicle_id", "digest"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "fact_packs",
        _text("organization_id"),
        _text("vehicle_id"),
        _whole("until_at"),
        _whole("from_at"),
        _whole("count"),
        _blob("body"),
        PrimaryKeyConstraint("organization_id", "vehicle_id", "until_at"),
    )
    op.create_table(
        "quarantine",
        _position(),
        _text("organization_id"),
        _text("vehicle_id", null=True),
        _whole("received_at"),
        _text("reason"),
        _blob("raw"),
        PrimaryKeyConstraint("position"),
        sqlite_autoincrement=True,
    )


def _prices() -> None:
    op.create_table(
        "price_zones", _text("zone"), _text("currency"), _whole("stamp"), PrimaryKeyConstraint("zone")
    )
    op.create_table(
        "price_slots",
        _text("zone"),
        _whole("end_at"),
        _whole("start_at"),
        _text("price"),
        PrimaryKeyConstraint("zone", "end_at"),
        sqlite_with_rowid=False,
    )


def _text(name: str, *, null: bool = False) -> Column[str]:
    return Column(name, Text().with_variant(Text(collation="C"), "postgresql"), nullable=null)


def _whole(name: str, *, null: bool = False) -> Column[int]:
    return Column(name, BigInteger(), autoincrement=False, nullable=null)


def _blob(name: str) -> Column[bytes]:
    return Column(name, LargeBinary(), nullable=False)


def _position() -> Column[int]:
    whole = BigInteger().with_variant(Integer(), "sqlite")
    return Column("position", whole, Identity(always=False), nullable=False)


def _where(condition: str) -> dict[str, Any]:
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}
