"""The one door to the database, and all that only its file or its server needs.

`door` is what units of work take; `lite` is SQLite behind it, and `server` has PostgreSQL: no other folder
knows the engine, and its statements are in the SQL that both have in common. `connection` opens either and
owns the thread that all work runs in. `schema` has the tables and how they came to be. `file` checks and
locks the file, `copy` makes backups of it, `inspect` looks without changing anything, `errors` says what to
do about a full disk and the like, and `signals` wakes whoever waits for something new. `tables` lists all
tables with their keys and references, and `moved` refuses a database whose data is elsewhere by now
(`bot.store.move`).

Begin with `door`.
"""
