"""The configuration: a TOML file and the environment make one frozen `Settings`, or every mistake at once.

Each key is also `BALANCE_BOT_<SECTION>__<KEY>` in the environment, which beats the file; lists are given with
commas there. A secret may stand in a file of its own, named by `<key>_file`.

Begin with `load.load_settings`. `sections` has the keys with their defaults and checks; `stray_secrets` keeps
secrets out of what is printed. Only the top of the program reads settings; all else gets plain values.
"""
