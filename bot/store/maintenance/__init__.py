"""What keeps the database in order: `jobs` (what is due), `backup`, `retention` (pruning) and `stats`.

Begin with `jobs`; `bot/maintenance.py` is the worker that asks it.
"""
