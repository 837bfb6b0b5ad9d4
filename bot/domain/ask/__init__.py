"""Decisions about asking the source of balances: which questions, how large, and when to leave it alone.

Begin with `questions` (the values) and `plan` (subscriptions to the fewest questions that cover them).
`request_size`, `refused_targets` and `breaker` decide how a difficult source is asked; `progress` says how
far the present sweep has come.
"""
