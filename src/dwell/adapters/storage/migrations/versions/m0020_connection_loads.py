"""What the meter of a connection said last, and how the balancer stands to it."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, LargeBinary, PrimaryKeyConstraint, Text

revision = "0020"
down_revision: str | None = "0019"


def upgrade() -> None:
    """Only forwards."""
    op.create_table(
        "connection_loads",
        _text("organization_id"),
        _text("location_id"),
        Column("body", LargeBinary(), nullable=False),
        PrimaryKeyConstraint("organization_id", "location_id"),
    )


def _text(name: str) -> Column[str]:
    return Column(name, Text().with_variant(Text(collation="C"), "postgresql"), nullable=False)
