"""Everything that outlives the process, in one SQLite file.

The tables come in families: what was observed (account, asset, balance, coverage, change and the like), which
transfers explain it (explanation, leg), what waits to be sent (alert, delivery), who uses the bot (chat,
destination, subscription, mute, audit and more), and what sweeps and recurring work leave behind (chain, due,
setting). `schema` has them all.

The other rooms say `await db.run(mutes.mute, place, …)`: `database/connection` runs the function as one unit
of work in the database's thread, and what it commits wakes the dispatcher or the poller (`database/signals`).
Begin with `polling/record` and `outbox/queue`: an observation is written together with its alerts, and a
message is written before it is sent.
"""
