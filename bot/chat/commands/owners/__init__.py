"""The owners room."""
