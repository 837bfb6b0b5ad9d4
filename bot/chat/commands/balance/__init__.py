"""The balance room."""
