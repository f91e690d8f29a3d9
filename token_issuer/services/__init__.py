"""What happens, in what order, atomically: one use case a file. No requests, responses or status codes.

The only room that opens transactions. Every function takes ``at``; the edge reads the clock once.
"""
