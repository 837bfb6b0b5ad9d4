"""What people in a chat may do and asked for: access, audit, labels, mutes, ignore lists, limits.

Begin with `access`, which decides whether a command is carried out at all. The other modules hold the values
that one feature of the chat hands to the store and gets back.
"""
