"""Commands that say which changes matter: what is reported, what rings, what waits.

Begin with `only`; `target` finds out for all of them whom a rule is for.
"""
