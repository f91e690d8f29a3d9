"""A site whose every default is against us: the app's answers must not change."""
