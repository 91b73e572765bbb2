"""What those who watch a fleet run: the live view, the collector with its page, the report.

Nothing in here signs anything or talks to a host; it listens.
"""
