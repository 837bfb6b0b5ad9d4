"""Both of the bot's neighbours as servers on this machine, for trying and testing it without accounts.

`gateway/` simulates the Indexer Gateway, `telegram/` the Bot API, and `terminal/` puts a person in front of
both (`balance-bot sandbox`). `signal` is the one way in which they wait for something. Nothing here is used
by a bot in service, and nothing here shares code with it. docs/sandbox.md lists what each server can do.
"""
