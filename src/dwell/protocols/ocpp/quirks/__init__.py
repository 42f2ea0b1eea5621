"""What stations get wrong, put right by pure functions: units and phases of samples, and clocks."""
