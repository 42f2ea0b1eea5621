"""Charging stations: what is registered of them, their transactions, and every message they sent."""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Column, Identity, Integer, LargeBinary, PrimaryKeyConstraint, Text, text

revision = "0014"
down_revision: str | None = "0013"


def upgrade() -> None:
    """Only forwards."""
    _make_registry()
    _make_transactions()


def _make_registry() -> None:
    op.create_table(
        "stations",
        _text("organization_id"),
        _text("id"),
        _text("name"),
        _blob("body"),
        PrimaryKeyConstraint("organization_id", "id"),
    )
    op.create_index("stations_by_name", "stations", ["name"], unique=True)
    op.create_table(
        "evses",
        _text("organization_id"),
        _text("evse_key"),
        _text("station_id"),
        _blob("body"),
        PrimaryKeyConstraint("organization_id", "evse_key"),
    )
    op.create_table(
        "id_tokens",
        _text("organization_id"),
        _blob("key_digest"),
        _blob("body"),
        PrimaryKeyConstraint("organization_id", "key_digest"),
    )
    op.create_table(
        "driver_tariffs",
        _text("organization_id"),
        _text("scope"),
        _blob("body"),
        PrimaryKeyConstraint("organization_id", "scope"),
    )


def _make_transactions() -> None:
    op.create_table(
        "transactions",
        _text("organization_id"),
        _text("id"),
        _text("station_id"),
        _blob("reference_digest", null=True),
        _whole("stamped_at", null=True),
        _text("status"),
        _text("auth_type"),
        _text("user_id", null=True),
        _whole("open"),
        _whole("recency"),
        _whole("wake_at", null=True),
        _blob("body"),
        PrimaryKeyConstraint("organization_id", "id"),
    )
    station = ["organization_id", "station_id"]
    op.create_index("transactions_newest", "transactions", ["organization_id", "recency", "id"])
    op.create_index("transactions_by_reference", "transactions", [*station, "reference_digest"])
    op.create_index("transactions_by_stamp", "transactions", [*station, "stamped_at"])
    _make_index_where("open = 1", "transactions_open", station)
    _make_index_where("wake_at IS NOT NULL", "transactions_by_wake", ["wake_at"])
    op.create_table(
        "transaction_samples",
        _text("organization_id"),
        _text("transaction_id"),
        _whole("at"),
        _blob("digest"),
        _blob("body"),
        PrimaryKeyConstraint("organization_id", "transaction_id", "at", "digest"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "station_frames",
        _position(),
        _text("organization_id"),
        _text("station_id"),
        _whole("received_at"),
        _text("protocol"),
        _blob("body"),
        PrimaryKeyConstraint("position"),
        sqlite_autoincrement=True,
    )
    op.create_index("station_frames_by_station", "station_frames", [*station, "position"])


def _make_index_where(condition: str, name: str, columns: list[str]) -> None:
    where = text(condition)
    op.create_index(name, "transactions", columns, sqlite_where=where, postgresql_where=where)


def _text(name: str, *, null: bool = False) -> Column[str]:
    return Column(name, Text().with_variant(Text(collation="C"), "postgresql"), nullable=null)


def _whole(name: str, *, null: bool = False) -> Column[int]:
    return Column(name, BigInteger(), autoincrement=False, nullable=null)


def _blob(name: str, *, null: bool = False) -> Column[bytes]:
    return Column(name, LargeBinary(), nullable=null)


def _position() -> Column[int]:
    whole = BigInteger().with_variant(Integer(), "sqlite")
    return Column("position", whole, Identity(always=False), nullable=False)
