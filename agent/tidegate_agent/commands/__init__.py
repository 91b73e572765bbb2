"""The commands, grouped by whom they serve. Each returns what to print; `cli.py` prints it and exits."""
