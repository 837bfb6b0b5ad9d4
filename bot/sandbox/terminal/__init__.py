"""The sandbox for people: one terminal is everybody's chat with the bot, and the world around it moves.

Begin with `terminal.Terminal`. `commands` reads what is typed; `people`, `moves` and `faults` do it; `view`
shows it; `screen` and `prompt` are where it is typed. `scenario` is the world that a visitor finds, `names`
how its people and chats are called.
"""
