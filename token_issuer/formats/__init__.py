"""Byte-exact codecs, one file per wire format. No clocks, no settings, no Django."""
