"""The cache mode on a real Redis that is killed, frozen and spoilt, and in several processes at once."""
