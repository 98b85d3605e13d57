"""The table of all commands, the menus made from it, and what those do that ask first."""
