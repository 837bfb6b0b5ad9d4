"""The telegram room."""
