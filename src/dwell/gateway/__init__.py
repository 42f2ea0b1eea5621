"""The only place that holds a station's socket: who is connected, what they say, and what they are told."""
