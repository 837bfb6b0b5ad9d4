"""Watchlists as text: all that a chat watches written down, and added to what another one watches.

`writer` and `reader` are each other's inverse; `meaning` looks up what only the place can tell.
"""
