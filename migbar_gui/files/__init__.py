"""What comes in and what leaves: structures, sessions, tables, plots and scripts."""
