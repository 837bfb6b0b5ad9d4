"""The one door to the database, and all that only its file needs.

`door` is what units of work take, and `lite` is SQLite behind it: no other folder knows the engine, and its
statements are in the SQL that SQLite and PostgreSQL have in common. `connection` opens the file and owns the
thread that all work runs in; `schema` has the tables and how they came to be. `copy` makes backups, `inspect`
looks without changing anything, `errors` says what to do about a full disk and the like, and `signals` wakes
whoever waits for something new.

Begin with `door`.
"""
