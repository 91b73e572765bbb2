"""The pages for people: HTML that needs no script to be read."""
