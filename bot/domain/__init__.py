"""Values and decisions: no I/O, no clock, no library of the packages above.

Time, randomness and addresses come in as arguments, so everything here is tested with plain calls.

    assets, observations, subscriptions, places    the values that all packages share
    addresses, chains, symbols, units, secrets           what texts mean, and how values are written
    backoff, due, drifts, class_names                    rules that several of them need
    ask/        what to ask the source of balances, and how
    observe/    what a reading says beside what is stored, and who gets an alert about it
    deliver/    alerts and their way to Telegram: retries, pace, outages
    explain/    which transfers explain a change
    history/    what a destination may look up of its past
    chat/       what people in a chat may do, and what they asked for

Begin with `observations`, then `ask.plan` (subscriptions to questions), `observe.compare` (reading against
store) and `observe.recipients` (change against subscriptions).
"""
