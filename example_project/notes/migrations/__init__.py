"""The table of the notes."""
