"""How a database comes to its schema, one numbered step after another. `schema` runs them.

To add one: change `tables` and its SCHEMA, then write `versions/mNNNN_what.py` with the next number as `revision` and
the present one as `down_revision`. It is rendered to SQL without a connection, so it cannot read rows into Python;
data is changed by SQL (`op.execute`). A test compares what all migrations make with what `tables` says, on both
engines.
During a rolling update the version before must be able to read what a step leaves: add first, remove a release later.
"""
