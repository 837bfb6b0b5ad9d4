"""The way to Telegram and back: everything that uses the library's client.

Out: `outgoing` sends messages, edits and toasts; `errors` says what each failure means, `send_queue` when a
message may leave, by what `shared_departures` knows of other programs; `reply_queue` keeps what people wait
for in order. In: `receiver` polls for updates and confirms them, `backlog` keeps those of strangers, `origin`
tells whose they are. Below both: `connection` and `transport`, the client and its HTTP; `stats` counts its
requests; `probe` and `bot_name` ask about the bot itself.
"""
