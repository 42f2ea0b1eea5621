"""Where prices came from, and the log of who changed what."""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Column, Identity, Integer, LargeBinary, PrimaryKeyConstraint, Text

revision = "0012"
down_revision: str | None = "0008"


def upgrade() -> None:
    """Only forwards."""
    op.create_table(
        "price_origins",
        Column(
            "position",
            BigInteger().with_variant(Integer(), "sqlite"),
            Identity(always=False),
            primary_key=True,
        ),
        _text("zone"),
        _whole("start_at"),
        _whole("end_at"),
        Column("body", LargeBinary(), nullable=False),
    )
    op.create_index("price_origins_by_zone", "price_origins", ["zone", "end_at"])
    op.create_table(
        "audit_log",
        _text("organization_id"),
        _whole("number"),
        Column("hash", LargeBinary(), nullable=False),
        Column("body", LargeBinary(), nullable=False),
        PrimaryKeyConstraint("organization_id", "number"),
    )


def _text(name: str) -> Column[str]:
    return Column(name, Text().with_variant(Text(collation="C"), "postgresql"), nullable=False)


def _whole(name: str) -> Column[int]:
    return Column(name, BigInteger(), autoincrement=False, nullable=False)
