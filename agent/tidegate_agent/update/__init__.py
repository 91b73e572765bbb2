"""The nouns of the update machine: its states, the events it hears, the commands it gives.

`machine.step` moves between them. Plain frozen data; the journal stores the states as JSON.
"""
