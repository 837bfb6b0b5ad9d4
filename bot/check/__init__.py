"""`balance-bot check`: asks everything the bot needs whether it could run.

Begin with `check`; `server_rows` has what it says of a database server, `findings` how rows become a table.
"""
