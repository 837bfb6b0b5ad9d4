"""Everything that outlives the process, in one SQLite file.

The tables come in families: what was observed (account, asset, balance, coverage, change and the like), what
waits to be sent (alert, delivery), who uses the bot (chat, destination, subscription, mute, audit and more),
and what sweeps and recurring work leave behind (chain, due, setting). `schema` has them all.

Begin with `store`, whose methods are what the other rooms call. Each runs one function of a module here as
one unit of work in the database's thread (`database`). `record` and `outbox` matter most: an observation is
written together with its alerts, and a message is written before it is sent.
"""
