"""Which transfers explain a change: who paid, who was paid, and in which transaction.

Begin with `transfers` (what the source lists) and `explanations` (what that says about one change);
`questions` is how the source is asked.
"""
