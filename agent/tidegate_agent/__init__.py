"""The update agent that runs on every host."""
