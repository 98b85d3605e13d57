"""What stands in the docks around the 3D view, and in the middle."""
