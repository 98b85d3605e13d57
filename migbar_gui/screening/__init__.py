"""Screening many structures from the window: what to screen, the table that fills, and opening its rows."""
