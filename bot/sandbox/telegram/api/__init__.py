"""The Bot API as the bot meets it: tokens, methods, limits and faults, refused in Telegram's own words.

Begin with `routes`, which takes a request in, and `methods`, which has one function for each method, and
`commands`, which has those about menus. `parameters` reads what a call brings, `access` says what the bot may
do in a chat, `draft` checks texts and buttons, `limits` decides when to answer 429, and `faults` breaks
answers as tests ask for.
"""
