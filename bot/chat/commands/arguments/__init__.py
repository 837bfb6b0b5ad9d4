"""How what follows a command is read: addresses, chains, and which subscription somebody means.

`addresses` and `chain_names` are the only readers of addresses and chains, for all commands; `lookup` finds
subscriptions by number, address or label; `errors` says why something is not taken.
"""
