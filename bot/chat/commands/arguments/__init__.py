"""How what follows a command is read: addresses, chains, tokens, and which subscription somebody means.

`addresses`, `chain_names`, `amounts` and `conditions` are the only readers of these, for all commands;
`tokens` finds contracts by the symbol of what is held, `lookup` subscriptions by number, address or label;
`errors` says why something is not taken, and what may have been meant.
"""
