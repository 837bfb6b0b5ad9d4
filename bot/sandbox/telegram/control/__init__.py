"""The local Telegram's control over HTTP: what other processes set up, do, break and look at.

Begin with `routes`; `chats`, `people` and `faults` are its three groups of POSTs. `bodies` reads what is
asked, `shown` writes what is answered.
"""
