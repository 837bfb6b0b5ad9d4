"""The watch room."""
