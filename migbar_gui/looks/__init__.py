"""What panels, dialogs and the 3D view are drawn with."""
