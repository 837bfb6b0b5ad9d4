"""What a chat watches: `/watch`, `/unwatch`, `/list`, `/here`, and addresses that come without a command.

`grammar` reads the lines, `words` has the answers; the other files are a command each. Begin with `watch`.
"""
