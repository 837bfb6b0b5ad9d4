"""Commands about the past: what happened and why, how it looks, and all of it to take away.

`history`, `why`, `chart` and `export` are one command each. What they are about (account, token, chain, time)
is read by `subject` and `periods`, and looked up by `lookup`. `export_writer` writes the file that
`export_jobs` lets come later.
"""
