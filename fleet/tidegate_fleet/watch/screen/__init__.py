"""The view that fills a terminal, with textual. Loaded only for it: textual is an extra."""
