"""The remote procedure calls that carry OCPP: frames, and who may speak when. Knows no message."""
