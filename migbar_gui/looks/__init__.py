"""What panels and dialogs are made of, and what they and the 3D view are drawn with."""
