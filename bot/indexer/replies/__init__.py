"""Replies are sorted at once and mostly never read: nearly all of each says what the one before said.

Making amounts and descriptions of every row costs more than fetching it, so a reply goes three steps:

1. `collector` decodes the rows of each page, refuses what is wrong at sight, and sorts the rest by
   chain, account and contract into `sorted_rows`. Nothing is converted: amounts are still digits in strings.
2. `digests` makes 16 bytes of all that an account's rows say, spelled as they came. Equal digests mean
   equal answers, so the poller compares no account whose digest it knows.
3. `row_reader` turns the rows of the remaining accounts into amounts and descriptions.

`ReplyCollector.reply()` puts this behind one value, `bot.domain.ask.questions.Reply`: its `digests` are
ready, its `about(accounts)` and `descriptions(accounts)` read. There is only this one way to read a row, so
skipping an unchanged account gives the same result as reading it. The choice and its price:
docs/decisions/0013-unread-replies.md.
"""
