"""Use cases of charging stations: what they are, what they say, what they are told, and what is made of it."""
