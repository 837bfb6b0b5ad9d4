"""The chat room."""
