"""Models that predict barriers, and the store they are kept in."""
