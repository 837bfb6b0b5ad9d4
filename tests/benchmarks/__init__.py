"""What the bot costs: `make bench` measures it against docs/performance.md and prints a table.

The load gateway runs in a process of its own, the bot's parts in this one. The machine
may be noisy, so what matters is a ratio of two things measured in the same run,
or processor time.
"""
