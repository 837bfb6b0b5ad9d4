"""The answer that lists transfers: GetTransactionHistory (docs/indexer-gateway.md, "History").

Begin with `transactions`. `request` reads what is asked, `pages` cuts the rows into pages, and `rows` writes
them.
"""
