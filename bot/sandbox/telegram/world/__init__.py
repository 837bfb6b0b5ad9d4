"""Who and what exists in the local Telegram, and what people do there.

Begin with `world`, then `people` and `groups`, which add what people do to it; `updates` is the bot's queue
of what it may hear of. `html` and `wire` read and write the Bot API's formats, `clock` is a clock that tests
move.
"""
