"""OCPP over text frames, without any input or output: frames, versions, and what stations make of both."""
