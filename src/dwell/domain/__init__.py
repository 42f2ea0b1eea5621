"""What Dwell knows: pure values and functions, in the field's words. No input, no output, no clock."""
