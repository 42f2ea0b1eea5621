"""What is kept aside is kept once."""

from __future__ import annotations

from alembic import op
from sqlalchemy import (
    BigInteger,
    Column,
    Identity,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Text,
)

revision = "0002"
down_revision: str | None = "0001"


def upgrade() -> None:
    """Only forwards. What was kept aside before has no digest, and is kept however often it came."""
    if op.get_context().dialect.name == "sqlite":
        _rebuild_quarantine()
    else:
        op.add_column("quarantine", Column("digest", LargeBinary(), nullable=True))
    op.create_index("quarantine_once", "quarantine", ["organization_id", "digest"], unique=True)


def _rebuild_quarantine() -> None:
    """SQLite would write the column behind the constraints, and the table would not read as it is declared."""
    op.rename_table("quarantine", "quarantine_0001")
    op.create_table(
        "quarantine",
        Column(
            "position",
            BigInteger().with_variant(Integer(), "sqlite"),
            Identity(always=False),
            nullable=False,
        ),
        Column("organization_id", Text(), nullable=False),
        Column("vehicle_id", Text(), nullable=True),
        Column("received_at", BigInteger(), autoincrement=False, nullable=False),
        Column("reason", Text(), nullable=False),
        Column("raw", LargeBinary(), nullable=False),
        Column("digest", LargeBinary(), nullable=True),
        PrimaryKeyConstraint("position"),
        sqlite_autoincrement=True,
    )
    op.execute(
        "INSERT INTO quarantine (position, organization_id, vehicle_id, received_at, reason, raw) "
        "SELECT position, organization_id, vehicle_id, received_at, reason, raw FROM quarantine_0001"
    )
    op.drop_table("quarantine_0001")
