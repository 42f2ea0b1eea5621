"""Tariffs, the formulas over them, and the keys by which a caller's repeated request is known."""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Column, LargeBinary, PrimaryKeyConstraint, Text

revision = "0007"
down_revision: str | None = "0002"


def upgrade() -> None:
    """Only forwards."""
    op.create_table(
        "tariffs",
        _text("organization_id"),
        _text("id"),
        _blob("body"),
        PrimaryKeyConstraint("organization_id", "id"),
    )
    op.create_table(
        "tariff_formulas",
        _text("organization_id"),
        _text("location_id"),
        _text("direction"),
        _blob("body"),
        PrimaryKeyConstraint("organization_id", "location_id", "direction"),
    )
    names = ("organization_id", "location_id", "direction", "source")
    op.create_table("tariff_uses", *(_text(name) for name in names), PrimaryKeyConstraint(*names))
    op.create_index(
        "tariff_uses_by_source", "tariff_uses", ["source", "organization_id", "location_id", "direction"]
    )
    op.create_table(
        "idempotency_keys",
        _text("organization_id"),
        _blob("key_digest"),
        Column("created_at", BigInteger(), autoincrement=False, nullable=False),
        _blob("body"),
        PrimaryKeyConstraint("organization_id", "key_digest"),
    )
    op.create_index("idempotency_keys_by_age", "idempotency_keys", ["organization_id", "created_at"])


def _text(name: str) -> Column[str]:
    return Column(name, Text().with_variant(Text(collation="C"), "postgresql"), nullable=False)


def _blob(name: str) -> Column[bytes]:
    return Column(name, LargeBinary(), nullable=False)
