"""The page and its API: what was collected, to look at. Nothing here changes a fleet, or what was kept."""
