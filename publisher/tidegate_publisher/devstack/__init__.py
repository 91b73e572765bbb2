"""Everything a developer needs to play the whole chain on one machine."""
