"""A Telegram bot that tells a team when balances change.

The flow is one way, and its two workers meet only in the store:

    indexer.client -> indexer.wire -> poller -> store | alerts | dispatcher -> chat.texts -> chat.sender

The rooms, from the roof down; a module imports lower floors only:

    __main__    the program: `balance-bot run`, `check`, `backup`, `sandbox`
    app         builds each part once and lets the workers run
    health      whether all of that is well, and how much of it there is
    check       asks everything the bot needs whether it could run
    sandbox     the two neighbours as local servers, for trying and testing
    settings    one file and the environment -> one frozen value, or every mistake at once
    logs        one event a line, no secret in any
    chat        Telegram: commands in, alerts and answers out
    poller      worker in: ask, compare, ask again by name, record
    dispatcher  worker out: due deliveries -> send -> settle
    web         the health pages and the metrics
    chores      worker for what is done once a day: copies of the database, forgetting old history
    web         the health pages
    indexer     the balances API: questions out, whole answers in
    store       SQLite: what was observed, what must be told, who asked
    domain      values and decisions; no I/O, no clock
"""

__version__ = "0.1.0"
