"""The room of the health pages: plain values over aiohttp's server."""
