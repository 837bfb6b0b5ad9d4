"""The client of the balances API: questions out, whole answers in, or an IndexerError.

Begin with `client.IndexerClient`: it asks a question page after page. `transport` carries
one request over HTTP, `rate_limits` makes requests wait, `budget` bounds their memory;
`wire` writes questions and reads short replies, `pages` and `rows` read balances. What
comes out is a reply that is sorted and mostly never read: `replies` explains why and how.
`items` reads the ids of a collection, `loose_json` JSON of any shape. `errors`
lists everything that can go wrong, `error_replies` tells which of it happened.
"""
