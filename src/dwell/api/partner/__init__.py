"""The Partner dialect: a user's electric vehicles and their current sessions."""
