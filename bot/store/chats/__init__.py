"""Who uses the bot and what they asked for: one module for each thing that people can change.

`chats` says who may use the bot and can be reached, `access_requests` and `owners` how they got in, `audit`
who changed what. `subscriptions` and `unsubscribe`, `mutes`, `ignore_list` and `button_commands` belong to
the commands of these names, as do the modules of `rules`; `names` has what addresses are called that nobody
watches. `migrate` follows a group that became another chat. Begin with `subscriptions`.
"""
