"""A Telegram bot that tells a team when balances change.

The data takes one way, and its two workers meet only in the store:

    indexer -> poller -> store (outbox) -> dispatcher -> chat.text -> chat.telegram

The packages, from the top down; a module imports lower layers only (pyproject.toml has the contracts):

    __main__      the program: `balance-bot run`, `check`, `backup`, `sandbox`
    app           builds what all roles share, does the work of the roles it has, closes in reverse order
    check/        `balance-bot check`: asks everything the bot needs whether it could run
    sandbox/      the Indexer Gateway and Telegram as local servers, for trying and testing
    roles/        receiver, poller, sender, chores: what is built when a role begins, and who has which
    health/       whether the bot is sound, sees and sends: what the web pages say
    wiring        builds each part from the settings
    settings/     one file and the environment become one frozen value, or a list of all mistakes
    logs          one event a line, and no secret in any
    chat/         Telegram: commands in, alerts and answers out
    poller/       the worker that asks for balances, compares them and records what changed
    dispatcher    the worker that sends what waits in the outbox
    maintenance   the worker for daily jobs: backups, pruning
    web/          health pages and metrics
    chart/        charts as pictures
    indexer/      the client of the balances API: questions out, complete answers in
    store/        SQLite: what was observed, what must be sent, who subscribed
    domain/       values and decisions; no I/O, no clock

Begin with `domain.observations`, then follow an alert along the line above; docs/developing.md has the map,
and what to touch to add a command, a column, a notice or a table.
"""

__version__ = "0.1.0"
