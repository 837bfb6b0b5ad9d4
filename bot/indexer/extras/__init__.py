"""What the bot can do without, and asks beside the polls so that no poll waits for it or fails by it.

Begin with `line.ExtraLine`, which carries one request. `history` asks which transfers the
source lists, `transfer_pages` merges the pages and `transfer_rows` reads them.
"""
