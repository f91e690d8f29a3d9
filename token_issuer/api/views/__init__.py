"""One class for each call: read, ask a use case, render."""
