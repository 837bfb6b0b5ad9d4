"""What people in a chat may do and asked for: access, audit, labels, mutes, ignore lists, limits.

Begin with `access`, which decides whether a command is carried out at all, and `command_limits`, which bounds
how many are. The other modules hold the values that one feature of the chat hands to the store and gets back:
`known_chats`, `claims` and `audit` those of owners; `subscribe`, `unsubscribe`, `labels`, `mutes` and
`ignore_list` those of what a chat watches.
"""
