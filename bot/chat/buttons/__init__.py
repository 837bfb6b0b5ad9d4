"""The buttons room."""
