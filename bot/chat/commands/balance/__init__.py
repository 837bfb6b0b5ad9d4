"""`/balance` and `/status`: what accounts hold, and how far that is seen.

`balance` handles the command and its buttons, `holdings` words the balances, `live` asks the source about
accounts that nobody watches, `status` is all of /status.
"""
