"""Vendors' servers on this machine, for tests and the demo."""
