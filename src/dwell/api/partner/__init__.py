"""The Partner dialect."""
