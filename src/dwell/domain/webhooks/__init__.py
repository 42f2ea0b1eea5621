"""Webhooks: who wants to be told what, how far a receiver's line is, and when to try again. Pure."""
