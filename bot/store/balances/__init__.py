"""The balances room."""
