"""Alembic's hook: renders the steps for the engine the configuration names. Never connects; `schema` runs them."""

from __future__ import annotations

from alembic import context

context.configure(
    dialect_name=context.config.attributes["dialect"],
    literal_binds=True,
    transactional_ddl=False,  # whoever runs the script opens the transaction, around all of it
)
context.run_migrations()
