"""The agent's ports, made real: one file for each piece of the outside."""
