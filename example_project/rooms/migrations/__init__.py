"""The tables of the rooms."""
