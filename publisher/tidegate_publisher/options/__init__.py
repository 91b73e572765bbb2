"""Options that several commands share, each group with the object that it becomes."""
