"""The chats room."""
