"""Decisions about observing: what to ask, how much at once, what an answer means, and who is told.

Begin with `plan` (subscriptions to questions), `readings` (answers to what was seen of each
account on each chain) and `compare` (what that says beside what is stored); `recipients` finds
who is told. `request_size`, `refused_targets` and `breaker` decide how a difficult source is
asked; `mass_loss`, `items`, `descriptions` and `outages` are one rule each; `holdings` holds
what /status and /balance show.
"""
