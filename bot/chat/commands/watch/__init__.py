"""What a chat watches: `/watch`, `/unwatch`, `/list`, `/here`, and addresses that come without a command.

`grammar` reads the lines, `words` has the answers. `watch` and `unwatch` are a command each, `watch_list` is
/list and /here, `bare` takes addresses without a command. Begin with `watch`.
"""
