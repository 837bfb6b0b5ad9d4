"""What people can type: one file, or one folder, for each family of commands.

`registry` lists them all; parser, rights, `command_menu`, /help, the manual and callbacks follow from it.
`command` says what a command declares, `dispatch` turns messages and presses into what they ask for,
`replies` what a command means that replies to a message, `arguments/` reads addresses, chains and names of
subscriptions, `words` has what several answers say alike.
The commands: `basics` (/start, /help, /id), `mute`, `ignore`, and in folders `watch/`, `balance/`, `history/`
and `owners/`. Begin with `mute`: it has everything that a command can have.
"""
