"""The native dialect, `/v1`: ingest."""
