"""What was collected, in SQLite or PostgreSQL. docs/adr/0021-the-store.md says why it is built so.

connect     a database out of a URL, ready for use      schema      its tables
versions    which tables it has, and bringing forward   faults      errors of databases, in words for people
writer      takes batches of words in, each once        rows        dossiers to rows and back
reader      answers history.History                     finding     which hosts a query asks for
placing     who is in which wave                        upkeep      what is forgotten after how long
"""
