"""What a sweep needs and leaves behind.

`sweeps` begins and ends one, `record` writes what a batch of it observed together with the alerts that follow
(`baselines` makes the notices of first readings), `gaps` and `outages` keep from when to when something could
not be seen and who was told, `chains` what the source lists. `freshness` reads all of it for /status,
`holdings` for /balance, and `worth` keeps once a day what that is worth. Begin with `record`.
"""
