"""The Bot API as the bot meets it: tokens, methods, limits and faults, refused in Telegram's own words.

Begin with `routes`, which takes a request in, and `methods`, which has one function for each method.
"""
