"""A simulated Indexer Gateway that speaks the vendor's wire format over HTTP.

Begin with `server.Gateway`. A call is read by `request`, matched with `faults/`, charged by `limits` and
answered by `balances` (with `pages` and `rows`), `history/` or `prices` from `world`, whose `transfers` are
behind its balances; `answers` sends it, whole or spoiled. `knobs` are the choices that the vendor's documents
leave open, `errors` the vendor's codes and names of errors, `poison` is what swindlers do to a history, and
`control/` is how other processes change all of it.
"""
