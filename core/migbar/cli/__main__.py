"""Run the command line as ``python -m migbar.cli``."""

from migbar.cli import main

main()
