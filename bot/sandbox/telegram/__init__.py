"""A local Telegram: the Bot API over HTTP, with people, chats and faults that tests and visitors set.

Begin with `server.Telegram`. `world/` is who and what exists and what people do, `api/` the Bot API's methods
as the bot calls them, and `control/` how other processes do what tests in this process do by methods of
`Telegram`.
"""
