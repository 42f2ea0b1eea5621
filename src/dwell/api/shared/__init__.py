"""What the dialects share, and what knows none of them: requests in, answers out, credentials, cursors, limits."""
