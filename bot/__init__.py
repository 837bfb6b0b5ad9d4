"""A Telegram bot that tells a team when balances change."""
