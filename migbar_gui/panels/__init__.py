"""What stands around the 3D view: docks, the welcome page, notices."""
