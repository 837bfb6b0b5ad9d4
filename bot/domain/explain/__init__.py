"""Which transfers explain a change: who paid, who was paid, and in which transaction.

Begin with `transfers` (what the source lists), `explanations` (what that says about one change) and
`matching` (how the one is found from the other); `questions` is how the source is asked.
"""
