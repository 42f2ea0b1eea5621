"""Charging stations: what they are, what they report, what they are told, and the transactions they meter."""
