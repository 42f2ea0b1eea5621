"""Live feeds of market prices."""
