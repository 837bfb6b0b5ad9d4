"""What can go wrong with the gateway's answers.

Begin with `kinds`, where each fault is a small value that says which calls it applies to. `active` keeps
those that are not healed yet and finds the ones that one call meets.
"""
