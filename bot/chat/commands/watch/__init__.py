"""What a chat watches: `/watch`, `/unwatch`, `/rename`, `/list`, `/here`, and addresses without a command.

`grammar` reads the lines, `words` has the answers. `watch`, `unwatch` and `rename` are a command each,
`watch_list` is /list and /here, `bare` takes addresses without a command. Begin with `watch`.
"""
