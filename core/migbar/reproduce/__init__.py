"""The paper's tables and figures, and our own, made again from the published data."""
