"""The words of alerts, and what they share with answers: values become safe HTML within Telegram's limits.

`alerts.compose` makes one message of the alerts that wait for a chat: notices (`notices`, `outages`) above
changes (`changes`, `prices`), then the message id. Only `html` writes tags, and only `untrusted` shows what
strangers named: tokens, chats, reasons of a server. `wording` has what has to look the same everywhere. The
words of a command are beside the command, in `chat/commands`.
"""
