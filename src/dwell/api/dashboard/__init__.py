"""The dashboard: pages for people, and the operations that only these pages need. See docs/decisions/0040."""
