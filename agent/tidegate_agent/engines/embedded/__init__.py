"""The embedded image engine: OCI images laid out as hard-linked generations, with nothing but Python.

Fetching, reading and merging layers are shared with other engines: `tidegate_agent.engines.images`.

- `engine`: the port itself: stage, activate, rollback, discard, status
- `ingest`: one layer on its way into objects and a record
- `checkout`: the merged tree as directories and links below one directory handle
- `store`: the folders on disk, the lock, one staging's place, its commit
- `generations`: the three pointers current, previous and staged, switched by one rename
- `integrity`: is what lies there what was staged? All of it on demand, what others can alter before each use
"""
