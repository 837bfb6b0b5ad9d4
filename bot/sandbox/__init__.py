"""The two neighbours of the bot as local servers, for trying, testing and measuring without any account."""
