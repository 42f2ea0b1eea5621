"""What Dwell can do: one async function per use case, one transaction each, all input and output through `ports`."""
