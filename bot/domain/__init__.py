"""Values and decisions: no I/O, no clock, no library of the packages above.

Time, randomness and addresses come in as arguments, so everything here is tested with plain calls.

    assets, questions, observations, subscriptions, places    the values that all packages share
    addresses, chains, symbols, units, secrets                 what texts mean, and how values are written
    backoff, due, drifts, class_names                          rules that several of them need
    observe/    what to ask, what a reading says, who gets an alert about it
    deliver/    alerts and their way to Telegram: retries, pace, outages
    chat/       what people in a chat may do, and what they asked for

Begin with `observations`, then `observe.compare` (reading against store) and `observe.recipients` (change
against subscriptions).
"""
