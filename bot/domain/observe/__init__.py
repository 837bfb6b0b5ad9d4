"""Decisions about observing: what to ask, how much at once, what an answer means, and who gets an alert.

Begin with `plan` (subscriptions to questions), `readings` (answers to what was seen of each account on each
chain) and `compare` (what that says beside what is stored); `recipients` finds which destinations get an
alert. `request_size`, `refused_targets` and `breaker` decide how a difficult source is asked; `mass_loss`,
`items`, `descriptions` and `outages` are one rule each; `holdings` has what /status and /balance show, and
`worth` what that is worth.
"""
