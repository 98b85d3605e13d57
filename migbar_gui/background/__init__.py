"""Work beside the window: threads of its own, processes that outlive it, and garbage."""
