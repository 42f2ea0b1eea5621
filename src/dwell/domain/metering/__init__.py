"""Energy over time: what a visit's registers, powers and charge levels say was charged, and when."""
