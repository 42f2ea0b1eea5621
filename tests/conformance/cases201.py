"""Official central-system cases of OCPP 2.0.1 (part 6), as far as they are held."""

STANDARD = "2.0.1 part 6"
