"""Stations that wait for an operator's word."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, LargeBinary, PrimaryKeyConstraint, Text

revision = "0016"
down_revision: str | None = "0015"


def upgrade() -> None:
    """Only forwards."""
    op.create_table(
        "pending_stations",
        _text("organization_id"),
        _text("name"),
        Column("body", LargeBinary(), nullable=False),
        PrimaryKeyConstraint("organization_id", "name"),
    )


def _text(name: str) -> Column[str]:
    return Column(name, Text().with_variant(Text(collation="C"), "postgresql"), nullable=False)
