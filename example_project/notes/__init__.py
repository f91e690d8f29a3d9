"""People's notes, behind the site's own tokens: one view for each kind of them."""
