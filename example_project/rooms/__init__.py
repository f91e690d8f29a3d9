"""Rooms and who is in them: what the site's policy asks."""
