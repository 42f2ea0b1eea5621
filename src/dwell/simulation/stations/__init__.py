"""Virtual charging stations: what they live through, how they tell it, what they get wrong, their sockets."""
