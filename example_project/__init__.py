"""A real small site that uses the app; the tests run on it too."""
