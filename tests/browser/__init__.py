"""A package, unlike its neighbours: pytest closes a package's fixtures, the browser, after its last test."""
