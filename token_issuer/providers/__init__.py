"""What one vendor's token is, one file per vendor. No database, no sockets, no encryption."""
