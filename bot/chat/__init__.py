"""The room of Telegram: commands in, alerts and answers out."""
