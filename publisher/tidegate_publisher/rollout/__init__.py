"""Leading a release from wave to wave: what to wait for, what to do next, and the run that does it."""
