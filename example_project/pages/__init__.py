"""The site's pages: signing in, getting a token, seeing it run out."""
