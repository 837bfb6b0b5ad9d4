"""The room of the balances API: questions out, whole answers in."""
