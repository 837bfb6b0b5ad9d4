"""Decisions about answers: what they mean beside what is stored, and who gets an alert about it.

Begin with `readings` (answers to what was seen of each account on each chain) and `compare` (what that says
beside what is stored); `recipients` finds which destinations get an alert, and `filters` from whom one is
held back. `mass_loss`, `items`, `descriptions`, `prices` and `outages` are one rule each; `holdings` has what
/status and /balance show, and `worth` what that is worth.
"""
