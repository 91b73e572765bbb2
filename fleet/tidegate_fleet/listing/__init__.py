"""Who a fleet is and what it runs, from what the broker has in store.

`gathering` reads statuses and statements until they have come, or goes on. `register` keeps a row for each
host in each channel, and sums them up in a `tally`; `drift` says why a host does not run what is announced.
`choice` picks rows; `text`, `documents` and `live` show them. Only `gathering` and `live` do I/O.
"""
