"""History: named, small, frozen."""
