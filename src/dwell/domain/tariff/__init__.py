"""Prices as curves over time, and what energy costs along them."""
