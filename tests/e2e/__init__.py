"""The example project in a real browser."""
