"""Who may read: each kind of login is a door."""
