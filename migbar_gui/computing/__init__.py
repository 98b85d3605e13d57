"""What is computed for the workspace, and when."""
