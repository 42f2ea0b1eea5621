"""Dwell: an engine for charging sessions."""
