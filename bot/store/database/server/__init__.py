"""What only a PostgreSQL server needs.

`postgres` stands behind the door, `connect` connects, checks and brings the tables up to date, which `schema`
translates from those of the file. `refusals` says why a server lets nobody in, and `inspect` looks at it for
`balance-bot check`.

Begin with `postgres`.
"""
