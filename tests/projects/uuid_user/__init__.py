"""A site whose people have a UUID for a key and neither e-mail, username nor groups."""
