"""Speed and scale, measured by hand and never by a test: see docs/performance.md."""
