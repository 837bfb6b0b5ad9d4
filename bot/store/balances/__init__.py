"""What is known of accounts: balances, the parts that were observed, and what assets are and were worth.

`snapshots` reads what a new reading is compared with, `prints` keeps what need not be compared at all,
`coverage` says which parts somebody still asks for, `assets` finds and writes the rows of assets for a whole
batch, `prices`, `look_alikes`, `held_tokens`, `daily_amounts` and `watched` answer one question each. Begin
with `snapshots`.
"""
