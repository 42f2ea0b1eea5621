"""Webhooks: subscriptions, their lines and what waits in them, and numbers for events."""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Column, Identity, Integer, LargeBinary, PrimaryKeyConstraint, Text, text

revision = "0008"
down_revision: str | None = "0007"


def upgrade() -> None:
    """Only forwards."""
    _numbers()
    _subscriptions()
    _queue()
    op.create_table(
        "webhook_attempts",
        _text("organization_id"),
        _text("webhook_id"),
        _text("id"),
        _whole("at"),
        _blob("body"),
        PrimaryKeyConstraint("organization_id", "webhook_id", "id"),
    )
    op.create_index("webhook_attempts_by_time", "webhook_attempts", ["at"])


def _numbers() -> None:
    op.create_table(
        "outbox_numbers",
        _text("organization_id"),
        _whole("last"),
        PrimaryKeyConstraint("organization_id"),
    )
    op.create_index("outbox_by_number", "outbox", ["organization_id", "sequence"])
    _index_where("sequence IS NULL", "outbox_to_route", "outbox", ["organization_id", "position"])
    _index_where("sequence IS NULL", "outbox_to_route_in_all", "outbox", ["position"])


def _subscriptions() -> None:
    op.create_table(
        "webhooks",
        _text("organization_id"),
        _text("id"),
        _whole("deleted"),
        _blob("body"),
        PrimaryKeyConstraint("organization_id", "id"),
    )
    op.create_table(
        "webhook_lines",
        _text("organization_id"),
        _text("webhook_id"),
        _whole("next_at", null=True),
        _whole("leased_until"),
        _blob("body"),
        PrimaryKeyConstraint("organization_id", "webhook_id"),
    )
    columns = ["next_at", "organization_id", "webhook_id"]
    _index_where("next_at IS NOT NULL", "webhook_lines_by_time", "webhook_lines", columns)


def _queue() -> None:
    op.create_table(
        "webhook_sequences",
        _text("organization_id"),
        _text("webhook_id"),
        _text("session_id"),
        _whole("last"),
        PrimaryKeyConstraint("organization_id", "webhook_id", "session_id"),
    )
    whole = BigInteger().with_variant(Integer(), "sqlite")
    op.create_table(
        "webhook_queue",
        Column("position", whole, Identity(always=False), nullable=False),
        _text("organization_id"),
        _text("webhook_id"),
        _whole("dead"),
        _text("session_id"),
        _text("event_id"),
        _whole("sequence"),
        _whole("created_at"),
        _blob("payload"),
        PrimaryKeyConstraint("position"),
        sqlite_autoincrement=True,
    )
    columns = ["organization_id", "webhook_id", "dead", "position"]
    op.create_index("webhook_queue_by_line", "webhook_queue", columns)
    _index_where("dead = 1", "webhook_queue_dead", "webhook_queue", ["created_at"])


def _index_where(condition: str, name: str, table: str, columns: list[str]) -> None:
    where = text(condition)
    op.create_index(name, table, columns, sqlite_where=where, postgresql_where=where)


def _text(name: str) -> Column[str]:
    return Column(name, Text().with_variant(Text(collation="C"), "postgresql"), nullable=False)


def _whole(name: str, *, null: bool = False) -> Column[int]:
    return Column(name, BigInteger(), autoincrement=False, nullable=null)


def _blob(name: str) -> Column[bytes]:
    return Column(name, LargeBinary(), nullable=False)
