"""The polling room."""
