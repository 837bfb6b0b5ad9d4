"""`balance-bot check`: asks everything the bot needs whether it could run.

Begin with `check`; `file_rows` and `server_rows` have what it says of the database, `findings` how rows
become a table.
"""
