"""The room of SQLite: what was observed, what must be told, who asked."""
