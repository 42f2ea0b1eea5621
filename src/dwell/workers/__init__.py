"""What time does: loops that wait for the next instant at which something is due."""
